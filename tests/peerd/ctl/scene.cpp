#include "tests/peerd/ctl/scene.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/catch.h"

namespace fs = std::filesystem;

namespace test {
namespace {

constexpr std::uint64_t kGenerousMs = 120'000;

template <typename Handle>
uv_handle_t* as_handle(Handle& handle) {
  return reinterpret_cast<uv_handle_t*>(&handle);
}

template <typename Handle>
uv_stream_t* as_stream(Handle& handle) {
  return reinterpret_cast<uv_stream_t*>(&handle);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void run_closing(uv_loop_t* loop, uv_handle_t* handle) {
  bool closed = false;
  handle->data = &closed;
  uv_close(handle, [](uv_handle_t* one) { *static_cast<bool*>(one->data) = true; });
  while (!closed) uv_run(loop, UV_RUN_ONCE);
}

}  // namespace

Program::Program(uv_loop_t* loop, const std::vector<std::string>& words,
                 const std::vector<std::string>& environment, const std::string& directory,
                 int terminal)
    : loop_(loop) {
  uv_stdio_container_t streams[3];
  if (terminal < 0) {
    open_pipes(streams);
  } else {
    for (uv_stdio_container_t& stream : streams) {
      stream.flags = UV_INHERIT_FD;
      stream.data.fd = terminal;
    }
  }
  std::vector<std::string> arguments = words;
  std::vector<std::string> variables = environment;
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  uv_process_options_t options{};
  options.file = PEERCTL_PATH;
  options.args = const_cast<char**>(argv.data());
  options.env = const_cast<char**>(envp.data());
  options.cwd = directory.c_str();
  options.stdio = streams;
  options.stdio_count = 3;
  options.exit_cb = [](uv_process_t* process, std::int64_t status, int number) {
    auto* self = static_cast<Program*>(process->data);
    self->running_ = false;
    self->code = number == 0 ? static_cast<int>(status) : -1;
    self->signal = number;
  };
  REQUIRE(uv_spawn(loop, &process_, &options) == 0);
  process_.data = this;
  running_ = true;
  if (terminal >= 0) return;
  start_reading(out_);
  start_reading(err_);
}

void Program::open_pipes(uv_stdio_container_t (&streams)[3]) {
  out_.text = &out;
  err_.text = &err;
  const uv_stdio_flags directions[3] = {UV_READABLE_PIPE, UV_WRITABLE_PIPE, UV_WRITABLE_PIPE};
  Pipe* const pipes[3] = {&in_, &out_, &err_};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(uv_pipe_init(loop_, &pipes[i]->handle, 0) == 0);
    pipes[i]->handle.data = pipes[i];
    pipes[i]->open = true;
    streams[i].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | directions[i]);
    streams[i].data.stream = as_stream(pipes[i]->handle);
  }
}

Program::~Program() {
  if (running_) uv_process_kill(&process_, SIGKILL);
  while (running_) uv_run(loop_, UV_RUN_ONCE);
  for (Pipe* pipe : {&in_, &out_, &err_}) {
    if (pipe->open) run_closing(loop_, as_handle(pipe->handle));
  }
  run_closing(loop_, as_handle(process_));
}

void Program::start_reading(Pipe& pipe) {
  uv_read_start(
      as_stream(pipe.handle),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto* own = static_cast<Pipe*>(handle->data);
        *buffer = uv_buf_init(own->buffer, sizeof own->buffer);
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
        auto* own = static_cast<Pipe*>(stream->data);
        if (size > 0) own->text->append(buffer->base, static_cast<std::size_t>(size));
        if (size < 0) close_pipe(*own);
      });
}

void Program::close_pipe(Pipe& pipe) {
  if (!std::exchange(pipe.open, false)) return;
  uv_close(as_handle(pipe.handle), nullptr);
}

void Program::send_signal(int number) {
  REQUIRE(uv_process_kill(&process_, number) == 0);
}

void Program::write(const std::string& text) {
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(text.data()), static_cast<unsigned>(text.size()));
  REQUIRE(uv_try_write(as_stream(in_.handle), &buffer, 1) == static_cast<int>(text.size()));
}

void Program::end_input() {
  close_pipe(in_);
}

void Program::stop_reading() {
  uv_read_stop(as_stream(out_.handle));
}

void Program::read_on() {
  start_reading(out_);
}

void Program::close_output() {
  close_pipe(out_);
}

