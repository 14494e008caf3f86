#include "peerd/users.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "peerd/unique_fd.h"

namespace peerd {
namespace {

constexpr std::size_t kMaxEntryBytes = 64 << 10;  // of the user database
constexpr int kMaxGroups = 1024;
constexpr int kMaxDepth = 64;

TaskUser with_groups(const passwd& entry) {
  TaskUser user{entry.pw_uid, entry.pw_gid};
  int count = kMaxGroups;
  user.groups.resize(kMaxGroups);
  if (::getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &count) < 0)
    count = kMaxGroups;
  user.groups.resize(static_cast<std::size_t>(count));
  std::erase(user.groups, user.gid);
  return user;
}

// `ask(entry, buffer, size, result)` is getpwnam_r or its like without its first argument.
template <typename Entry, typename Ask, typename Use>
auto look_up(const Ask& ask, const Use& use) -> std::optional<decltype(use(Entry{}))> {
  Entry entry{};
  Entry* found = nullptr;
  std::vector<char> buffer(kMaxEntryBytes);
  if (ask(&entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return use(entry);
}

// The C library's would change all threads.
void set_groups_of_thread(const std::vector<gid_t>& groups) {
  ::syscall(SYS_setgroups, groups.size(), groups.data());
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Files change hands; never those of root, or that have a second name somewhere else.
class Gift {
 public:
  // `from`: nullopt is anybody.
  Gift(std::optional<uid_t> from, const TaskUser& to) : from_(from), to_(to) {}

  void give_top(const UniqueFd& directory) const {
    give_directory(directory);
    give_entries(directory, 0);
  }

 private:
  bool may_be_given(const struct stat& status) const {
    if (from_) return status.st_uid == *from_;
    return status.st_uid != 0 && (S_ISDIR(status.st_mode) || status.st_nlink == 1);
  }

  // Nobody can put another file in its place between the look and the gift.
  bool give(const UniqueFd& file, struct stat& status) const {
    return file && ::fstat(file.get(), &status) == 0 && may_be_given(status) &&
           ::fchownat(file.get(), "", to_.uid, to_.gid, AT_EMPTY_PATH) == 0;
  }

  bool give_directory(const UniqueFd& directory) const {
    struct stat status {};
    if (!give(directory, status)) return false;
    // Whose it is now must be able to empty it.
    return ::fchmod(directory.get(), (status.st_mode & 0777) | S_IRWXU) == 0;
  }

  void give_entries(const UniqueFd& directory, int depth) const {
    // The listing closes its own descriptor.
    const std::unique_ptr<DIR, CloseDirectory> listing(::fdopendir(::dup(directory.get())));
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") give_entry(directory, entry->d_name, depth);
    }
  }

  void give_entry(const UniqueFd& directory, const char* name, int depth) const {
    struct stat status {};
    constexpr int kFlags = O_NOFOLLOW | O_CLOEXEC;
    const UniqueFd inner(::openat(directory.get(), name, O_RDONLY | O_DIRECTORY | kFlags));
    if (inner) {
      const bool given = give_directory(inner);
      if (depth < kMaxDepth && (given || !from_)) give_entries(inner, depth + 1);
      return;
    }
    const UniqueFd file(::openat(directory.get(), name, O_PATH | kFlags));
    if (give(file, status) && S_ISREG(status.st_mode) && (status.st_mode & S_IRUSR) == 0)
      make_readable(file, status.st_mode);
  }

  static void make_readable(const UniqueFd& file, mode_t mode) {
    ::chmod(("/proc/self/fd/" + std::to_string(file.get())).c_str(), (mode & 0777) | S_IRUSR);
  }

  std::optional<uid_t> from_;
  const TaskUser& to_;
};

void change_hands(const std::string& directory, std::optional<uid_t> from, const TaskUser& to) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) Gift(from, to).give_top(fd);
}

}  // namespace

std::optional<TaskUser> find_user(uid_t uid) {
  return look_up<passwd>([uid](auto... rest) { return ::getpwuid_r(uid, rest...); }, with_groups);
}

std::optional<TaskUser> find_user(const std::string& name) {
  return look_up<passwd>([&name](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); },
                         with_groups);
}

std::optional<gid_t> find_group(const std::string& name) {
  return look_up<group>([&name](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); },
                        [](const group& entry) { return entry.gr_gid; });
}

std::string user_name(uid_t uid) {
  return look_up<passwd>([uid](auto... rest) { return ::getpwuid_r(uid, rest...); },
                         [](const passwd& entry) { return std::string(entry.pw_name); })
      .value_or(std::to_string(uid));
}

ActingAs::ActingAs(const TaskUser& user) : acts_(::geteuid() == 0 && user.uid != 0) {
  if (!acts_) return;
  groups_.resize(kMaxGroups);
  const int count = ::getgroups(kMaxGroups, groups_.data());
  groups_.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  set_groups_of_thread(user.groups);
  ::setfsgid(user.gid);
  ::setfsuid(user.uid);
}

ActingAs::~ActingAs() {
  if (!acts_) return;
  ::setfsuid(::geteuid());
  ::setfsgid(::getegid());
  set_groups_of_thread(groups_);
}

void give_tree(const std::string& directory, uid_t from, const TaskUser& to) {
  if (::geteuid() == 0 && from != to.uid) change_hands(directory, from, to);
}

void take_tree(const std::string& directory, const TaskUser& to) {
  if (::geteuid() == 0) change_hands(directory, std::nullopt, to);
}

void remove_abandoned(const std::string& directory, uid_t user, const TaskUser& owner) {
  if (directory.empty()) return;
  give_tree(directory, user, owner);
  const ActingAs as_owner(owner);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

std::string become(const TaskUser& user, const std::string& state_directory,
                   const std::string& socket) {
  if (user.uid == 0) return "";
  give_tree(state_directory, 0, user);
  if (::lchown(socket.c_str(), user.uid, static_cast<gid_t>(-1)) == 0 &&
      ::setgroups(user.groups.size(), user.groups.data()) == 0 &&
      ::setresgid(user.gid, user.gid, user.gid) == 0 &&
      ::setresuid(user.uid, user.uid, user.uid) == 0)
    return "";
  return "cannot become " + user_name(user.uid) + ": " + std::system_category().message(errno);
}

TaskUsers::TaskUsers(std::string state_directory, bool root_tasks)
    : state_directory_(std::move(state_directory)), root_tasks_(root_tasks) {}

bool TaskUsers::count() const {
  return ::geteuid() == 0;
}

TaskUser TaskUsers::owner() const {
  struct stat status {};
  if (::stat(state_directory_.c_str(), &status) != 0) return {::geteuid(), ::getegid()};
  return {status.st_uid, status.st_gid};
}

std::variant<TaskUser, std::string> TaskUsers::allowed(net::UserNumber user) const {
  const TaskUser own{::geteuid(), ::getegid()};
  if (!count()) return own;
  if (user == net::kNoUser) user = own.uid;
  if (user == net::kRoot && !root_tasks_)
    return "tasks do not run as root here: see node.task_user";
  if (user == net::kRoot) return own;
  if (const auto found = find_user(user)) return *found;
  return "this board has no user " + std::to_string(user);
}

std::variant<TaskUser, std::string> TaskUsers::files_of(net::UserNumber user) const {
  if (user == net::kRoot && count() && owner().uid == 0) return TaskUser{};
  return allowed(user);
}

bool TaskUsers::may_be_given(const std::string& directory) const {
  const std::string root = state_directory_ + "/work/";
  if (!directory.starts_with(root)) return false;
  const std::string name = directory.substr(root.size());
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace peerd
