#include "core/name.h"

#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"

TEST_CASE("a name holds any text, short or long, through copies and moves") {
  for (const std::size_t size : {0u, 1u, 14u, 15u, 16u, 17u, 63u, 300u}) {
    CAPTURE(size);
    const std::string text(size, 'n');
    const core::Name name = text;
    CHECK(name.text() == text);
    core::Name copy = name;
    CHECK(copy == name);
    const core::Name moved = std::move(copy);
    CHECK(moved == name);
    copy = "other, and not a short one";
    CHECK(copy.text() == "other, and not a short one");
    copy = moved;
    CHECK(copy == name);
    CHECK((copy == core::Name(text + "n")) == false);
  }
  std::vector<core::Name> many;
  for (std::size_t size = 0; size < 40; ++size) many.insert(many.begin(), std::string(size, 'x'));
  for (std::size_t size = 0; size < 40; ++size) CHECK(many[39 - size].text().size() == size);
}
