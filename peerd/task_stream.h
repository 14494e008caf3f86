// What all streams that carry a task, or its results, have in common.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/codec.h"
#include "net/transport.h"

namespace peerd {

template <typename Frame>
void write_frame(net::FrameStream& stream, Frame frame) {
  stream.write(net::encode(net::StreamFrame{std::move(frame)}));
}

// In as many frames as it takes; lines beyond net::kMaxTraceLineBytes are cut.
void write_trace(net::FrameStream& stream, std::span<const std::string> lines);

// Appends what came; a trace of more than 1024 lines loses its latest.
void keep_trace(std::vector<std::string>& kept, const net::StreamTrace& frame);

// An error as it may travel.
std::string cut_error(const std::string& error);

}  // namespace peerd