Terminal::Terminal(uv_loop_t* loop) : our_side_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
  REQUIRE(our_side_ >= 0);
  REQUIRE(::grantpt(our_side_) == 0);
  REQUIRE(::unlockpt(our_side_) == 0);
  program_side_ = ::open(::ptsname(our_side_), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(program_side_ >= 0);
  const winsize size{24, 80, 0, 0};
  REQUIRE(::ioctl(our_side_, TIOCSWINSZ, &size) == 0);
  watch_ = std::make_unique<peerctl::ReadyWatch>(loop, our_side_, peerctl::ReadyWatch::For::reading,
                                                 [this] { read_some(); });
  watch_->start();
}

Terminal::~Terminal() {
  watch_.reset();
  ::close(our_side_);
  ::close(program_side_);
}

void Terminal::read_some() {
  char buffer[4096];
  const ssize_t size = ::read(our_side_, buffer, sizeof buffer);
  if (size > 0) shown.append(buffer, static_cast<std::size_t>(size));
}

void Terminal::type(const std::string& keys) {
  REQUIRE(::write(our_side_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

bool Terminal::echoes() const {
  termios keys{};
  REQUIRE(::tcgetattr(program_side_, &keys) == 0);
  return (keys.c_lflag & ECHO) != 0;
}

Scene::Scene() {
  std::string pattern = (fs::temp_directory_path() / "peerctl-test-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
}

Scene::~Scene() {
  programs_.clear();
  streams_.clear();
  listener_.reset();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void Scene::serve(OnRequest on_request) {
  serve_with_hello([this, on_request](const net::ControlFrame& frame) {
    if (!std::holds_alternative<net::ControlHello>(frame.body)) return on_request(frame);
    answer(frame.request, net::Welcome{"board1", "0.1.0"});
  });
}

void Scene::serve_with_hello(OnRequest on_request) {
  on_request_ = std::move(on_request);
  std::string error;
  listener_ = net::StreamListener::listen_unix(
      loop_.get(), path("control.sock"),
      [this](std::unique_ptr<net::FrameStream> stream, const std::string&) {
        net::FrameStream::Callbacks callbacks;
        callbacks.on_frame = [this](net::Bytes bytes) {
          const auto decoded = net::decode_control_frame(bytes);
          REQUIRE(std::holds_alternative<net::ControlFrame>(decoded));
          on_request_(std::get<net::ControlFrame>(decoded));
        };
        callbacks.on_closed = [](const std::string&) {};
        callbacks.on_drained = [] {};
        stream->set_callbacks(std::move(callbacks));
        stream->resume();
        streams_.push_back(std::move(stream));
      },
      error);
  INFO(error);
  REQUIRE(listener_ != nullptr);
}

void Scene::answer(std::uint32_t request, net::ControlBody body) {
  streams_.back()->write(net::encode(net::ControlFrame{request, std::move(body)}));
}

std::size_t Scene::unread_bytes() const {
  return streams_.back()->pending_bytes();
}

void Scene::vanish() {
  for (auto& stream : streams_) stream->close();
  listener_.reset();
}

Program& Scene::peerctl(std::vector<std::string> words) {
  return start(std::move(words), -1);
}

Program& Scene::peerctl_on(Terminal& terminal, std::vector<std::string> words) {
  return start(std::move(words), terminal.program_side());
}

Program& Scene::start(std::vector<std::string> words, int terminal) {
  words.insert(words.begin(), "peerctl");
  const std::vector<std::string> environment = {"PEERD_SOCKET=" + path("control.sock"),
                                                "PATH=/usr/bin:/bin", "COLOUR=blue"};
  programs_.emplace_back(new Program(loop_.get(), words, environment, directory_, terminal));
  return *programs_.back();
}

void Scene::run_until(const std::function<bool()>& done) {
  bool late = false;
  peerctl::Timer timer(loop_.get(), [&] { late = true; });
  timer.start(kGenerousMs, 0);
  while (!done() && !late) uv_run(loop_.get(), UV_RUN_ONCE);
  REQUIRE_FALSE(late);
}

void Scene::run_to_end(Program& program) {
  run_until([&] {
    program.exited = !program.running_ && !program.out_.open && !program.err_.open;
    return program.exited;
  });
}

std::string Scene::path(const std::string& name) const {
  return directory_ + "/" + name;
}

void Scene::write_file(const std::string& name, const std::string& text) const {
  std::ofstream(path(name)) << text;
}

}  // namespace test
