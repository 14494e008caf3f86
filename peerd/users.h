// Whom tasks run as, and whose their files are.
//
// The daemon owns the state directory and what is in it; a task's own files belong to its user as
// long as it runs. Only a process that is root can tell the two apart: for any other, all users are
// itself, and nothing here does anything.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/user.h"

namespace peerd {

struct TaskUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups{};  // supplementary
  bool operator==(const TaskUser&) const = default;
};

// As the board's user database has them.
std::optional<TaskUser> find_user(uid_t uid);
std::optional<TaskUser> find_user(const std::string& name);
std::optional<gid_t> find_group(const std::string& name);
std::string user_name(uid_t uid);  // its number if it has none

// As long as it lives, this thread opens, makes and renames files with that user's rights.
class ActingAs {
 public:
  explicit ActingAs(const TaskUser& user);
  ~ActingAs();
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;

 private:
  std::vector<gid_t> groups_;
  bool acts_ = false;
};

// The directory and what is in it become `to`'s, who can then enter and read all of it, as far as
// they were `from`'s. Symbolic links are not followed.
void give_tree(const std::string& directory, uid_t from, const TaskUser& to);
// The same of whoever's they are, but root's: of tasks that nobody runs any more.
void take_tree(const std::string& directory, const TaskUser& to);
// What `owner` could not remove as long as it was `user`'s.
void remove_abandoned(const std::string& directory, uid_t user, const TaskUser& owner);

// Root becomes that user, for good: all threads. The state directory and the socket are given to
// it. Empty, or why not.
std::string become(const TaskUser& user, const std::string& state_directory,
                   const std::string& socket);

// What an executor allows.
class TaskUsers {
 public:
  // `root_tasks`: a task may run as root.
  TaskUsers(std::string state_directory, bool root_tasks);

  // Users count: this process is root.
  bool count() const;
  // The daemon, whoever that is now.
  TaskUser owner() const;
  // Whom a task may run as, or why not. kNoUser, and everybody if users do not count: as this
  // process.
  std::variant<TaskUser, std::string> allowed(net::UserNumber user) const;
  // Whose files may be read and written for the daemon, or why not. Root's only if the daemon, or a
  // task, may be root: else whoever gets hold of the daemon could read everything.
  std::variant<TaskUser, std::string> files_of(net::UserNumber user) const;
  // What the daemon may have handed over to a task: a directory right under STATE/work.
  bool may_be_given(const std::string& directory) const;

 private:
  std::string state_directory_;
  bool root_tasks_;
};

}  // namespace peerd
