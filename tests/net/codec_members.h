// The members of an aggregate without naming them, so that a test reaches also those that were
// added after it was written.
#pragma once

#include <cstddef>
#include <utility>

namespace test {

struct AnyValue {
  std::size_t index;
  template <typename T>
  operator T() const;  // never defined: in unevaluated operands alone
};

template <typename T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires {
    T{AnyValue{I}...};
  };
}

template <typename T, std::size_t kCount = 16>
constexpr std::size_t member_count() {
  if constexpr (takes<T>(std::make_index_sequence<kCount>{})) {
    return kCount;
  } else {
    return member_count<T, kCount - 1>();
  }
}

// Calls `visit` with each member of `value`, at most 16 of them, in their order.
template <typename T, typename Visit>
void for_each_member(T& value, Visit&& visit) {
  const auto all = [&](auto&... members) { (visit(members), ...); };
  constexpr std::size_t kCount = member_count<T>();
  if constexpr (kCount == 0) {
    (void)value;
  } else if constexpr (kCount == 1) {
    auto& [a] = value;
    all(a);
  } else if constexpr (kCount == 2) {
    auto& [a, b] = value;
    all(a, b);
  } else if constexpr (kCount == 3) {
    auto& [a, b, c] = value;
    all(a, b, c);
  } else if constexpr (kCount == 4) {
    auto& [a, b, c, d] = value;
    all(a, b, c, d);
  } else if constexpr (kCount == 5) {
    auto& [a, b, c, d, e] = value;
    all(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    auto& [a, b, c, d, e, f] = value;
    all(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    all(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    all(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    all(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    all(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (kCount == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    all(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (kCount == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    all(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (kCount == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else {
    static_assert(kCount == 14, "add a line for as many members");
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    all(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  }
}

}  // namespace test
