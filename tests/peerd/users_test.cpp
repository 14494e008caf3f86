#include "peerd/users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "peerd/file_copy.h"
#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/needs_root.h"
#include "tests/peerd/scratch_directory.h"

using namespace peerd;

namespace {

// Accounts that every Debian has.
const TaskUser kRootUser{};
const TaskUser kGames = find_user("games").value();
const TaskUser kNobody = find_user("nobody").value();

uid_t owner_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_uid;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

void make_games(const std::string& path) {
  REQUIRE(::lchown(path.c_str(), kGames.uid, kGames.gid) == 0);
}

bool can_read(const std::string& path) {
  return static_cast<bool>(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
}

}  // namespace

TEST_CASE("users by number and name") {
  CHECK(find_user(kGames.uid) == kGames);
  CHECK_FALSE(find_user("no-such-user").has_value());
  CHECK(user_name(kNobody.uid) == "nobody");
  CHECK(user_name(3'999'999'999) == "3999999999");
  CHECK(find_group("games") == kGames.gid);
  CHECK_FALSE(find_group("no-such-group").has_value());
}

TEST_CASE("what was the giver's changes hands, and nothing else") {
  if (!is_root()) return;
  const ScratchDirectory scratch;
  const std::string stranger = scratch.write("outside", "");
  const std::string file = scratch.write("stay/inner/file", "text");
  const std::string strangers = scratch.write("stay/strangers", "");
  const std::string stay = scratch / "stay";
  const std::string inner = scratch / "stay/inner";
  const std::string link = scratch / "stay/link";
  REQUIRE(::symlink(stranger.c_str(), link.c_str()) == 0);
  for (const std::string& path : {stay, inner, file, link}) make_games(path);
  REQUIRE(::chmod(file.c_str(), 0) == 0);
  REQUIRE(::chmod(inner.c_str(), 0) == 0);
  give_tree(stay, kGames.uid, kNobody);
  for (const std::string& path : {stay, inner, file, link}) CHECK(owner_of(path) == kNobody.uid);
  CHECK(owner_of(strangers) == 0);
  CHECK(owner_of(stranger) == 0);
  CHECK(mode_of(inner) == 0700);
  CHECK(mode_of(file) == 0400);
  // Of a directory that is not the giver's its entries are.
  make_games(file);
  give_tree(inner, kGames.uid, kRootUser);
  CHECK(owner_of(inner) == kNobody.uid);
  CHECK(owner_of(file) == 0);
  // Not through a link.
  const std::string way_in = scratch / "way-in";
  REQUIRE(::symlink(stay.c_str(), way_in.c_str()) == 0);
  give_tree(way_in, kNobody.uid, kGames);
  CHECK(owner_of(stay) == kNobody.uid);
}

TEST_CASE("what nobody runs any more is taken back, but for what has a second name") {
  if (!is_root()) return;
  const ScratchDirectory scratch;
  const std::string file = scratch.write("work/stay/file", "");
  const std::string linked = scratch.write("work/stay/linked", "");
  const std::string roots = scratch.write("work/stay/roots", "");
  const std::string second = scratch / "second";
  REQUIRE(::link(linked.c_str(), second.c_str()) == 0);
  for (const std::string& path : {file, linked}) make_games(path);
  take_tree(scratch / "work", kNobody);
  CHECK(owner_of(file) == kNobody.uid);
  CHECK(owner_of(linked) == kGames.uid);
  CHECK(owner_of(roots) == 0);
}

TEST_CASE("a thread acts as another user, and then as itself again") {
  if (!is_root()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.path().c_str(), 0711) == 0);
  const std::string file = scratch.write("file", "");
  make_games(file);
  REQUIRE(::chmod(file.c_str(), 0400) == 0);
  {
    const ActingAs acting(kNobody);
    CHECK_FALSE(can_read(file));
    CHECK_FALSE(::mkdir((scratch / "made").c_str(), 0700) == 0);
  }
  {
    const ActingAs acting(kGames);
    CHECK(can_read(file));
  }
  CHECK(can_read(file));
  CHECK(::mkdir((scratch / "made").c_str(), 0700) == 0);
  CHECK(owner_of(scratch / "made") == 0);
}

TEST_CASE("copies have both sides' rights") {
  if (!is_root()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chmod(scratch.path().c_str(), 0711) == 0);
  const std::string theirs = scratch / "theirs";
  const std::string state = scratch / "state";
  for (const std::string& path : {theirs, state}) REQUIRE(::mkdir(path.c_str(), 0700) == 0);
  make_games(theirs);
  REQUIRE(::chown(state.c_str(), kNobody.uid, kNobody.gid) == 0);
  const std::string input = scratch.write("theirs/in", "data");
  make_games(input);
  REQUIRE(::chmod(input.c_str(), 0600) == 0);

  const CopyResult in = copy_in({{input, state + "/stay/in"}}, kGames, kNobody, 4);
  CHECK(std::get<std::uint64_t>(in) == 4);
  CHECK(owner_of(state + "/stay/in") == kNobody.uid);
  const CopyResult out = copy_out({{state + "/stay/in", theirs + "/out"}}, kGames, kNobody, 4);
  CHECK(std::get<std::uint64_t>(out) == 4);
  CHECK(owner_of(theirs + "/out") == kGames.uid);
  CHECK(scratch.read("theirs/out") == "data");

  const auto kind_of = [](const CopyResult& result) { return std::get<CopyError>(result).kind; };
  const std::string roots = scratch.write("roots", "secret");
  REQUIRE(::chmod(roots.c_str(), 0600) == 0);
  CHECK(kind_of(copy_in({{roots, state + "/x"}}, kGames, kNobody, 99)) ==
        CopyError::Kind::unreadable);
  CHECK(kind_of(copy_out({{state + "/stay/in", roots}}, kGames, kNobody, 99)) ==
        CopyError::Kind::unwritable);
  CHECK(scratch.read("roots") == "secret");
  CHECK(kind_of(copy_in({{input, state + "/stay/y"}}, kGames, kNobody, 3)) ==
        CopyError::Kind::too_large);
  CHECK(kind_of(copy_in({{theirs, state + "/stay/z"}}, kGames, kNobody, 99)) ==
        CopyError::Kind::unreadable);  // no file
}

TEST_CASE("what an executor allows") {
  if (!is_root()) return;
  const ScratchDirectory scratch;
  REQUIRE(::chown(scratch.path().c_str(), kNobody.uid, kNobody.gid) == 0);
  const TaskUsers users(scratch.path(), false);
  const TaskUsers with_root(scratch.path(), true);
  CHECK(users.owner().uid == kNobody.uid);
  CHECK(std::get<TaskUser>(users.allowed(kGames.uid)) == kGames);
  CHECK(std::get<std::string>(users.allowed(net::kRoot)).find("node.task_user") !=
        std::string::npos);
  CHECK(std::holds_alternative<std::string>(users.allowed(net::kNoUser)));  // would be root
  CHECK(std::get<TaskUser>(with_root.allowed(net::kRoot)).uid == 0);
  CHECK(std::get<std::string>(users.allowed(3'999'999'999)) == "this board has no user 3999999999");
  CHECK(std::holds_alternative<std::string>(users.files_of(net::kRoot)));
  REQUIRE(::chown(scratch.path().c_str(), 0, 0) == 0);
  CHECK(std::get<TaskUser>(users.files_of(net::kRoot)).uid == 0);
  CHECK(users.may_be_given(scratch / "work/1.2.3"));
  for (const char* path : {"work", "work/", "work/..", "work/.", "work/1/..", "output/1"})
    CHECK_FALSE(users.may_be_given(scratch / path));
}
