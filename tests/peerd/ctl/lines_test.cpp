#include "peerd/ctl/lines.h"

#include "tests/catch.h"

using namespace peerctl;

TEST_CASE("words of a line are those of a shell, unexpanded") {
  const auto words = [](const char* line) {
    const auto result = split_words(line);
    REQUIRE(std::holds_alternative<Words>(result));
    return std::get<Words>(result);
  };
  CHECK(words("") == Words{});
  CHECK(words("  xz\t-9  f ") == Words{"xz", "-9", "f"});
  CHECK(words("'a b' \"c d\" e\\ f") == Words{"a b", "c d", "e f"});
  CHECK(words("'' x \"\"") == Words{"", "x", ""});
  CHECK(words("sh -c 'echo \"$1\" \\n'") == Words{"sh", "-c", "echo \"$1\" \\n"});
  CHECK(words("\"a\\\"b\\$c\\\\d\\e\"") == Words{"a\"b$c\\d\\e"});
  CHECK(words("pre'mid'\"post\"") == Words{"premidpost"});
  CHECK(words("a#b #c") == Words{"a#b", "#c"});
  CHECK(words("*.txt $HOME\r") == Words{"*.txt", "$HOME"});
  for (const char* wrong : {"'open", "\"open", "lone\\", "\"x\\"}) {
    INFO(wrong);
    CHECK(std::holds_alternative<Problem>(split_words(wrong)));
  }
}

TEST_CASE("comments and blank lines") {
  CHECK(is_blank_or_comment(""));
  CHECK(is_blank_or_comment(" \t\r"));
  CHECK(is_blank_or_comment("  # words"));
  CHECK_FALSE(is_blank_or_comment("x # words"));
}

TEST_CASE("lines are cut wherever the bytes were") {
  const std::string bytes = "one\n\nthree\nlast";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    LineCutter cutter;
    std::string joined;
    std::size_t count = 0;
    const auto drain = [&] {
      while (const std::optional<Line> line = cutter.next()) {
        CHECK(line->number == ++count);
        joined += line->text + "|";
      }
    };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      cutter.append(std::string_view(bytes).substr(at, step));
      drain();
    }
    CHECK(joined == "one||three|");
    cutter.finish();
    drain();
    CHECK(joined == "one||three|last|");
    CHECK_FALSE(cutter.next());
  }
}

TEST_CASE("a line that is too long is one line, said to be so, and kept nowhere") {
  const bool ended = GENERATE(true, false);
  LineCutter cutter;
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 30; ++i) {
    cutter.append(piece);
    CHECK_FALSE(cutter.next());
  }
  if (ended) cutter.append("\nshort\n");
  cutter.finish();
  std::optional<Line> line = cutter.next();
  REQUIRE(line);
  CHECK(line->number == 1);
  CHECK(line->too_long);
  CHECK(line->text.empty());
  line = cutter.next();
  REQUIRE(line.has_value() == ended);
  if (ended) {
    CHECK(line->number == 2);
    CHECK(line->text == "short");
    CHECK_FALSE(line->too_long);
  }
}
