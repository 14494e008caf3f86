// Frames on their way to the kernel, in order: small ones together, large ones where they are.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "net/codec.h"

namespace net {

class FrameQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }  // in bytes

  void push(Bytes frame) {
    size_ += frame.size();
    if (!buffers_.empty() && buffers_.back().size() + frame.size() <= kTogetherBytes) {
      buffers_.back().insert(buffers_.back().end(), frame.begin(), frame.end());
    } else {
      buffers_.push_back(std::move(frame));
    }
  }

  // Everything but the first so many bytes. Valid as long as nothing is pushed.
  std::vector<uv_buf_t> after(std::size_t sent) {
    std::vector<uv_buf_t> rest;
    for (Bytes& bytes : buffers_) {
      const std::size_t skipped = std::min(sent, bytes.size());
      sent -= skipped;
      if (skipped == bytes.size()) continue;
      rest.push_back(uv_buf_init(reinterpret_cast<char*>(bytes.data()) + skipped,
                                 static_cast<unsigned>(bytes.size() - skipped)));
    }
    return rest;
  }

 private:
  static constexpr std::size_t kTogetherBytes = 64 << 10;
  std::vector<Bytes> buffers_;
  std::size_t size_ = 0;
};

}  // namespace net
