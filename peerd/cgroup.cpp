#include "peerd/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

namespace peerd {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kTaskPrefix = "task-";

std::string text_of(int error) {
  return std::system_category().message(error);
}

std::optional<std::string> read_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  char buffer[4096];
  while (text.size() < kMaxFileBytes) {
    const ssize_t size = ::read(file.get(), buffer, sizeof buffer);
    if (size < 0) return std::nullopt;
    if (size == 0) break;
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

bool write_file(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    if (end != 0) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::string_view line : split(text, '\n')) {
    for (std::string_view candidate : split(line, ' ')) {
      if (candidate == word) return true;
    }
  }
  return false;
}

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool escaped = text[i] == '\\' && i + 3 < text.size() &&
                         std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ec == std::errc();
    result += escaped ? static_cast<char>(code) : text[i];
    if (escaped) i += 3;
  }
  return result;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes % (1 << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
  if (bytes % (1 << 10) == 0) return std::to_string(bytes >> 10) + " KiB";
  return std::to_string(bytes) + " bytes";
}

struct Mount {
  std::string root;  // which cgroup is seen at `point`
  std::string point;
};

// "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw"
std::optional<Mount> cgroup2_mount(std::string_view mountinfo) {
  for (std::string_view line : split(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.end() - dash < 2 || dash - fields.begin() < 6 || *(dash + 1) != "cgroup2") continue;
    return Mount{unescape(fields[3]), unescape(fields[4])};
  }
  return std::nullopt;
}

// "0::/system.slice/peerd.service"
std::optional<std::string_view> version_2_path(std::string_view membership) {
  for (std::string_view line : split(membership, '\n')) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    std::uint64_t number = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), number).ec == std::errc())
      return number;
  }
  return std::nullopt;
}

std::vector<pid_t> processes_in(const std::string& directory) {
  std::vector<pid_t> pids;
  const std::string text = read_file(directory + "/cgroup.procs").value_or("");
  for (std::string_view line : split(text, '\n')) {
    pid_t pid = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc())
      pids.push_back(pid);
  }
  return pids;
}

// Empty if `directory` may be taken over.
std::string obstacle(const std::string& directory) {
  const auto controllers = read_file(directory + "/cgroup.controllers");
  if (!controllers) return directory + " has no cgroup.controllers";
  if (!has_word(*controllers, "memory"))
    return "the memory controller is not available in " + directory;
  for (const char* file : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    if (::access((directory + file).c_str(), W_OK) != 0)
      return directory + file + ": " + text_of(errno) + " (systemd: Delegate=yes)";
  }
  for (const pid_t pid : processes_in(directory))
    if (pid != ::getpid() && pid != ::getppid())
      return "peerd is not alone in " + directory + " (systemd: Delegate=yes)";
  return "";
}

}  // namespace

CgroupPlace find_cgroup(std::string_view mountinfo, std::string_view membership) {
  const auto mount = cgroup2_mount(mountinfo);
  if (!mount) return {"", "no cgroup v2 file system is mounted"};
  const auto path = version_2_path(membership);
  if (!path) return {"", "this process is in no cgroup v2"};
  std::string_view below = *path;
  if (mount->root != "/") {
    const bool inside = below.starts_with(mount->root) &&
                        (below.size() == mount->root.size() || below[mount->root.size()] == '/');
    if (!inside) return {"", "this process's cgroup " + std::string(below) + " is not mounted"};
    below.remove_prefix(mount->root.size());
  }
  if (below == "/") below = "";
  if (below.starts_with("/..")) return {"", "this process's cgroup is outside its namespace"};
  return {mount->point + std::string(below), ""};
}

