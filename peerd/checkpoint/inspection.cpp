#include "peerd/checkpoint/inspection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

#include "peerd/checkpoint/board.h"
#include "peerd/checkpoint/task_paths.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"

namespace peerd {
namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr unsigned kMemoryDevices = 1;

// A file's place as a process of the board sees it.
struct Place {
  enum class Kind { own, board, other } kind = Kind::other;  // in the stay; outside; not a file
  std::string path;                                          // of Kind::board: on the board
  bool deleted = false;
};

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

Place place_of(std::string_view link) {
  Place place;
  if (link.ends_with(kDeleted)) {
    place.deleted = true;
    link.remove_suffix(kDeleted.size());
  }
  if (!is_within(link, kTaskRoot)) return place;
  link.remove_prefix(std::string_view(kTaskRoot).size());
  place.kind = is_within(link, kTaskDirectory) ? Place::Kind::own : Place::Kind::board;
  place.path = link.empty() ? "/" : std::string(link);
  return place;
}

bool is_harmless_device(const struct stat& status) {
  if (major(status.st_rdev) != kMemoryDevices) return false;
  constexpr unsigned kNull = 3, kZero = 5, kFull = 7, kRandom = 8, kUrandom = 9;
  const unsigned which = minor(status.st_rdev);
  return which == kNull || which == kZero || which == kFull || which == kRandom ||
         which == kUrandom;
}

// Those anonymous descriptors that CRIU restores.
bool is_restorable(std::string_view anonymous) {
  for (const std::string_view known :
       {"[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]", "[pidfd]", "inotify"}) {
    if (anonymous == known) return true;
  }
  return false;
}

// Inodes of all network sockets of the task's network namespace.
std::set<std::string> network_sockets(pid_t init) {
  struct Table {
    const char* name;
    int inode_column;
  };
  constexpr Table kTables[] = {{"tcp", 9},     {"tcp6", 9},   {"udp", 9},    {"udp6", 9},
                               {"udplite", 9}, {"raw", 9},    {"raw6", 9},   {"icmp", 9},
                               {"icmp6", 9},   {"packet", 8}, {"netlink", 9}};
  std::set<std::string> inodes;
  for (const Table& table : kTables) {
    const std::string text = read_text(proc_path(init, std::string("net/") + table.name));
    for_each_line(text, [&](std::string_view line) {
      std::istringstream fields{std::string(line)};
      const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
      const auto column = static_cast<std::size_t>(table.inode_column);
      if (words.size() > column) inodes.insert(words[column]);
    });
  }
  return inodes;
}

std::uint64_t kilobytes(std::string_view value) {
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number * 1024;
}

class Inspector {
 public:
  explicit Inspector(pid_t init) : init_(init) {}

  Inspection run() {
    const std::vector<pid_t> processes = processes_of(init_);
    if (processes.empty()) obstacle("it is gone");
    if (this_board().has_unsaved_registers) obstacle("vector registers would be lost");
    result_.processes = processes.size();
    for (const pid_t pid : processes) look_at(pid);
    for (const std::string& path : needed_) {
      if (std::optional<NeededFile> file = describe_file(path)) result_.files.push_back(*file);
    }
    return result_;
  }

 private:
  void obstacle(const std::string& what) {
    if (!result_.obstacle.empty()) return;
    result_.obstacle = what;
    if (!name_.empty()) result_.obstacle += " (" + name_ + ")";
  }

  void look_at(pid_t pid) {
    const std::string status = read_text(proc_path(pid, "status"));
    name_ = field_of(status, "Name");
    if (field_of(status, "TracerPid") != "0" && !status.empty()) obstacle("it is being traced");
    result_.resident_bytes += kilobytes(field_of(status, "RssAnon")) +
                              kilobytes(field_of(status, "RssShmem")) +
                              kilobytes(field_of(status, "VmSwap"));
    look_at_namespaces(pid);
    for (const char* link : {"exe", "cwd", "root"}) need(place_of(read_link(proc_path(pid, link))));
    look_at_mappings(pid);
    for (const std::string& number : names_in(proc_path(pid, "fd")))
      look_at_descriptor(pid, number);
    name_.clear();
  }

  void look_at_namespaces(pid_t pid) {
    for (const char* kind : {"mnt", "pid", "net", "user", "ipc", "uts", "cgroup"}) {
      const std::string own = read_link(proc_path(pid, std::string("ns/") + kind));
      const std::string of_init = read_link(proc_path(init_, std::string("ns/") + kind));
      if (!own.empty() && !of_init.empty() && own != of_init)
        obstacle(std::string("it has a ") + kind + " namespace of its own");
    }
  }

