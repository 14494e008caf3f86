// Layouts of the core's vocabulary, which messages and frames share.
#pragma once

#include <limits>
#include <string>
#include <tuple>

#include "core/types.h"
#include "net/codec_layout.h"

namespace net::codec {

template <>
struct Layout<core::PeerId> {
  static constexpr auto last = core::PeerId{std::numeric_limits<std::uint64_t>::max()};
};

template <>
struct Layout<core::Role> {
  static constexpr auto last = core::Role::receiver;
};

template <>
struct Layout<core::Veto> {
  static constexpr auto last = core::Veto::migrations_full;
};
static_assert(static_cast<std::size_t>(Layout<core::Veto>::last) + 1 == core::kVetoes);

template <>
struct Layout<core::TaskState> {
  static constexpr auto last = core::TaskState::unknown;
};

template <>
struct Layout<core::ExitStatus::Kind> {
  static constexpr auto last = core::ExitStatus::Kind::lost;
};

template <>
struct Layout<core::ExitStatus> {
  static constexpr auto fields =
      std::tuple(field(&core::ExitStatus::kind), field(&core::ExitStatus::value));
};

template <>
struct Layout<core::TaskId> {
  static constexpr auto fields =
      std::tuple(field(&core::TaskId::home), field(&core::TaskId::serial));
  static std::string flaw(const core::TaskId& task) { return task ? "" : "a task of nobody"; }
};

// A peer that exists: never `none`.
struct Somebody {
  void write(Writer& writer, core::PeerId value) const { codec::write(writer, value); }
  void read(Reader& reader, core::PeerId& value) const {
    codec::read(reader, value);
    if (value == core::PeerId::none) reader.fail("a peer without identity");
  }
};

constexpr Within kPriority{-9, 10};

}  // namespace net::codec
