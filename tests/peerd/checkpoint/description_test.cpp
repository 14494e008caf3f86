// What boards tell each other before a task moves, and what is made of CRIU's words.
#include <unistd.h>

#include <filesystem>
#include <string>

#include "peerd/checkpoint/board.h"
#include "peerd/checkpoint/criu.h"
#include "peerd/checkpoint/elf_build_id.h"
#include "peerd/checkpoint/needed_files.h"
#include "peerd/checkpoint/outcome.h"
#include "peerd/process_tree.h"
#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using peerd::Board;

TEST_CASE("a board describes itself in a line") {
  const Board here = peerd::this_board();
  CHECK(!here.architecture.empty());
  CHECK(here.kernel_major >= 5);
  CHECK(!here.cpu_features.empty());
  CHECK(peerd::board_from(peerd::to_text(here)) == here);
  CHECK(!peerd::board_from(""));
  CHECK(!peerd::board_from("board-2 x86_64 6 1 4096 - 0"));
  CHECK(!peerd::board_from("board-1 x86_64 six 1 4096 - 0"));
  CHECK(!peerd::board_from(peerd::to_text(here) + std::string(20'000, ' ')));
  CHECK(peerd::cannot_go_on(here, here) == "");
}

TEST_CASE("a processor's features are read on both architectures") {
  Board x86;
  peerd::read_processor("processor\t: 0\nflags\t\t: sse2 fpu ibrs avx2 constant_tsc\n\n", x86);
  CHECK(x86.cpu_features == std::vector<std::string>{"avx2", "fpu", "sse2"});
  CHECK(!x86.has_unsaved_registers);
  Board riscv;
  peerd::read_processor("hart\t: 0\nisa\t: rv64imafdcv_zicsr_zba\nmmu\t: sv48\n", riscv);
  CHECK(riscv.cpu_features ==
        std::vector<std::string>{"a", "c", "d", "f", "i", "m", "v", "zba", "zicsr"});
  CHECK(riscv.address_space == "sv48");
  CHECK(riscv.has_unsaved_registers);
}

TEST_CASE("a task goes on where everything is that it may have chosen") {
  Board from;
  from.architecture = "riscv64";
  from.kernel_major = 6;
  from.kernel_minor = 12;
  from.page_bytes = 4096;
  from.address_space = "sv39";
  from.cpu_features = {"a", "c"};
  Board to = from;
  to.cpu_features = {"a", "b", "c"};
  to.kernel_minor = 18;
  CHECK(peerd::cannot_go_on(from, to) == "");
  CHECK(peerd::cannot_go_on(to, from) == "kernel 6.12 is older than 6.18");
  from.kernel_minor = 18;
  CHECK(peerd::cannot_go_on(to, from) == "the processor has no b");
  to.address_space = "sv48";
  CHECK(peerd::cannot_go_on(from, to) == "address space sv39, not sv48");
  to.architecture = "x86_64";
  CHECK(peerd::cannot_go_on(from, to) == "made for riscv64, not x86_64");
}

TEST_CASE("files are compared by size, mode and build id") {
  const ScratchDirectory scratch;
  const std::string path = scratch.write("with a blank", "text");
  const auto file = peerd::describe_file(path);
  REQUIRE(file);
  CHECK(file->bytes == 4);
  CHECK(file->build_id == "");
  CHECK(peerd::missing_here({*file}) == "");
  const auto again = peerd::needed_files_from(peerd::to_text({*file, *file}));
  REQUIRE(again);
  CHECK(*again == std::vector{*file, *file});
  scratch.write("with a blank", "texts");
  CHECK(peerd::missing_here({*file}) == path + " differs");
  std::filesystem::permissions(path, std::filesystem::perms::all);
  CHECK(peerd::missing_here({*file}) == path + " has another mode");
  std::filesystem::remove(path);
  CHECK(peerd::missing_here({*file}) == path + " is missing");
  CHECK(!peerd::needed_files_from("1 2\n"));
  CHECK(!peerd::needed_files_from("1 2 - relative\n"));
  CHECK(!peerd::needed_files_from("x 2 - /path\n"));
  CHECK(peerd::needed_files_from("")->empty());
}

TEST_CASE("programs have build ids, other files have none") {
  CHECK(peerd::elf_build_id("/proc/self/exe").size() == 40);
  CHECK(peerd::elf_build_id("/etc/passwd") == "");
  CHECK(peerd::elf_build_id("/nowhere") == "");
  const ScratchDirectory scratch;
  CHECK(peerd::elf_build_id(scratch.write("short", "\177ELF")) == "");
}

TEST_CASE("CRIU's words become one line") {
  const std::string noise =
      "(00.000001) Error (criu/util.c:1): rlimit: Can't setup RLIMIT_NOFILE for self: Not "
      "permitted\n";
  const std::string end = "(00.2) Error (criu/cr-dump.c:2): Dumping FAILED.\n";
  const peerd::CriuResult known = peerd::criu_failure(
      noise + "(00.1) Error (criu/sk-unix.c:3): unix: External socket is used.\n" + end);
  CHECK(known.error ==
        "a socket to a process outside is open (criu: unix: External socket is used.)");
  CHECK(known.lasting);
  const peerd::CriuResult passing = peerd::criu_failure(
      "(00.1) Error (criu/x.c:3): Can't write: No space left on device\n" + end);
  CHECK(!passing.lasting);
  const peerd::CriuResult unknown = peerd::criu_failure(
      noise + "pie: 7: Error (pie/x.c:1): odd\n(1) Error (y.c:2): odder\n" + end);
  CHECK(unknown.error == "criu: odd");
  CHECK(unknown.lasting);
  CHECK(peerd::criu_failure(noise + end).error == "");
}

TEST_CASE("an outcome survives its line") {
  peerd::Outcome outcome;
  outcome.kind = peerd::Outcome::Kind::not_movable;
  outcome.init = 77;
  outcome.status = {core::ExitStatus::Kind::exited, 127};
  outcome.message = "two\nlines";
  outcome.packed_bytes = 1234;
  const auto again = peerd::outcome_from(peerd::to_line(outcome));
  REQUIRE(again);
  CHECK(again->kind == outcome.kind);
  CHECK(again->init == 77);
  CHECK(again->status == outcome.status);
  CHECK(again->message == "two lines");
  CHECK(again->packed_bytes == 1234);
  CHECK(!peerd::outcome_from("something else"));
  CHECK(!peerd::outcome_from(""));
}

TEST_CASE("a task's end is what init has written, whole") {
  const ScratchDirectory stay;
  using Kind = core::ExitStatus::Kind;
  const auto written = [&](const std::string& text) {
    stay.write("status", text);
    return peerd::status_in(stay.path());
  };
  CHECK(!peerd::status_in(stay.path()));
  CHECK(!written(""));
  CHECK(!written("exited 4"));
  CHECK(!written("exited 4000\n"));
  CHECK(!written("exited \n"));
  CHECK(written("exited 0\n") == core::ExitStatus{Kind::exited, 0});
  CHECK(written("signaled 15\n") == core::ExitStatus{Kind::signaled, 15});
  CHECK(peerd::end_of_task(143 << 8, stay.path()) == core::ExitStatus{Kind::signaled, 15});
  CHECK(peerd::end_of_task(9, stay.path()) == core::ExitStatus{Kind::signaled, 9});
}
