#include "config/units.h"

#include <cstdint>
#include <string>

#include "tests/catch.h"

using config::parse_quantity;
using config::print_quantity;
using config::Unit;

namespace {

// The value as a text, or what is wrong.
std::string parsed(Unit unit, const std::string& text) {
  std::string error;
  const auto value = parse_quantity(unit, text, error);
  return value ? std::to_string(*value) : error;
}

}  // namespace

TEST_CASE("durations are microseconds") {
  CHECK(parsed(Unit::duration, "0") == "0");
  CHECK(parsed(Unit::duration, "7us") == "7");
  CHECK(parsed(Unit::duration, "100ms") == "100000");
  CHECK(parsed(Unit::duration, "1.5s") == "1500000");
  CHECK(parsed(Unit::duration, "1.50 s") == "1500000");
  CHECK(parsed(Unit::duration, "2min") == "120000000");
  CHECK(parsed(Unit::duration, "0.5h") == "1800000000");
}

TEST_CASE("sizes are bytes") {
  CHECK(parsed(Unit::size, "12") == "12");
  CHECK(parsed(Unit::size, "12B") == "12");
  CHECK(parsed(Unit::size, "1.5KiB") == "1536");
  CHECK(parsed(Unit::size, "64MiB") == "67108864");
  CHECK(parsed(Unit::size, "16GiB") == "17179869184");
  CHECK(parsed(Unit::size, "1TiB") == "1099511627776");
}

TEST_CASE("loads and weights are thousandths") {
  CHECK(parsed(Unit::thousandths, "1.5") == "1500");
  CHECK(parsed(Unit::thousandths, "1") == "1000");
  CHECK(parsed(Unit::thousandths, "0.001") == "1");
  CHECK(parsed(Unit::thousandths, "1.000000") == "1000");
}

TEST_CASE("what is no quantity is refused with the reason") {
  const std::string units = " (known: us, ms, s, min, h)";
  CHECK(parsed(Unit::count, "") == "\"\" is not a whole number");
  CHECK(parsed(Unit::count, "-1") == "\"-1\" is not a whole number");
  CHECK(parsed(Unit::count, "3x") == "\"3x\" is not a whole number");
  CHECK(parsed(Unit::count, "1.5") == "\"1.5\" is finer than a whole number");
  CHECK(parsed(Unit::count, "99999999999999999999") == "\"99999999999999999999\" is too large");
  CHECK(parsed(Unit::count, "9223372036854775807") == "9223372036854775807");
  CHECK(parsed(Unit::count, "9223372036854775808") == "\"9223372036854775808\" is too large");
  CHECK(parsed(Unit::duration, "5") == "\"5\" has no unit" + units);
  CHECK(parsed(Unit::duration, "5 weeks") == "\"5 weeks\" has an unknown unit" + units);
  CHECK(parsed(Unit::duration, "5S") == "\"5S\" has an unknown unit" + units);
  CHECK(parsed(Unit::duration, "1.5us") == "\"1.5us\" is finer than 1us");
  CHECK(parsed(Unit::duration, "1.s") == "\"1.s\" is not a duration");
  CHECK(parsed(Unit::duration, ".5s") == "\".5s\" is not a duration");
  CHECK(parsed(Unit::duration, "9999999999999h") == "\"9999999999999h\" is too large");
  CHECK(parsed(Unit::size, "1MB") == "\"1MB\" has an unknown unit (known: B, KiB, MiB, GiB, TiB)");
  CHECK(parsed(Unit::size, "0.3B") == "\"0.3B\" is finer than a byte");
  CHECK(parsed(Unit::thousandths, "0.0001") == "\"0.0001\" is finer than 0.001");
  CHECK(parsed(Unit::thousandths, "0.00000000001") == "\"0.00000000001\" is finer than 0.001");
}

TEST_CASE("printing is exact and as short as can be") {
  CHECK(print_quantity(Unit::duration, 0) == "0");
  CHECK(print_quantity(Unit::duration, 1'500'000) == "1500ms");
  CHECK(print_quantity(Unit::duration, 600'000'000) == "10min");
  CHECK(print_quantity(Unit::duration, 90'000'000) == "90s");
  CHECK(print_quantity(Unit::duration, 1'000'001) == "1000001us");
  CHECK(print_quantity(Unit::size, 1 << 20) == "1MiB");
  CHECK(print_quantity(Unit::size, 1025) == "1025B");
  CHECK(print_quantity(Unit::thousandths, 1500) == "1.5");
  CHECK(print_quantity(Unit::thousandths, 1) == "0.001");
  CHECK(print_quantity(Unit::thousandths, 1010) == "1.01");
  CHECK(print_quantity(Unit::count, 42) == "42");
}

TEST_CASE("parsing reverses printing") {
  for (const Unit unit : {Unit::count, Unit::thousandths, Unit::duration, Unit::size}) {
    std::uint64_t state = 1;
    for (int i = 0; i < 2000; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const auto value = static_cast<std::int64_t>((state >> 16) % (std::uint64_t{1} << (i % 48)));
      CAPTURE(value);
      REQUIRE(parsed(unit, print_quantity(unit, value)) == std::to_string(value));
    }
  }
}

TEST_CASE("what is shown of a text fits a line") {
  CHECK(config::quoted("a\x1b[2Jb\n") == "\"a?[2Jb?\"");
  CHECK(config::quoted(std::string(100, 'x')) == "\"" + std::string(60, 'x') + "...\"");
}
