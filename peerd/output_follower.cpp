#include "peerd/output_follower.h"

#include <fcntl.h>
#include <unistd.h>

#include "net/stream_frame.h"

namespace peerd {

std::optional<net::Output> OutputFollower::next() {
  for (std::uint8_t i = 0; i < 2; ++i) {
    Stream& stream = streams_[i];
    if (!stream.file) stream.file = UniqueFd(::open(stream.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!stream.file) continue;  // nothing has been printed yet
    net::Output output;
    output.stream = static_cast<std::uint8_t>(i + 1);
    output.bytes.resize(net::kMaxChunkBytes);
    const ssize_t got = ::pread(stream.file.get(), output.bytes.data(), output.bytes.size(),
                                static_cast<off_t>(stream.offset));
    if (got <= 0) continue;
    output.bytes.resize(static_cast<std::size_t>(got));
    stream.offset += static_cast<std::uint64_t>(got);
    return output;
  }
  return std::nullopt;
}

}  // namespace peerd