  void need(const Place& place) {
    if (place.kind != Place::Kind::board || place.deleted) return;
    if (is_within(place.path, "/proc") || is_within(place.path, "/sys"))
      return obstacle(place.path + " is open");
    if (place.path.find('\n') != std::string::npos) return obstacle("a file's name has two lines");
    needed_.insert(place.path);
  }

  void look_at_deleted(const std::string& link, const std::string& name) {
    struct stat status {};
    if (::stat(link.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    if (static_cast<std::uint64_t>(status.st_size) > kMaxDeletedFileBytes)
      obstacle(name + " is open, deleted, and larger than " +
               std::to_string(kMaxDeletedFileBytes >> 20) + " MiB");
  }

  // "7f00-7f01 rw-s 00000000 00:01 1234   /path"
  void look_at_mappings(pid_t pid) {
    for_each_line(read_text(proc_path(pid, "maps")), [&](std::string_view line) {
      const std::size_t slash = line.find('/');
      std::istringstream fields{std::string(line)};
      std::string range, access;
      fields >> range >> access;
      if (slash == std::string_view::npos) {
        if (line.find("anon_inode:") != std::string_view::npos)
          obstacle("special memory is mapped: " + std::string(line.substr(line.rfind(' ') + 1)));
        return;
      }
      const std::string_view file = line.substr(slash);
      if (file.starts_with("/SYSV")) return obstacle("it uses System V shared memory");
      const Place place = place_of(file);
      if (place.kind == Place::Kind::board && is_within(place.path, "/dev") &&
          !is_within(place.path, "/dev/shm"))
        return obstacle("a device is mapped: " + place.path);
      const bool shared = access.size() == 4 && access[1] == 'w' && access[3] == 's';
      if (shared && place.kind == Place::Kind::board && !place.deleted)
        obstacle("it changes a file outside its directory: " + place.path);
      if (place.deleted && place.kind != Place::Kind::other)
        look_at_deleted(proc_path(pid, "map_files/" + range), place.path);
      need(place);
    });
  }

  void look_at_descriptor(pid_t pid, const std::string& number) {
    const std::string path = proc_path(pid, "fd/" + number);
    const std::string link = read_link(path);
    if (link.empty() || link.starts_with("pipe:") || link.starts_with("/memfd:")) return;
    if (link.starts_with("socket:")) return look_at_socket(link);
    if (link.starts_with("anon_inode:")) {
      const std::string kind = link.substr(std::string_view("anon_inode:").size());
      if (!is_restorable(kind)) obstacle("a special descriptor is open: " + kind);
      return;
    }
    look_at_file(pid, number, link);
  }

  void look_at_socket(std::string_view link) {
    if (!sockets_) sockets_ = network_sockets(init_);
    const std::size_t open = link.find('[');
    if (open == std::string_view::npos) return;
    const std::string inode(link.substr(open + 1, link.size() - open - 2));
    if (sockets_->count(inode) > 0) obstacle("a network socket is open");
  }

  void look_at_file(pid_t pid, const std::string& number, const std::string& link) {
    const std::string path = proc_path(pid, "fd/" + number);
    const Place place = place_of(link);
    const std::string& name = place.path.empty() ? link : place.path;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      if (is_harmless_device(status)) return;
      const bool terminal = is_within(name, "/dev/pts") || name.starts_with("/dev/tty") ||
                            name == "/dev/console" || name == "/dev/ptmx";
      return obstacle((terminal ? "a terminal is open: " : "a device is open: ") + name);
    }
    if (place.kind == Place::Kind::other) return obstacle(name + " is open");
    if (place.deleted) return look_at_deleted(path, name);
    if (place.kind == Place::Kind::board && S_ISREG(status.st_mode) && is_writable(pid, number))
      obstacle("it writes to a file outside its directory: " + name);
    if (place.kind == Place::Kind::board && S_ISFIFO(status.st_mode))
      obstacle("a named pipe outside its directory is open: " + name);
    need(place);
  }

  static bool is_writable(pid_t pid, const std::string& number) {
    const std::string info = read_text(proc_path(pid, "fdinfo/" + number));
    const std::string_view text = field_of(info, "flags");
    int flags = 0;
    std::from_chars(text.data(), text.data() + text.size(), flags, 8);
    return (flags & O_ACCMODE) != O_RDONLY;
  }

  pid_t init_;
  std::string name_;  // of the process that is looked at
  std::optional<std::set<std::string>> sockets_;
  std::set<std::string> needed_;
  Inspection result_;
};

}  // namespace

Inspection inspect_task(pid_t init) {
  return Inspector(init).run();
}

}  // namespace peerd