std::unique_ptr<CgroupLeaf> CgroupLeaf::create(const std::string& directory, std::string& error) {
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    error = "cgroup " + directory + ": " + text_of(errno);
    return nullptr;
  }
  std::unique_ptr<CgroupLeaf> leaf(new CgroupLeaf(directory));
  leaf->procs_ = UniqueFd(::open((directory + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!leaf->procs_) {
    error = directory + "/cgroup.procs: " + text_of(errno);
    return nullptr;
  }
  leaf->kill_ = UniqueFd(::open((directory + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  return leaf;
}

CgroupLeaf::~CgroupLeaf() {
  // Those killed a moment ago may not be gone yet; whoever opens the tree next removes the rest.
  for (int attempt = 0; attempt < 50; ++attempt) {
    if (::rmdir(directory_.c_str()) == 0 || errno != EBUSY) return;
    ::usleep(1000);
  }
}

bool CgroupLeaf::set_memory_limit(std::uint64_t bytes, std::string& error) {
  if (bytes != memory_limit_bytes_) {
    const std::string limit = bytes > 0 ? std::to_string(bytes) : "max";
    if (!write_file(directory_ + "/memory.max", limit)) {
      error = directory_ + "/memory.max: " + text_of(errno);
      return false;
    }
    // Swapping out would only put the limit off. Kernels without swap accounting have no such file.
    write_file(directory_ + "/memory.swap.max", bytes > 0 ? "0" : "max");
    write_file(directory_ + "/memory.oom.group", "1");
    memory_limit_bytes_ = bytes;
  }
  if (bytes > 0) earlier_kills_ = out_of_memory_kills();
  return true;
}

std::string CgroupLeaf::out_of_memory() const {
  if (memory_limit_bytes_ == 0 || out_of_memory_kills() <= earlier_kills_) return "";
  return "memory limit of " + size_text(memory_limit_bytes_) + " exceeded";
}

std::uint64_t CgroupLeaf::out_of_memory_kills() const {
  const std::string events = read_file(directory_ + "/memory.events").value_or("");
  return number_after(events, "oom_kill ").value_or(0);
}

void CgroupLeaf::kill() {
  if (kill_ && ::write(kill_.get(), "1", 1) == 1) return;
  for (pid_t pid : processes_in(directory_)) ::kill(pid, SIGKILL);
}

std::unique_ptr<CgroupTree> CgroupTree::open_own(std::string& reason) {
  const auto mountinfo = read_file("/proc/self/mountinfo");
  const auto membership = read_file("/proc/self/cgroup");
  const CgroupPlace place = find_cgroup(mountinfo.value_or(""), membership.value_or(""));
  if (place.directory.empty()) {
    reason = place.reason;
    return nullptr;
  }
  return open(place.directory, reason);
}

std::unique_ptr<CgroupTree> CgroupTree::open(const std::string& directory, std::string& reason) {
  reason = obstacle(directory);
  if (!reason.empty()) return nullptr;
  const std::string daemon = directory + "/peerd";
  if (::mkdir(daemon.c_str(), 0755) != 0 && errno != EEXIST) {
    reason = daemon + ": " + text_of(errno);
    return nullptr;
  }
  // From here on its destructor undoes what was done.
  std::unique_ptr<CgroupTree> tree(new CgroupTree(directory));
  std::vector<std::string> movers;
  for (const pid_t pid : processes_in(directory))
    if (pid != ::getpid()) movers.push_back(std::to_string(pid));
  movers.push_back("0");
  for (const std::string& pid : movers) {
    if (write_file(daemon + "/cgroup.procs", pid)) continue;
    reason = daemon + "/cgroup.procs: " + text_of(errno);
    return nullptr;
  }
  const std::string control = directory + "/cgroup.subtree_control";
  if (!write_file(control, "+memory")) {
    reason = control + ": " + text_of(errno);
    return nullptr;
  }
  tree->remove_stale_leaves();
  return tree;
}

CgroupTree::~CgroupTree() {
  free_.clear();
  write_file(directory_ + "/cgroup.subtree_control", "-memory");
  write_file(directory_ + "/cgroup.procs", "0");
  ::rmdir((directory_ + "/peerd").c_str());
}

// Of a daemon that ended without a chance to remove them.
void CgroupTree::remove_stale_leaves() const {
  DIR* listing = ::opendir(directory_.c_str());
  if (listing == nullptr) return;
  std::vector<std::string> stale;
  while (const dirent* entry = ::readdir(listing)) {
    if (std::string_view(entry->d_name).starts_with(kTaskPrefix)) stale.push_back(entry->d_name);
  }
  ::closedir(listing);
  for (const std::string& name : stale) {
    std::string error;
    if (const auto leaf = CgroupLeaf::create(directory_ + "/" + name, error)) leaf->kill();
  }
}

std::unique_ptr<CgroupLeaf> CgroupTree::acquire(std::uint64_t memory_limit_bytes,
                                                std::string& error) {
  std::unique_ptr<CgroupLeaf> leaf;
  if (!free_.empty()) {
    leaf = std::move(free_.back());
    free_.pop_back();
  } else {
    const std::string name = std::string(kTaskPrefix) + std::to_string(++leaves_);
    leaf = CgroupLeaf::create(directory_ + "/" + name, error);
  }
  if (leaf != nullptr && !leaf->set_memory_limit(memory_limit_bytes, error)) return nullptr;
  return leaf;
}

void CgroupTree::release(std::unique_ptr<CgroupLeaf> leaf) {
  leaf->kill();
  free_.push_back(std::move(leaf));
}

}  // namespace peerd
