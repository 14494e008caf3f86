// Layout of a task's specification, which frames of both kinds carry.
#pragma once

#include <string>
#include <tuple>

#include "net/codec_core.h"
#include "net/codec_layout.h"
#include "net/task_spec.h"

namespace net::codec {

template <>
struct Layout<FileSpec> {
  static constexpr auto fields = std::tuple(field(&FileSpec::name, Text{kMaxTextBytes}),
                                            field(&FileSpec::path, Text{kMaxTextBytes}));
};

template <>
struct Layout<TaskSpec> {
  static constexpr auto fields = std::tuple(
      field(&TaskSpec::arguments, list(kMaxArguments, Text{kMaxTextBytes})),
      field(&TaskSpec::environment, list(kMaxEnvironment, Text{kMaxTextBytes})),
      field(&TaskSpec::directory, Text{kMaxTextBytes}),
      field(&TaskSpec::stdin_path, Text{kMaxTextBytes}), field(&TaskSpec::inputs, list(kMaxFiles)),
      field(&TaskSpec::outputs, list(kMaxFiles)), field(&TaskSpec::priority, kPriority),
      field(&TaskSpec::cpu_limit_s), field(&TaskSpec::memory_limit_bytes), field(&TaskSpec::pinned),
      field(&TaskSpec::restarts), field(&TaskSpec::user));
  // Nothing in it may lead out of the task's directory, whoever sent it.
  static std::string flaw(const TaskSpec& spec);
};

// A frame that carries a spec stays within kMaxSpecBytes as a whole, so that what was submitted in
// one also fits a bundle and the spec file.
inline void limit_spec_frame(Reader& reader, std::size_t frame_bytes) {
  if (frame_bytes > kMaxSpecBytes) {
    reader.fail("a task of " + std::to_string(frame_bytes) + " bytes, at most " +
                std::to_string(kMaxSpecBytes) + " allowed");
  }
}

}  // namespace net::codec
