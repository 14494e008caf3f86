#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "net/transport.h"
#include "tests/net/loop.h"
#include "tests/net/raw_socket.h"

namespace net {
namespace {

struct TemporaryDirectory {
  std::filesystem::path path;
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "transport_test.XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

core::Endpoint loopback(std::uint16_t port = 0) {
  core::Endpoint endpoint = parse_endpoint("127.0.0.1:0").value();
  endpoint.port = port;
  return endpoint;
}

struct Accepted {
  std::vector<std::unique_ptr<FrameStream>> streams;
  std::vector<std::string> from;
  StreamListener::OnStream callback() {
    return [this](std::unique_ptr<FrameStream> stream, const std::string& who) {
      streams.push_back(std::move(stream));
      from.push_back(who);
    };
  }
};

// What a daemon that was killed leaves behind.
void leave_stale_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(fd, 1) == 0);
  close(fd);
}

bool connects(Loop& loop, const std::string& path, Accepted& accepted) {
  const std::size_t before = accepted.streams.size();
  auto client = FrameStream::connect_unix(loop, path, {});
  return loop.run_until([&] { return accepted.streams.size() > before; });
}

}  // namespace

TEST_CASE("a TCP listener names its port and its clients", "[listener]") {
  Loop loop;
  Accepted accepted;
  std::string error;
  auto listener = StreamListener::listen_tcp(loop, loopback(), accepted.callback(), error);
  INFO(error);
  REQUIRE(listener);
  REQUIRE(listener->local().port != 0);
  RawSocket client = RawSocket::connected(listener->local());
  REQUIRE(loop.run_until([&] { return accepted.streams.size() == 1; }));
  CHECK(accepted.from[0] == core::to_string(client.local()));
}

TEST_CASE("a TCP port in use is reported, and free once its listener is gone", "[listener]") {
  Loop loop;
  Accepted accepted;
  std::string error;
  auto first = StreamListener::listen_tcp(loop, loopback(), accepted.callback(), error);
  REQUIRE(first);
  const core::Endpoint taken = first->local();
  CHECK_FALSE(StreamListener::listen_tcp(loop, taken, accepted.callback(), error));
  CHECK(error.find("port " + std::to_string(taken.port) + " on 127.0.0.1 is in use (TCP)") == 0);

  RawSocket client = RawSocket::connected(taken);  // its connection outlives the listener
  REQUIRE(loop.run_until([&] { return accepted.streams.size() == 1; }));
  first.reset();
  accepted.streams.clear();
  CHECK(StreamListener::listen_tcp(loop, taken, accepted.callback(), error));
}

TEST_CASE("a listener may be destroyed by its own callback", "[listener]") {
  Loop loop;
  std::string error;
  int calls = 0;
  std::unique_ptr<StreamListener> listener;
  listener = StreamListener::listen_tcp(
      loop, loopback(),
      [&](std::unique_ptr<FrameStream>, const std::string&) {
        listener.reset();
        ++calls;  // what the callback holds is still there
      },
      error);
  REQUIRE(listener);
  RawSocket first = RawSocket::connected(listener->local());
  RawSocket second = RawSocket::connected(listener->local());
  REQUIRE(loop.run_until([&] { return calls > 0; }));
  loop.turn();
  CHECK(calls == 1);
}

TEST_CASE("without descriptors a listener waits instead of spinning", "[listener]") {
  struct Limit {
    rlimit before{};
    Limit() { getrlimit(RLIMIT_NOFILE, &before); }
    ~Limit() { setrlimit(RLIMIT_NOFILE, &before); }
  } limit;
  Loop loop;
  Accepted accepted;
  std::string error;
  auto listener = StreamListener::listen_tcp(loop, loopback(), accepted.callback(), error);
  REQUIRE(listener);
  RawSocket client = RawSocket::connected(listener->local());
  loop.turn(0);
  const int lowest_free = fcntl(client.fd(), F_DUPFD, 0);
  REQUIRE(lowest_free >= 0);
  close(lowest_free);
  rlimit tight = limit.before;
  tight.rlim_cur = static_cast<rlim_t>(lowest_free);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);

  int turns = 0;  // a spinning listener takes thousands of them in three retries' time
  std::uint64_t start = uv_now(loop);
  REQUIRE(loop.run_until([&] { return ++turns > 50 || uv_now(loop) - start > 350; }));
  CHECK(turns <= 50);
  CHECK(accepted.streams.empty());

  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit.before) == 0);
  CHECK(loop.run_until([&] { return accepted.streams.size() == 1; }));
}

TEST_CASE("a Unix socket is its user's alone and goes with its listener", "[listener]") {
  TemporaryDirectory directory;
  const std::string path = directory.path / "control.sock";
  Loop loop;
  Accepted accepted;
  std::string error;
  const mode_t previous = umask(0);
  auto listener = StreamListener::listen_unix(loop, path, accepted.callback(), error);
  const mode_t kept = umask(previous);
  INFO(error);
  REQUIRE(listener);
  CHECK(kept == 0);
  struct stat status;
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(connects(loop, path, accepted));
  CHECK(accepted.from[0] == path);
  listener.reset();
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a Unix socket left behind is replaced, a live one is refused", "[listener]") {
  TemporaryDirectory directory;
  const std::string path = directory.path / "control.sock";
  leave_stale_socket(path);
  REQUIRE(std::filesystem::is_socket(path));
  Loop loop;
  Accepted accepted;
  std::string error;
  auto listener = StreamListener::listen_unix(loop, path, accepted.callback(), error);
  INFO(error);
  REQUIRE(listener);

  CHECK_FALSE(StreamListener::listen_unix(loop, path, accepted.callback(), error));
  CHECK(error.find("another peerd listens on " + path) == 0);
  CHECK(connects(loop, path, accepted));
}

TEST_CASE("a listener leaves alone the file that took its place", "[listener]") {
  TemporaryDirectory directory;
  const std::string path = directory.path / "control.sock";
  Loop loop;
  Accepted accepted;
  std::string error;
  auto first = StreamListener::listen_unix(loop, path, accepted.callback(), error);
  REQUIRE(first);
  std::filesystem::rename(path, path + ".moved");
  auto second = StreamListener::listen_unix(loop, path, accepted.callback(), error);
  REQUIRE(second);
  first.reset();
  CHECK(connects(loop, path, accepted));
}

TEST_CASE("a path that cannot carry a socket is refused in words", "[listener]") {
  TemporaryDirectory directory;
  Loop loop;
  std::string error;

  const std::string file = directory.path / "notes.txt";
  std::ofstream(file) << "precious";
  CHECK_FALSE(StreamListener::listen_unix(loop, file, nullptr, error));
  CHECK(error.find("is no socket") != std::string::npos);
  CHECK(std::filesystem::file_size(file) == 8);

  const std::string long_path = "/" + std::string(107, 'x');
  CHECK_FALSE(StreamListener::listen_unix(loop, long_path, nullptr, error));
  CHECK(error.find("has 108 bytes and may have 1 ... 107") != std::string::npos);

  CHECK_FALSE(StreamListener::listen_unix(loop, directory.path / "no" / "s", nullptr, error));
  CHECK(error.find("No such file or directory") != std::string::npos);
}

}  // namespace net
