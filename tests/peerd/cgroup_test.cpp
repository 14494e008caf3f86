#include "peerd/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "peerd/spawn.h"
#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/process_state.h"
#include "tests/peerd/scratch_directory.h"

using namespace peerd;

namespace {

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

// A cgroup as systemd delegates it, in plain files: what peerd writes into it can be read.
struct FakeCgroup {
  FakeCgroup() {
    scratch.write("cgroup.controllers", "cpuset cpu io memory pids\n");
    scratch.write("cgroup.subtree_control", "");
    scratch.write("cgroup.procs", std::to_string(::getpid()) + "\n");
    scratch.write("peerd/cgroup.procs", "");
    for (const char* leaf : {"task-1", "task-2"}) {
      for (const char* file :
           {"cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max", "memory.oom.group"})
        scratch.write(std::string(leaf) + "/" + file, "");
      set_events(leaf, 0);
    }
  }
  void set_events(const std::string& leaf, int oom_kills) {
    scratch.write(leaf + "/memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill " +
                                               std::to_string(oom_kills) + "\noom_group_kill 9\n");
  }
  ScratchDirectory scratch;
};

}  // namespace

TEST_CASE("the cgroup of a process is its path below the mount point") {
  const std::string systemd =
      "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
      "31 25 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 "
      "rw,nsdelegate\n";
  CHECK(find_cgroup(systemd, "0::/system.slice/peerd.service\n").directory ==
        "/sys/fs/cgroup/system.slice/peerd.service");
  CHECK(find_cgroup(systemd, "0::/\n").directory == "/sys/fs/cgroup");

  const std::string hybrid =
      "32 31 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  CHECK(find_cgroup(hybrid, "4:memory:/elsewhere\n0::/user.slice\n").directory ==
        "/sys/fs/cgroup/unified/user.slice");
}

TEST_CASE("a mount may show a part of the hierarchy") {
  const std::string part = "41 31 0:38 /pods/a /mnt/my\\040cgroup rw - cgroup2 cgroup2 rw\n";
  CHECK(find_cgroup(part, "0::/pods/a/b\n").directory == "/mnt/my cgroup/b");
  CHECK(find_cgroup(part, "0::/pods/a\n").directory == "/mnt/my cgroup");
  CHECK(find_cgroup(part, "0::/pods/abc\n").reason ==
        "this process's cgroup /pods/abc is not mounted");
}

TEST_CASE("why there is no cgroup is said") {
  const std::string good = "31 25 0:27 / /cg rw - cgroup2 cgroup2 rw\n";
  const std::string none = "no cgroup v2 file system is mounted";
  CHECK(find_cgroup("", "0::/\n").reason == none);
  CHECK(find_cgroup("31 25 0:27 / /cg rw - cgroup cgroup rw\n", "0::/\n").reason == none);
  CHECK(find_cgroup("31 25 - cgroup2\n", "0::/\n").reason == none);
  CHECK(find_cgroup("- cgroup2 cgroup2\n", "0::/\n").reason == none);
  CHECK(find_cgroup("31 25 0:27 / /cg rw -\n", "0::/\n").reason == none);
  CHECK(find_cgroup(good, "").reason == "this process is in no cgroup v2");
  CHECK(find_cgroup(good, "4:memory:/a\n").reason == "this process is in no cgroup v2");
  CHECK(find_cgroup(good, "0::/../other\n").reason ==
        "this process's cgroup is outside its namespace");
}

TEST_CASE("a delegated cgroup is taken over and given back") {
  FakeCgroup fake;
  std::string reason;
  auto tree = CgroupTree::open(fake.scratch.path(), reason);
  INFO(reason);
  REQUIRE(tree != nullptr);
  CHECK(tree->directory() == fake.scratch.path());
  CHECK(fake.scratch.read("peerd/cgroup.procs") == "0");
  CHECK(fake.scratch.read("cgroup.subtree_control") == "+memory");
  CHECK(fake.scratch.read("task-2/cgroup.kill") == "1");  // a predecessor's
  fake.scratch.write("cgroup.procs", "");
  tree.reset();
  CHECK(fake.scratch.read("cgroup.subtree_control") == "-memory");
  CHECK(fake.scratch.read("cgroup.procs") == "0");
}

TEST_CASE("a cgroup that is not delegated is left alone") {
  FakeCgroup fake;
  std::string expected = "?";
  SECTION("others in it") {
    fake.scratch.write("cgroup.procs", "1\n" + std::to_string(::getpid()) + "\n");
    expected = "peerd is not alone in " + fake.scratch.path() + " (systemd: Delegate=yes)";
  }
  SECTION("no memory controller") {
    fake.scratch.write("cgroup.controllers", "hugetlb memory_recursiveprot\n");
    expected = "the memory controller is not available in " + fake.scratch.path();
  }
  SECTION("no cgroup at all") {
    ::unlink((fake.scratch / "cgroup.controllers").c_str());
    expected = fake.scratch.path() + " has no cgroup.controllers";
  }
  SECTION("not writable") {
    ::unlink((fake.scratch / "cgroup.subtree_control").c_str());
    expected = fake.scratch.path() +
               "/cgroup.subtree_control: No such file or directory (systemd: Delegate=yes)";
  }
  std::string reason;
  CHECK(CgroupTree::open(fake.scratch.path(), reason) == nullptr);
  CHECK(reason == expected);
  CHECK(fake.scratch.read("peerd/cgroup.procs").empty());
  CHECK(fake.scratch.read("cgroup.subtree_control").empty());
}

