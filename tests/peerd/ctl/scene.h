// A daemon of the test's own making on a Unix socket, and real peerctl processes that talk to it,
// all on one loop.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/codec.h"
#include "net/transport.h"
#include "peerd/ctl/loop.h"

namespace test {

// One peerctl. What it prints is collected here.
class Program {
 public:
  ~Program();  // kills and reaps it if it still runs
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  std::string out, err;
  bool exited = false;
  int code = -1;   // of exit, -1 if a signal ended it
  int signal = 0;  // that ended it

  void send_signal(int number);
  void write(const std::string& text);  // to its stdin
  void end_input();
  void stop_reading();  // of its stdout: its pipe fills
  void read_on();
  void close_output();  // its stdout breaks

 private:
  friend class Scene;
  struct Pipe {
    uv_pipe_t handle{};
    std::string* text = nullptr;
    bool open = false;
    char buffer[4096];
  };
  Program(uv_loop_t* loop, const std::vector<std::string>& words,
          const std::vector<std::string>& environment, const std::string& directory);
  static void close_pipe(Pipe& pipe);
  static void start_reading(Pipe& pipe);

  uv_loop_t* loop_;
  uv_process_t process_{};
  bool running_ = false;
  Pipe in_, out_, err_;
};

class Scene {
 public:
  Scene();
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  // What comes in from peerctl, Hello aside, which is answered by Welcome.
  using OnRequest = std::function<void(const net::ControlFrame& frame)>;
  void serve(OnRequest on_request);
  void serve_with_hello(OnRequest on_request);  // Hello comes to on_request as well
  void answer(std::uint32_t request, net::ControlBody body);
  void vanish();  // closes the connection and the socket

  Program& peerctl(std::vector<std::string> words);
  void run_until(const std::function<bool()>& done);  // fails the test after a generous while
  void run_to_end(Program& program);

  std::string path(const std::string& name) const;  // in a directory of the test's own
  void write_file(const std::string& name, const std::string& text) const;

 private:
  std::string directory_;
  peerctl::Loop loop_;
  OnRequest on_request_;
  std::unique_ptr<net::StreamListener> listener_;
  std::vector<std::unique_ptr<net::FrameStream>> streams_;
  std::vector<std::unique_ptr<Program>> programs_;
};

}  // namespace test
