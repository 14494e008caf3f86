// What must hold for every input whatsoever. Shared by the fuzzer and by the test that replays its
// corpus.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fuzz {

// Which decoder the first byte of an input selects, modulo their number.
enum class Target : std::uint8_t { datagram, stream_frame, control_frame, task_spec, byte_stream };
constexpr std::uint8_t kTargets = 5;

// Decodes the rest of the input. What is decoded must survive being encoded and decoded again;
// aborts if not. Returns 0, as libFuzzer wants.
int fuzz_one(const std::uint8_t* data, std::size_t size);

}  // namespace fuzz
