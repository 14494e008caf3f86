// The frames between peerd and its executor: [tag, fields...].
#include <tuple>
#include <utility>
#include <variant>

#include "net/codec.h"
#include "net/codec_core.h"
#include "net/task_spec.h"

namespace net {
namespace codec {
namespace {

using namespace net::executor;

constexpr std::size_t kOwnVariables = 16;  // that peerd adds to a task's
constexpr Text kLongText{2 * kMaxTextBytes};
constexpr Prose kMessage{kMaxErrorBytes};
constexpr Within kNice{0, 19};

constexpr Within kTime{0, core::kNever};

}  // namespace

template <>
struct Layout<ProcessSpec> {
  static constexpr auto fields = std::tuple(
      field(&ProcessSpec::arguments, list(kMaxArguments, Text{kMaxTextBytes})),
      field(&ProcessSpec::environment, list(kMaxEnvironment + kOwnVariables, kLongText)),
      field(&ProcessSpec::directory, kLongText), field(&ProcessSpec::stdin_path, kLongText),
      field(&ProcessSpec::stdout_path, kLongText), field(&ProcessSpec::stderr_path, kLongText),
      field(&ProcessSpec::nice, kNice), field(&ProcessSpec::cpu_limit_s),
      field(&ProcessSpec::memory_limit_bytes), field(&ProcessSpec::user),
      field(&ProcessSpec::own, kLongText));
};

template <>
struct Layout<executor::Hello> {
  static constexpr auto fields =
      std::tuple(field(&Hello::version, Version{kVersion}), field(&Hello::limits, kMessage),
                 field(&Hello::root), field(&Hello::not_contained, kMessage));
};

template <>
struct Layout<executor::Stay::State> {
  static constexpr auto last = Stay::State::ended;
};

template <>
struct Layout<executor::Stay> {
  static constexpr auto fields = std::tuple(
      field(&Stay::task), field(&Stay::epoch), field(&Stay::state), field(&Stay::movable),
      field(&Stay::status), field(&Stay::message, kMessage), field(&Stay::until, kTime));
};

template <>
struct Layout<executor::Lease> {
  static constexpr auto fields =
      std::tuple(field(&executor::Lease::task), field(&executor::Lease::epoch),
                 field(&executor::Lease::until, kTime));
};

template <>
struct Layout<executor::Ready> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<executor::Ended> {
  static constexpr auto fields =
      std::tuple(field(&executor::Ended::task), field(&executor::Ended::epoch),
                 field(&executor::Ended::status), field(&executor::Ended::message, kMessage));
};

template <>
struct Layout<executor::Start> {
  static constexpr auto fields = std::tuple(field(&Start::task), field(&Start::epoch),
                                            field(&Start::process), field(&Start::movable));
};

template <>
struct Layout<executor::Checked> {
  static constexpr auto fields =
      std::tuple(field(&Checked::usable), field(&Checked::words, kMessage));
};

template <>
struct Layout<executor::Inspected> {
  static constexpr auto fields = std::tuple(
      field(&Inspected::task), field(&Inspected::epoch), field(&Inspected::obstacle, kMessage),
      field(&Inspected::resident_bytes), field(&Inspected::files, Text{kMaxSpecBytes}));
};

template <>
struct Layout<executor::Moved> {
  static constexpr auto fields =
      std::tuple(field(&Moved::task), field(&Moved::epoch), field(&Moved::done),
                 field(&Moved::lasting), field(&Moved::message, kMessage), field(&Moved::criu_us),
                 field(&Moved::total_us), field(&Moved::bytes), field(&Moved::packed_bytes));
};

template <>
struct Layout<executor::Check> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<executor::Inspect> {
  static constexpr auto fields =
      std::tuple(field(&Inspect::task), field(&Inspect::epoch), field(&Inspect::files));
};

template <>
struct Layout<executor::Dump> {
  static constexpr auto fields =
      std::tuple(field(&Dump::task), field(&Dump::epoch), field(&Dump::fifo, kLongText));
};

template <>
struct Layout<executor::Restore> {
  static constexpr auto fields = std::tuple(
      field(&Restore::task), field(&Restore::epoch), field(&Restore::directory, kLongText),
      field(&Restore::fifo, kLongText), field(&Restore::max_bytes), field(&Restore::user),
      field(&Restore::cpu_limit_s), field(&Restore::memory_limit_bytes));
};

template <>
struct Layout<executor::Resume> {
  static constexpr auto fields = std::tuple(field(&Resume::task), field(&Resume::epoch));
};

template <>
struct Layout<executor::Stop> {
  static constexpr auto fields =
      std::tuple(field(&Stop::task), field(&Stop::epoch), field(&Stop::grace, kTime));
};

template <>
struct Layout<executor::Kill> {
  static constexpr auto fields = std::tuple(field(&Kill::task), field(&Kill::epoch));
};

template <>
struct Layout<executor::Discard> {
  static constexpr auto fields = std::tuple(field(&Discard::task), field(&Discard::epoch));
};

template <>
struct Layout<executor::Copy::Direction> {
  static constexpr auto last = Copy::Direction::to_user;
};

template <>
struct Layout<executor::Copy::File> {
  static constexpr auto fields =
      std::tuple(field(&Copy::File::from, kLongText), field(&Copy::File::to, kLongText));
};

template <>
struct Layout<executor::Copy> {
  static constexpr auto fields =
      std::tuple(field(&Copy::number), field(&Copy::user), field(&Copy::direction),
                 field(&Copy::files, list(kMaxFiles + 1)), field(&Copy::max_bytes));
};

template <>
struct Layout<executor::Copied::Failure> {
  static constexpr auto last = Copied::Failure::too_large;
};

template <>
struct Layout<executor::Copied> {
  static constexpr auto fields =
      std::tuple(field(&Copied::number), field(&Copied::failure), field(&Copied::message, kMessage),
                 field(&Copied::bytes));
};

template <>
struct Layout<executor::Quit> {
  static constexpr std::tuple<> fields{};
};

}  // namespace codec

Bytes encode(const executor::Frame& frame) {
  codec::Writer writer(codec::Writer::Framing::length);
  writer.array(1 + codec::alternative_fields(frame));
  codec::write_alternative(writer, frame);
  return writer.take();
}

Decoded<executor::Frame> decode_executor_frame(std::span<const std::uint8_t> bytes) {
  codec::Reader reader(bytes, kMaxFrameBytes);
  executor::Frame frame;
  const std::size_t elements = reader.array();
  if (!reader.failed()) codec::read_alternative(reader, frame, elements);
  return codec::result_of(reader, std::move(frame));
}

}  // namespace net
