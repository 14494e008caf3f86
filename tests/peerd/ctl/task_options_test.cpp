// Where options end, what their values mean, and which exit code an end becomes.
#include "peerd/ctl/task_options.h"

#include <cstdlib>

#include "peerd/ctl/exits.h"
#include "peerd/ctl/files.h"
#include "peerd/ctl/options.h"
#include "tests/catch.h"

using namespace peerctl;

namespace {

Result<Parsed> parse_run(const Words& words) {
  boost::program_options::options_description options;
  add_task_options(options);
  options.add_options()("verbose", "")("follow,f", "");
  return parse(words, options, Reach::first_word);
}

Result<net::TaskSpec> spec_of(const Words& words) {
  const auto parsed = parse_run(words);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return *problem;
  return make_spec(task_options(std::get<Parsed>(parsed)), std::get<Parsed>(parsed).rest,
                   "/home/u");
}

std::string complaint(const Words& words) {
  const auto spec = spec_of(words);
  const auto* problem = std::get_if<Problem>(&spec);
  return problem == nullptr ? "" : problem->message;
}

}  // namespace

TEST_CASE("options end at the first word that is none") {
  const auto rest = [](const Words& words) {
    const auto parsed = parse_run(words);
    REQUIRE(std::holds_alternative<Parsed>(parsed));
    return std::get<Parsed>(parsed).rest;
  };
  CHECK(rest({"xz", "-9", "--input", "f"}) == Words{"xz", "-9", "--input", "f"});
  CHECK(rest({"--pin", "xz", "-9"}) == Words{"xz", "-9"});
  CHECK(rest({"--input", "a", "--input=b", "xz"}) == Words{"xz"});
  CHECK(rest({"--priority", "-5", "nice"}) == Words{"nice"});
  CHECK(rest({"--", "--odd-command", "--", "x"}) == Words{"--odd-command", "--", "x"});
  CHECK(rest({"--pin", "--", "-x"}) == Words{"-x"});
  CHECK(rest({"-", "x"}) == Words{"-", "x"});
  CHECK(rest({"--env", "", "x"}) == Words{"x"});
}

TEST_CASE("what is wrong with options is said") {
  CHECK(std::get<Problem>(parse_run({"--inputs", "a", "x"})).code == kExitUsage);
  CHECK(std::get<Problem>(parse_run({"--inp", "a", "x"})).code == kExitUsage);  // no guessing
  CHECK(std::get<Problem>(parse_run({"--input"})).code == kExitUsage);
  CHECK(complaint({}) == "a command is needed");
  CHECK(complaint({"--priority", "11", "x"}) ==
        "--priority 11: a whole number from -9 to 10 is needed");
  CHECK(complaint({"--priority", "1.5", "x"}).starts_with("--priority 1.5: "));
  CHECK(complaint({"--cpu-limit", "0", "x"}).starts_with("--cpu-limit 0: whole seconds"));
  CHECK(complaint({"--memory-limit", "1X", "x"}).starts_with("--memory-limit 1X: bytes"));
  CHECK(complaint({"--env", "=v", "x"}) == "--env =v: a name is needed");
  CHECK(complaint({"--env", "", "x"}) == "--env : a name is needed");
  CHECK(complaint({"--chdir", "../up", "x"}).starts_with("--chdir ../up: "));
  CHECK(complaint({"--stdin", "-", "x"}).starts_with("--stdin: a file is needed"));
  CHECK(complaint({"--input", "a/f", "--input", "/b/a/f=a/f", "x"})
            .starts_with("--input: two files"));
  CHECK(complaint({"--input", "dir/", "x"}) == "--input dir/: a file is needed");
  CHECK(complaint({"--input", "f=../g", "x"}).find("no name in the task's directory") !=
        std::string::npos);
  CHECK(complaint({"--output", "/abs=g", "x"}).find("no name in the task's directory") !=
        std::string::npos);
}

TEST_CASE("values reach the task") {
  const auto result =
      spec_of({"--chdir", "sub/./dir", "--stdin", "in.txt", "--cpu-limit", "60", "--memory-limit",
               "64M", "--pin", "--env", "A=1", "--env", "B=x=y", "--env", "A=2", "cmd", ""});
  REQUIRE(std::holds_alternative<net::TaskSpec>(result));
  const auto& spec = std::get<net::TaskSpec>(result);
  CHECK(spec.arguments == Words{"cmd", ""});
  CHECK(spec.directory == "sub/dir");
  CHECK(spec.stdin_path == "/home/u/in.txt");
  CHECK(spec.cpu_limit_s == 60);
  CHECK(spec.memory_limit_bytes == 64u << 20);
  CHECK(spec.pinned);
  CHECK(spec.environment == Words{"A=2", "B=x=y"});
}

