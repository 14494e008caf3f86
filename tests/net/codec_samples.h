// Random legal messages and frames, extremes included: the same ones for the same seed.
#pragma once

#include <cstddef>

#include "core/rng.h"
#include "net/codec.h"

namespace test {

constexpr std::size_t kStreamFrames = std::variant_size_v<net::StreamFrame>;
constexpr std::size_t kControlFrames = std::variant_size_v<net::ControlBody>;

// `tag` is the index of the alternative.
net::Datagram sample_datagram(std::size_t tag, core::Rng& rng);
net::StreamFrame sample_stream_frame(std::size_t tag, core::Rng& rng);
net::ControlFrame sample_control_frame(std::size_t tag, core::Rng& rng);
net::TaskSpec sample_task_spec(core::Rng& rng);

// With every variable part at its limit.
core::Member largest_member();
net::TaskRow largest_task_row();

}  // namespace test
