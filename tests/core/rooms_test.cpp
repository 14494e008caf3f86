// A room includes what it may, and nothing else. That a wrong include does not compile either is
// tested by the ctest entries rooms_*, see CMakeLists.txt.
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/core/rooms.h"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool allowed(const std::string& path, const std::string& include) {
  return core_test::forbidden_includes(path, "#include " + include + "\n").empty();
}

}  // namespace

TEST_CASE("rooms: every file includes what its room may") {
  const fs::path root = PEERD_SOURCE_DIR;
  for (const std::string room : {"core", "policies", "net", "config", "sim", "peerd"}) {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string suffix = entry.path().extension().string();
      if (suffix != ".h" && suffix != ".cpp") continue;
      const std::string text = read(entry.path());
      CAPTURE(entry.path().string());
      CHECK((suffix == ".h" || text.find("#include") != std::string::npos));
      ++files;
      const std::string path = fs::relative(entry.path(), root).generic_string();
      for (const std::string& include : core_test::forbidden_includes(path, text))
        FAIL_CHECK(include);
    }
    CAPTURE(room);
    CHECK(files > 3);
  }
}

TEST_CASE("rooms: core knows the standard library and itself") {
  CHECK(allowed("core/node.cpp", "<vector>"));
  CHECK(allowed("core/node.cpp", "\"core/node.h\""));
  CHECK_FALSE(allowed("core/node.cpp", "<unistd.h>"));
  CHECK_FALSE(allowed("core/node.cpp", "<sys/time.h>"));
  CHECK_FALSE(allowed("core/node.cpp", "<uv.h>"));
  CHECK_FALSE(allowed("core/node.cpp", "<msgpack.hpp>"));
  CHECK_FALSE(allowed("core/node.cpp", "<fmt/format.h>"));
  CHECK_FALSE(allowed("core/node.cpp", "\"policies/registry.h\""));
  CHECK_FALSE(allowed("core/node.cpp", "\"net/codec.h\""));
  CHECK_FALSE(allowed("core/node.cpp", "\"node.h\""));
  CHECK_FALSE(allowed("core/node.cpp", "\"../policies/registry.h\""));
}

TEST_CASE("rooms: policies know core") {
  CHECK(allowed("policies/registry.cpp", "\"core/policy.h\""));
  CHECK(allowed("policies/registry.cpp", "\"policies/registry.h\""));
  CHECK_FALSE(allowed("policies/registry.cpp", "\"net/codec.h\""));
  CHECK_FALSE(allowed("policies/registry.cpp", "\"sim/world.h\""));
  CHECK_FALSE(allowed("policies/registry.cpp", "<unistd.h>"));
}

TEST_CASE("rooms: CRIU and zstd are peerd/checkpoint's alone") {
  CHECK(allowed("peerd/checkpoint/image_packer.cpp", "<zstd.h>"));
  CHECK(allowed("peerd/checkpoint/task_moves.cpp", "\"peerd/checkpoint/criu.h\""));
  CHECK(allowed("peerd/driver.cpp", "\"peerd/checkpoint/task_operation.h\""));
  CHECK_FALSE(allowed("peerd/bundle.cpp", "<zstd.h>"));
  CHECK_FALSE(allowed("peerd/driver.cpp", "\"peerd/checkpoint/criu.h\""));
  CHECK_FALSE(allowed("sim/world.cpp", "\"peerd/checkpoint/criu.h\""));
}

TEST_CASE("rooms: msgpack is the codec's alone, libuv the transport's and peerd's") {
  CHECK(allowed("net/datagram_codec.cpp", "<msgpack.hpp>"));
  CHECK_FALSE(allowed("net/framer.cpp", "<msgpack.hpp>"));
  CHECK_FALSE(allowed("net/datagram_socket.cpp", "<msgpack.hpp>"));
  CHECK_FALSE(allowed("peerd/driver.cpp", "<msgpack.hpp>"));
  CHECK_FALSE(allowed("sim/world.cpp", "<msgpack.hpp>"));

  CHECK(allowed("net/datagram_socket.cpp", "<uv.h>"));
  CHECK(allowed("peerd/driver.cpp", "<uv.h>"));
  CHECK_FALSE(allowed("net/framer.cpp", "<uv.h>"));
  CHECK_FALSE(allowed("net/datagram_codec.cpp", "<uv.h>"));
  CHECK_FALSE(allowed("net/datagram_codec.cpp", "<sys/socket.h>"));
  CHECK_FALSE(allowed("net/datagram_codec.cpp", "\"net/transport.h\""));
  CHECK(allowed("net/frame_stream.cpp", "\"net/codec.h\""));
  CHECK_FALSE(allowed("net/frame_stream.cpp", "\"policies/registry.h\""));
  CHECK_FALSE(allowed("sim/world.cpp", "<uv.h>"));
}

TEST_CASE("rooms: sim knows core, policies and the codec; peerd everything but sim") {
  CHECK(allowed("sim/world.cpp", "\"net/codec.h\""));
  CHECK(allowed("sim/world.cpp", "\"policies/registry.h\""));
  CHECK_FALSE(allowed("sim/world.cpp", "\"net/transport.h\""));
  CHECK_FALSE(allowed("sim/world.cpp", "\"net/socket_address.h\""));
  CHECK_FALSE(allowed("sim/world.cpp", "\"peerd/driver.h\""));
  CHECK(allowed("peerd/driver.cpp", "\"net/transport.h\""));
  CHECK(allowed("peerd/ctl/main.cpp", "\"peerd/ctl/loop.h\""));
  CHECK_FALSE(allowed("peerd/driver.cpp", "\"sim/world.h\""));
  CHECK_FALSE(allowed("peerd/driver.cpp", "\"tests/catch.h\""));
}

TEST_CASE("rooms: the checker sees includes however they are written, and says where") {
  const std::string text =
      "// #include <uv.h> in words\n#pragma once\n\n  #  include <uv.h>  // why\n";
  const std::vector<std::string> found = core_test::forbidden_includes("core/x.h", text);
  REQUIRE(found.size() == 1);
  CHECK(found[0] == "core/x.h:4: <uv.h>  // why");
  CHECK_FALSE(allowed("core/x.h", "SOME_MACRO"));
  CHECK_FALSE(core_test::forbidden_includes("attic/x.h", "").empty());
}
