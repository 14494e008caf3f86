#include "peerd/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using peerd::Level;
using peerd::Log;

namespace {

constexpr std::int64_t kStart = 1'769'860'800'123'456;  // 2026-01-31T12:00:00.123456Z

class LogFixture {
 public:
  Log make(Log::Style style = Log::Style::timed) {
    return Log(file_.get(), style, [this] { return now_us_; });
  }
  std::string text() const { return scratch_.read("log"); }
  // Lines that contain the word.
  std::size_t lines_with(const std::string& word) const {
    std::istringstream lines(text());
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line);) {
      count += line.find(word) == line.npos ? 0 : 1;
    }
    return count;
  }

 protected:
  ScratchDirectory scratch_;
  peerd::UniqueFd file_{
      ::open((scratch_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  std::int64_t now_us_ = kStart;
};

}  // namespace

TEST_CASE_METHOD(LogFixture, "a line has time, level and text") {
  Log log = make();
  log.error("port {} is in use", 7400);
  now_us_ += 1'000'000;
  log.warning("slow");
  log.info("ready");
  CHECK(text() ==
        "2026-01-31T12:00:00.123Z error: port 7400 is in use\n"
        "2026-01-31T12:00:01.123Z warning: slow\n"
        "2026-01-31T12:00:01.123Z info: ready\n");
}

TEST_CASE_METHOD(LogFixture, "the journal gets priorities and no times") {
  Log log = make(Log::Style::journal);
  log.set_level("debug");
  log.error("a");
  log.warning("b");
  log.info("c");
  log.debug("d");
  CHECK(text() == "<3>a\n<4>b\n<6>c\n<7>d\n");
}

TEST_CASE_METHOD(LogFixture, "what is below the level is not written") {
  Log log = make(Log::Style::journal);
  log.debug("no");
  CHECK_FALSE(log.writes(Level::debug));
  log.set_level("error");
  log.warning("no");
  log.limited(Level::warning, "k", "no");
  log.line(Level::info, "no");
  log.error("yes");
  CHECK(text() == "<3>yes\n");
}

TEST_CASE_METHOD(LogFixture, "one event is one line, whatever its text") {
  Log log = make(Log::Style::journal);
  log.info("{}", "a\nb\x1b[2J\r\t{}");
  log.info("{}", std::string(10'000, 'x'));
  CHECK(text() == "<6>a b [2J  {}\n<6>" + std::string(Log::kMaxLineBytes, 'x') + "...\n");
}

TEST_CASE_METHOD(LogFixture, "a complaint that is repeated is counted instead") {
  Log log = make(Log::Style::journal);
  for (int i = 0; i < 1000; ++i) log.limited(Level::warning, "nonsense from a", "bad datagram");
  log.limited(Level::warning, "nonsense from b", "another");
  CHECK(lines_with("bad datagram") == Log::kLinesPerKey);
  CHECK(lines_with("another") == 1);
  CHECK(lines_with("suppressed") == 0);

  now_us_ += Log::kWindowUs;
  log.limited(Level::warning, "nonsense from a", "bad datagram");
  CHECK(lines_with("<4>nonsense from a: 995 more lines suppressed") == 1);
  CHECK(lines_with("suppressed") == 1);
  CHECK(lines_with("bad datagram") == Log::kLinesPerKey + 1);
}

TEST_CASE_METHOD(LogFixture, "many keys cannot fill the disk either") {
  Log log = make(Log::Style::journal);
  for (int i = 0; i < 100'000; ++i) {
    log.limited(Level::warning, "nonsense from " + std::to_string(i), "bad datagram");
  }
  CHECK(lines_with("bad datagram") == Log::kMaxKeys + Log::kLinesPerKey);
}

TEST_CASE_METHOD(LogFixture, "a clock that was set back does not silence a key for long") {
  Log log = make(Log::Style::journal);
  for (int i = 0; i < 10; ++i) log.limited(Level::error, "k", "bad");
  now_us_ -= 3'600'000'000;
  log.limited(Level::error, "k", "bad");
  CHECK(lines_with("bad") == Log::kLinesPerKey + 1);
  CHECK(lines_with("<3>k: 5 more lines suppressed") == 1);
}

TEST_CASE_METHOD(LogFixture, "the end of the log tells what was suppressed") {
  {
    Log log = make(Log::Style::journal);
    for (int i = 0; i < 7; ++i) log.limited(Level::info, "k", "x");
  }
  CHECK(lines_with("<6>k: 2 more lines suppressed") == 1);
}

TEST_CASE("a log that cannot be written to does no harm") {
  Log log(-1, Log::Style::timed, [] { return kStart; });
  log.error("nobody hears");
  log.limited(Level::error, "k", "nobody hears");
}

TEST_CASE_METHOD(LogFixture, "the journal is recognised by its stream, not by the variable alone") {
  struct stat status;
  REQUIRE(::fstat(file_.get(), &status) == 0);
  ::setenv("JOURNAL_STREAM",
           (std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino)).c_str(), 1);
  CHECK(peerd::style_of(file_.get()) == Log::Style::journal);
  ::setenv("JOURNAL_STREAM", "1:1", 1);
  CHECK(peerd::style_of(file_.get()) == Log::Style::timed);
  ::unsetenv("JOURNAL_STREAM");
  CHECK(peerd::style_of(file_.get()) == Log::Style::timed);
}
