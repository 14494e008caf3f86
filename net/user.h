// Users of a board, by the kernel's numbers.
#pragma once

#include <cstdint>

namespace net {

using UserNumber = std::uint32_t;
constexpr UserNumber kRoot = 0;
constexpr UserNumber kNoUser = 0xffff'ffff;  // nobody in particular: whoever does it

}  // namespace net