TEST_CASE("the daemon moves back when the controller cannot be enabled") {
  FakeCgroup fake;
  const std::string control = fake.scratch / "cgroup.subtree_control";
  REQUIRE(::unlink(control.c_str()) == 0);
  REQUIRE(::symlink("/dev/full", control.c_str()) == 0);
  std::string reason;
  CHECK(CgroupTree::open(fake.scratch.path(), reason) == nullptr);
  CHECK(reason == control + ": No space left on device");
  CHECK(fake.scratch.read("cgroup.procs").starts_with("0"));
}

TEST_CASE("a task's leaf has its memory limit and counts its own kills") {
  FakeCgroup fake;
  std::string error;
  auto tree = CgroupTree::open(fake.scratch.path(), error);
  REQUIRE(tree != nullptr);
  auto leaf = tree->acquire(64 << 20, error);
  INFO(error);
  REQUIRE(leaf != nullptr);
  CHECK(fake.scratch.read("task-1/memory.max") == "67108864");
  CHECK(fake.scratch.read("task-1/memory.swap.max") == "0");
  CHECK(fake.scratch.read("task-1/memory.oom.group") == "1");
  CHECK(leaf->out_of_memory().empty());
  fake.set_events("task-1", 1);
  CHECK(leaf->out_of_memory() == "memory limit of 64 MiB exceeded");

  SECTION("while another task has another leaf") {
    auto other = tree->acquire(1 << 20, error);
    REQUIRE(other != nullptr);
    CHECK(fake.scratch.read("task-2/memory.max") == "1048576");
    CHECK(other->out_of_memory().empty());
  }
  SECTION("and the leaf's next task starts afresh") {
    fake.scratch.write("task-1/cgroup.kill", "");
    tree->release(std::move(leaf));
    CHECK(fake.scratch.read("task-1/cgroup.kill") == "1");
    leaf = tree->acquire(64 << 20, error);
    CHECK(leaf->out_of_memory().empty());
    tree->release(std::move(leaf));
    fake.scratch.write("task-1/memory.max", "");
    leaf = tree->acquire(0, error);
    CHECK(fake.scratch.read("task-1/memory.max") == "max");
    fake.set_events("task-1", 2);
    CHECK(leaf->out_of_memory().empty());
  }
}

TEST_CASE("a limit that cannot be set is an error") {
  FakeCgroup fake;
  std::string error;
  auto tree = CgroupTree::open(fake.scratch.path(), error);
  REQUIRE(tree != nullptr);
  ::unlink((fake.scratch / "task-1/memory.max").c_str());
  CHECK(tree->acquire(1 << 20, error) == nullptr);
  CHECK(error == fake.scratch.path() + "/task-1/memory.max: No such file or directory");
}

TEST_CASE("from a real leaf no process escapes") {
  const CgroupPlace place =
      find_cgroup(text_of_file("/proc/self/mountinfo"), text_of_file("/proc/self/cgroup"));
  const std::string directory =
      place.directory + "/peerd-test-" + std::to_string(static_cast<int>(::getpid()));
  std::string error = place.reason;
  auto leaf = place.directory.empty() ? nullptr : CgroupLeaf::create(directory, error);
  if (leaf == nullptr) {
    WARN("not tested, no cgroup v2 to write to: " << error);
    return;
  }
  REQUIRE(leaf->set_memory_limit(0, error));

  ScratchDirectory scratch;
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::vector<std::string> arguments = {
      "sh", "-c", "setsid sh -c 'echo $$ >escaped; exec sleep 1000' & exec sleep 1000"};
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  SpawnRequest request{arguments, environment, scratch.path()};
  request.stdin_fd = request.stdout_fd = request.stderr_fd = null.get();
  request.cgroup_procs_fd = leaf->procs_fd();
  const Spawned spawned = spawn(request);
  INFO(spawned.message);
  REQUIRE(spawned.pid > 0);
  const bool escaped = eventually([&] { return scratch.read("escaped").ends_with('\n'); });
  const pid_t escapee = escaped ? std::stoi(scratch.read("escaped")) : 0;
  CHECK(::getsid(escapee) == escapee);
  CHECK(text_of_file("/proc/" + std::to_string(escapee) + "/cgroup").find("peerd-test-") !=
        std::string::npos);

  leaf->kill();
  int status = 0;
  CHECK(::waitpid(spawned.pid, &status, 0) == spawned.pid);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(escapee > 0);
  CHECK(eventually([&] { return !is_alive(escapee); }));
  leaf.reset();
  CHECK(::access(directory.c_str(), F_OK) != 0);
}
