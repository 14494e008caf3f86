// libFuzzer's way in. Run it as  fuzz_codec NEW_INPUTS_DIRECTORY tests/fuzz/corpus
#include "tests/fuzz/codec_properties.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::fuzz_one(data, size);
}
