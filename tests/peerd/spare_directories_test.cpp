#include "peerd/spare_directories.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using peerd::SpareDirectories;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRest_ms = SpareDirectories::kRest_ms;

ino_t inode(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_ino;
}

std::size_t entries(const ScratchDirectory& scratch) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a directory given away is taken again after a rest") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  REQUIRE(spares.take(scratch / "first", 1000));
  const ino_t first = inode(scratch / "first");
  REQUIRE(spares.give(scratch / "first", 1000));

  SECTION("then it is the same, under its new name alone") {
    REQUIRE(spares.take(scratch / "second", 1000 + kRest_ms));
    CHECK(inode(scratch / "second") == first);
    CHECK(entries(scratch) == 1);
  }
  SECTION("before, another is made") {
    REQUIRE(spares.take(scratch / "second", 1000 + kRest_ms - 1));
    CHECK(inode(scratch / "second") != first);
    CHECK(spares.size() == 1);
  }
  SECTION("the one that rested longest is next") {
    REQUIRE(spares.take(scratch / "second", 1000));
    REQUIRE(spares.give(scratch / "second", 1001));
    REQUIRE(spares.take(scratch / "third", 5000));
    CHECK(inode(scratch / "third") == first);
  }
  SECTION("if somebody removed it, another is made") {
    fs::remove(scratch / "first");
    REQUIRE(spares.take(scratch / "second", 5000));
    CHECK(fs::is_directory(scratch / "second"));
    CHECK(spares.size() == 0);
  }
}

TEST_CASE("a directory that holds something stays, and is not kept") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  scratch.write("used/file", "text");
  CHECK_FALSE(spares.give(scratch / "used", 0));
  CHECK(scratch.read("used/file") == "text");
  CHECK(spares.size() == 0);
}

TEST_CASE("a directory with other permissions is removed, not kept") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  REQUIRE(spares.take(scratch / "open", 0));
  fs::permissions(scratch / "open", fs::perms::all);
  CHECK(spares.give(scratch / "open", 0));
  CHECK_FALSE(fs::exists(scratch / "open"));
  CHECK(spares.size() == 0);
}

TEST_CASE("a link to a directory is not taken for one") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  fs::create_directory(scratch / "aim");
  fs::permissions(scratch / "aim", fs::perms::owner_all);
  fs::create_directory_symlink(scratch / "aim", scratch / "link");
  CHECK_FALSE(spares.give(scratch / "link", 0));
  CHECK(fs::exists(scratch / "aim"));
}

TEST_CASE("a directory that is away already is given") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  CHECK(spares.give(scratch / "none", 0));
  CHECK(spares.size() == 0);
}

TEST_CASE("a directory with inputs in it stays as it is, and the spare one spare") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  REQUIRE(spares.take(scratch / "spare", 0));
  REQUIRE(spares.give(scratch / "spare", 0));
  scratch.write("used/input", "text");
  CHECK(spares.take(scratch / "used", 5000));
  CHECK(scratch.read("used/input") == "text");
  CHECK(spares.size() == 1);
}

TEST_CASE("a path that cannot be made is refused") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  scratch.write("file", "");
  CHECK_FALSE(spares.take(scratch / "file/below", 0));
}

TEST_CASE("no more than the limit is kept") {
  const ScratchDirectory scratch;
  SpareDirectories spares;
  for (std::size_t i = 0; i <= SpareDirectories::kMost; ++i)
    REQUIRE(spares.take(scratch / std::to_string(i), 0));
  for (std::size_t i = 0; i <= SpareDirectories::kMost; ++i)
    REQUIRE(spares.give(scratch / std::to_string(i), 0));
  CHECK(spares.size() == SpareDirectories::kMost);
  CHECK(entries(scratch) == SpareDirectories::kMost);
}

TEST_CASE("the end removes the spare ones") {
  const ScratchDirectory scratch;
  {
    SpareDirectories spares;
    REQUIRE(spares.take(scratch / "one", 0));
    REQUIRE(spares.give(scratch / "one", 0));
  }
  CHECK(entries(scratch) == 0);
}
