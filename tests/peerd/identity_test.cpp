#include "peerd/identity.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <string>

#include "peerd/atomic_file.h"
#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using peerd::Identity;
using peerd::StartError;

namespace {

constexpr char kGood[] = "peerd identity 1\nid 00000000deadbeef\nstarts 41\nserials 10001\n";

Identity opened(const std::string& directory) {
  auto result = Identity::open(directory);
  if (const auto* error = std::get_if<StartError>(&result)) FAIL(error->text);
  return std::get<Identity>(std::move(result));
}

StartError failed(const std::string& directory) {
  auto result = Identity::open(directory);
  const auto* error = std::get_if<StartError>(&result);
  REQUIRE(error != nullptr);
  return *error;
}

std::uint64_t serial(Identity& identity) {
  std::string error;
  const auto number = identity.next_serial(error);
  if (!number) FAIL(error);
  return *number;
}

// While it lives no file can be written to: the test's stand-in for a full disk.
class FullDisk {
 public:
  FullDisk() {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

unsigned mode_of(const std::string& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777u;
}

}  // namespace

TEST_CASE("an identity is drawn once and kept; starts are counted") {
  ScratchDirectory scratch;
  core::PeerId id;
  {
    const Identity first = opened(scratch / "s");
    id = first.id();
    CHECK(id != core::PeerId::none);
    CHECK(first.starts() == 1);
    CHECK(first.incarnation() == core::first_incarnation(1));
  }
  const Identity second = opened(scratch / "s");
  CHECK(second.id() == id);
  CHECK(second.starts() == 2);
  CHECK(second.incarnation() > core::first_incarnation(1));
  CHECK(opened(scratch / "other").id() != id);
}

TEST_CASE("the file has a form that later versions can rely on") {
  ScratchDirectory scratch;
  scratch.write("identity", kGood);
  Identity identity = opened(scratch.path());
  CHECK(identity.id() == core::PeerId{0xdeadbeef});
  CHECK(identity.starts() == 42);
  CHECK(scratch.read("identity") ==
        "peerd identity 1\nid 00000000deadbeef\nstarts 42\nserials 10001\n");
  CHECK(serial(identity) == 10001);
  CHECK(scratch.read("identity") ==
        "peerd identity 1\nid 00000000deadbeef\nstarts 42\nserials 20001\n");
}

TEST_CASE("serials are never given out twice, across restarts and blocks") {
  ScratchDirectory scratch;
  std::uint64_t last = 0;
  for (int start = 0; start < 3; ++start) {
    Identity identity = opened(scratch.path());
    for (std::uint64_t i = 0; i < Identity::kSerialsPerBlock + 5; ++i) {
      const std::uint64_t next = serial(identity);
      REQUIRE(next > last);
      last = next;
    }
  }
  Identity fresh = opened(scratch / "s");
  CHECK(serial(fresh) == 1);
  CHECK(serial(fresh) == 2);
}

TEST_CASE("a start without a task uses up no serials") {
  ScratchDirectory scratch;
  for (int start = 0; start < 3; ++start) opened(scratch.path());
  Identity identity = opened(scratch.path());
  CHECK(serial(identity) == 1);
}

TEST_CASE("a state directory serves one daemon at a time") {
  ScratchDirectory scratch;
  {
    const Identity first = opened(scratch.path());
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 75);
    CHECK(error.text == scratch.path() + " is in use by peerd (pid " + std::to_string(::getpid()) +
                            "); stop it, or set another node.state_directory");
    CHECK(first.starts() == 1);
  }
  CHECK(opened(scratch.path()).starts() == 2);
}

TEST_CASE("what a killed daemon left does not stop the next") {
  ScratchDirectory scratch;
  scratch.write("lock", "4194305 and more\n");
  scratch.write("identity.new", "half of a");
  const Identity identity = opened(scratch.path());
  CHECK(identity.starts() == 1);
  CHECK(scratch.read("lock") == std::to_string(::getpid()) + "\n");
  CHECK_FALSE(std::filesystem::exists(scratch / "identity.new"));
}

TEST_CASE("the state directory and what is above it are the owner's alone") {
  ScratchDirectory scratch;
  opened(scratch / "a/b");
  CHECK(mode_of(scratch / "a") == 0700);
  CHECK(mode_of(scratch / "a/b") == 0700);
  CHECK(mode_of(scratch / "a/b/identity") == 0600);
  CHECK(mode_of(scratch / "a/b/lock") == 0600);
}

TEST_CASE("a damaged identity is never guessed at") {
  ScratchDirectory scratch;
  const std::string path = scratch / "identity";
  const std::string mend =
      "; restore it from a copy, or remove the whole state directory to start as a new peer";
  const std::string good = kGood;
  const auto text_for = [&](const std::string& content) {
    scratch.write("identity", content);
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 65);
    CHECK(scratch.read("identity") == content);
    return error.text;
  };
  CHECK(text_for("") == path + " is not an identity file" + mend);
  CHECK(text_for("nonsense\n") == path + " is not an identity file" + mend);
  CHECK(text_for("peerd identity 2\n") == path + " was written by another version of peerd" + mend);
  for (std::size_t length = std::string("peerd identity 1\n").size(); length < good.size();
       ++length) {
    CHECK(text_for(good.substr(0, length)) == path + " is damaged" + mend);
  }
  for (const char* content :
       {"id 0\nstarts 1\nserials 1\n", "id x1\nstarts 1\nserials 1\n",
        "id 1\nstarts -1\nserials 1\n", "id 1\nstarts 1\nserials 0\n",
        "id 1\nstarts 4294967295\nserials 1\n", "id 1\nstarts 4294967296\nserials 1\n",
        "id 1\nstarts 1\nserials 9999999999999999999\n",
        "id 10000000000000000\nstarts 1\nserials 1\n", "id 1\nstarts 1\nserials 1\nmore\n"}) {
    CHECK(text_for(std::string("peerd identity 1\n") + content) == path + " is damaged" + mend);
  }
  CHECK(text_for(good + std::string(100'000, '\n')) == path + " is damaged" + mend);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK(failed(scratch.path()).text == "cannot read " + path + ": Is a directory");
}

TEST_CASE("a state directory that cannot be made is said so") {
  ScratchDirectory scratch;
  scratch.write("file", "");
  const StartError error = failed(scratch / "file/state");
  CHECK(error.exit_code == 73);
  CHECK(error.text == "cannot create " + (scratch / "file/state") +
                          ": Not a directory; set node.state_directory to a place that can be "
                          "written");
  CHECK(failed(scratch / "file").exit_code == 73);
  CHECK(failed("/proc/peerd").exit_code == 73);
}

TEST_CASE("a full disk fails the start, and leaves the identity as it was") {
  ScratchDirectory scratch;
  scratch.write("identity", kGood);
  {
    const FullDisk full;
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 73);
  }
  CHECK(scratch.read("identity") == kGood);
  CHECK(opened(scratch.path()).starts() == 42);
}

TEST_CASE("a full disk gives out no serials beyond the reserved ones, and recovers") {
  ScratchDirectory scratch;
  Identity identity = opened(scratch.path());
  std::set<std::uint64_t> given;
  given.insert(serial(identity));
  {
    const FullDisk full;
    std::string error;
    for (std::uint64_t i = 1; i < Identity::kSerialsPerBlock; ++i) {
      const auto number = identity.next_serial(error);
      REQUIRE(number);
      given.insert(*number);
    }
    CHECK_FALSE(identity.next_serial(error));
    CHECK(error == "cannot write " + (scratch / "identity") + ": File too large");
    CHECK_FALSE(identity.next_serial(error));
  }
  CHECK_FALSE(std::filesystem::exists(scratch / "identity.new"));
  given.insert(serial(identity));
  CHECK(given.size() == Identity::kSerialsPerBlock + 1);
}

TEST_CASE("replacing a file leaves the new text and no trace") {
  ScratchDirectory scratch;
  scratch.write("f", "old");
  CHECK_FALSE(peerd::replace_file(scratch.path(), "f", "new"));
  CHECK(scratch.read("f") == "new");
  CHECK_FALSE(std::filesystem::exists(scratch / "f.new"));
  CHECK(peerd::replace_file(scratch / "none", "f", "new") ==
        "cannot write " + (scratch / "none/f") + ": No such file or directory");
}
