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
  // `terminal` stands for all three streams unless it is -1.
  Program(uv_loop_t* loop, const std::vector<std::string>& words,
          const std::vector<std::string>& environment, const std::string& directory,
          int terminal = -1);
  void open_pipes(uv_stdio_container_t (&streams)[3]);
  static void close_pipe(Pipe& pipe);
  static void start_reading(Pipe& pipe);

  uv_loop_t* loop_;
  uv_process_t process_{};
  bool running_ = false;
  Pipe in_, out_, err_;
};

// A terminal of 24 lines with 80 columns, and what was written to it.
class Terminal {
 public:
  explicit Terminal(uv_loop_t* loop);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::string shown;
  void type(const std::string& keys);
  bool echoes() const;
  int program_side() const { return program_side_; }

 private:
  void read_some();

  int our_side_;
  int program_side_;
  std::unique_ptr<peerctl::ReadyWatch> watch_;
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
  std::size_t unread_bytes() const;  // answers that peerctl has not taken yet
  void vanish();                     // closes the connection and the socket

  Program& peerctl(std::vector<std::string> words);
  Program& peerctl_on(Terminal& terminal, std::vector<std::string> words);
  uv_loop_t* loop() { return loop_.get(); }
  void run_until(const std::function<bool()>& done);  // fails the test after a generous while
  void run_to_end(Program& program);

  std::string path(const std::string& name) const;  // in a directory of the test's own
  void write_file(const std::string& name, const std::string& text) const;

 private:
  Program& start(std::vector<std::string> words, int terminal);

  std::string directory_;
  peerctl::Loop loop_;
  OnRequest on_request_;
  std::unique_ptr<net::StreamListener> listener_;
  std::vector<std::unique_ptr<net::FrameStream>> streams_;
  std::vector<std::unique_ptr<Program>> programs_;
};

}  // namespace test