TEST_CASE("files are called in the task's directory as they are called here, if they can be") {
  struct Case {
    const char* text;
    const char* name;
    const char* path;
  };
  const auto input = [](const char* text) { return parse_input(text, "/home/u"); };
  for (const Case& c :
       {Case{"f", "f", "/home/u/f"}, Case{"a/b/f", "a/b/f", "/home/u/a/b/f"},
        Case{"./a/../f", "f", "/home/u/f"}, Case{"../x/f", "f", "/home/x/f"},
        Case{"a/../../f", "f", "/home/f"}, Case{"/etc/hosts", "hosts", "/etc/hosts"},
        Case{"/etc/hosts=h/x", "h/x", "/etc/hosts"}, Case{"k=v.txt=n", "n", "/home/u/k=v.txt"}}) {
    INFO(c.text);
    CHECK(input(c.text) == Result<net::FileSpec>(net::FileSpec{c.name, c.path}));
  }
  CHECK(parse_output("out/f", "/home/u") ==
        Result<net::FileSpec>(net::FileSpec{"out/f", "/home/u/out/f"}));
  CHECK(parse_output("f=/tmp/k=v", "/home/u") ==
        Result<net::FileSpec>(net::FileSpec{"f", "/tmp/k=v"}));
  CHECK(parse_output("f=../g", "/home/u") == Result<net::FileSpec>(net::FileSpec{"f", "/home/g"}));
}

TEST_CASE("a variable without a value takes the one it has here") {
  ::setenv("PEERCTL_TEST_SET", "a b", 1);
  ::unsetenv("PEERCTL_TEST_UNSET");
  CHECK(parse_variable("PEERCTL_TEST_SET") == Result<std::string>("PEERCTL_TEST_SET=a b"));
  CHECK(std::holds_alternative<Problem>(parse_variable("PEERCTL_TEST_UNSET")));
  CHECK(parse_variable("X=") == Result<std::string>("X="));
}

TEST_CASE("sizes") {
  CHECK(parse_size("0") == 0u);
  CHECK(parse_size("1000") == 1000u);
  CHECK(parse_size("1K") == 1024u);
  CHECK(parse_size("3G") == 3ull << 30);
  for (const char* wrong : {"", "K", "-1", "1.5G", "1KB", " 1", "99999999999G"}) {
    INFO(wrong);
    CHECK_FALSE(parse_size(wrong));
  }
}

TEST_CASE("tasks beyond the limits are refused here, in words") {
  CHECK(complaint({"x", std::string(net::kMaxTextBytes + 1, 'y')}).starts_with("a word of 131073"));
  Words words(net::kMaxArguments + 1, "w");
  CHECK(complaint(words).starts_with("1025 words of the command: at most 1024"));
  CHECK(complaint(Words(12, std::string(100'000, 'z'))).find("take 12") != std::string::npos);
}

TEST_CASE("a line's own options win over the common ones, lists add up") {
  TaskOptions common;
  common.inputs = {"a"};
  common.priority = "1";
  common.directory = "d";
  TaskOptions own;
  own.inputs = {"b"};
  own.priority = "2";
  own.pinned = true;
  const TaskOptions both = merged(common, own);
  CHECK(both.inputs == Words{"a", "b"});
  CHECK(both.priority == "2");
  CHECK(both.directory == "d");
  CHECK(both.pinned);
}

TEST_CASE("a misspelt verb finds its like") {
  const std::vector<std::string_view> verbs = {"run", "submit", "ps", "peers", "wait"};
  CHECK(closest("submti", verbs) == "submit");
  CHECK(closest("peer", verbs) == "peers");
  CHECK(closest("rnu", verbs) == "run");
  CHECK(closest("zzzzz", verbs).empty());
  CHECK(closest("x", verbs).empty());
}

TEST_CASE("ends become exit codes") {
  using Kind = core::ExitStatus::Kind;
  CHECK(exit_code({Kind::exited, 0}) == 0);
  CHECK(exit_code({Kind::exited, 255}) == 255);
  CHECK(exit_code({Kind::signaled, 9}) == 137);
  CHECK(exit_code({Kind::cancelled, 15}) == 143);
  CHECK(exit_code({Kind::cancelled, 0}) == 143);
  CHECK(exit_code({Kind::failed, 0}) == 71);
  CHECK(exit_code({Kind::lost, 0}) == 69);
  CHECK(to_problem({75, "full"}) == Problem{75, "full"});
  CHECK(to_problem({0, "odd"}).code == 69);     // a failure is never a success
  CHECK(to_problem({4711, "odd"}).code == 69);  // nor what no program can exit with
}
