// Replays the fuzzer's corpus, which has a valid input for every message and frame, and whatever
// once made the fuzzer stop.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "net/codec.h"
#include "tests/catch.h"
#include "tests/fuzz/codec_properties.h"
#include "tests/net/codec_samples.h"

namespace {

const std::filesystem::path kCorpus = PEERD_FUZZ_CORPUS;

net::Bytes contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return net::Bytes(std::istreambuf_iterator<char>(file), {});
}

void write(const std::string& name, fuzz::Target target, net::Bytes input) {
  input.insert(input.begin(), static_cast<std::uint8_t>(target));
  std::ofstream file(kCorpus / name, std::ios::binary);
  for (const std::uint8_t byte : input) file.put(static_cast<char>(byte));
  REQUIRE(file.flush());
}

net::Bytes body(const net::Bytes& framed) {
  return net::Bytes(framed.begin() + net::kFrameLengthBytes, framed.end());
}

}  // namespace

TEST_CASE("fuzz corpus") {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  // More messages than seeds: write them anew, see below.
  CHECK(files.size() > core::kMessages + test::kStreamFrames + test::kControlFrames);
  for (const std::filesystem::path& path : files) {
    INFO(path.filename());
    const net::Bytes input = contents(path);
    REQUIRE_FALSE(input.empty());
    fuzz::fuzz_one(input.data(), input.size());
  }
}

// Hidden: run by name when messages or frames have changed.
TEST_CASE("write the fuzz corpus", "[.write-corpus]") {
  core::Rng rng(21);
  for (std::size_t tag = 0; tag < core::kMessages; ++tag) {
    write("datagram-" + std::to_string(tag), fuzz::Target::datagram,
          net::encode(test::sample_datagram(tag, rng)));
  }
  net::Bytes stream = {30};  // read in pieces of 31 bytes
  for (std::size_t tag = 0; tag < test::kStreamFrames; ++tag) {
    const net::Bytes framed = net::encode(test::sample_stream_frame(tag, rng));
    write("stream-" + std::to_string(tag), fuzz::Target::stream_frame, body(framed));
    stream.insert(stream.end(), framed.begin(), framed.end());
  }
  write("bytes-0", fuzz::Target::byte_stream, stream);
  for (std::size_t tag = 0; tag < test::kControlFrames; ++tag) {
    write("control-" + std::to_string(tag), fuzz::Target::control_frame,
          body(net::encode(test::sample_control_frame(tag, rng))));
  }
  write("spec-0", fuzz::Target::task_spec, net::encode(test::sample_task_spec(rng)));
}
