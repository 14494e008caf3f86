#include "peerd/ctl/client.h"

#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <optional>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "net/codec.h"

namespace peerctl {
namespace {

constexpr std::uint64_t kPatienceMs = 20'000;  // a board is overloaded by design

const Problem kWrongAnswer{kExitProtocol,
                           "the daemon's answer is not the one that belongs to the question"};

}  // namespace

Client::Client(uv_loop_t* loop, std::string socket, OnLost on_lost)
    : socket_(std::move(socket)), on_lost_(std::move(on_lost)), patience_(loop, [this] {
        lose({kExitUnavailable,
              fmt::format("peerd at {} does not answer: is it stopped or overloaded?", socket_)});
      }) {
  patience_.start(kPatienceMs, 0);
  net::FrameStream::Callbacks callbacks;
  callbacks.on_frame = [this](net::Bytes bytes) { received(bytes); };
  callbacks.on_closed = [this](const std::string& error) { closed(error); };
  callbacks.on_drained = [] {};
  stream_ = net::FrameStream::connect_unix(loop, socket_, std::move(callbacks));
  stream_->write(net::encode(net::ControlFrame{0, net::ControlHello{}}));
}

void Client::ask(net::ControlBody request, OnAnswer on_answer) {
  if (lost_) return;
  const std::uint32_t number = next_request_++;
  asked_.emplace(number, std::move(on_answer));
  net::ControlFrame frame{number, std::move(request)};
  if (welcomed_) {
    stream_->write(net::encode(frame));
  } else {
    before_welcome_.push_back(std::move(frame));
  }
}

std::size_t Client::pending_bytes() const {
  return stream_->pending_bytes();
}

void Client::pause() {
  if (!lost_) stream_->pause();
}

void Client::resume() {
  if (!lost_) stream_->resume();
}

void Client::received(const net::Bytes& bytes) {
  if (lost_) return;
  const net::Decoded<net::ControlFrame> decoded = net::decode_control_frame(bytes);
  if (const auto* error = std::get_if<net::DecodeError>(&decoded)) {
    return lose({kExitProtocol, "the daemon's answer makes no sense: " + error->reason});
  }
  const auto& frame = std::get<net::ControlFrame>(decoded);
  if (!welcomed_) return received_welcome(frame.body);
  const auto asked = asked_.find(frame.request);
  if (asked == asked_.end()) return lose(kWrongAnswer);
  if (!is_last(frame.body)) return asked->second(frame.body);
  const OnAnswer on_answer = std::move(asked->second);
  asked_.erase(asked);
  on_answer(frame.body);
}

void Client::received_welcome(const net::ControlBody& body) {
  if (const auto* failure = std::get_if<net::Failure>(&body)) return lose(to_problem(*failure));
  if (!std::holds_alternative<net::Welcome>(body)) return lose(kWrongAnswer);
  patience_.stop();
  welcomed_ = true;
  for (const net::ControlFrame& frame : before_welcome_) stream_->write(net::encode(frame));
  before_welcome_.clear();
}

void Client::closed(const std::string& error) {
  if (!welcomed_) return lose(no_daemon(error));
  lose({kExitUnavailable,
        "the daemon went away" + (error.empty() ? std::string() : " (" + error + ")")});
}

void Client::lose(Problem problem) {
  if (std::exchange(lost_, true)) return;
  patience_.stop();
  stream_->close();
  on_lost_(problem);
}

// Only the socket's own permission can be told apart here; the rest is in the error's words.
Problem Client::no_daemon(const std::string& error) const {
  if (::access(socket_.c_str(), R_OK | W_OK) != 0 && errno == EACCES) {
    return {
        kExitNoPermission,
        fmt::format("no permission to talk to peerd at {}: it belongs to another user", socket_)};
  }
  // The transport names the path as well; once is enough.
  const std::size_t path = error.find(socket_ + ": ");
  const std::string why =
      path == std::string::npos ? error : error.substr(path + socket_.size() + 2);
  return {kExitUnavailable,
          fmt::format("no peerd answers at {}{}: is it running? start it with peerd --config FILE",
                      socket_, why.empty() ? "" : " (" + why + ")")};
}

bool is_last(const net::ControlBody& body) {
  return std::visit(
      [](const auto& part) {
        using Part = std::decay_t<decltype(part)>;
        if constexpr (std::is_same_v<Part, net::Output>) return false;
        if constexpr (std::is_same_v<Part, net::Restarted>) return false;
        if constexpr (requires { part.more; }) return !part.more;
        return true;
      },
      body);
}

Result<std::vector<Answer>> converse(const std::string& socket,
                                     const std::vector<net::ControlBody>& requests) {
  Loop loop;
  std::optional<Problem> lost;
  std::vector<Answer> answers(requests.size());
  std::size_t open = requests.size();
  Client client(loop.get(), socket, [&](const Problem& problem) { lost = problem; });
  for (std::size_t i = 0; i < requests.size(); ++i) {
    client.ask(requests[i], [&, i](const net::ControlBody& body) {
      answers[i].push_back(body);
      if (is_last(body)) --open;
    });
  }
  loop.run_until([&] { return lost || open == 0; });
  if (lost) return *lost;
  return answers;
}

namespace {

template <typename Part, typename Row>
Result<std::vector<Row>> collect(const Answer& answer, std::vector<Row> Part::*rows) {
  std::vector<Row> all;
  for (const net::ControlBody& body : answer) {
    if (const auto* failure = std::get_if<net::Failure>(&body)) return to_problem(*failure);
    const auto* part = std::get_if<Part>(&body);
    if (part == nullptr) return kWrongAnswer;
    all.insert(all.end(), (part->*rows).begin(), (part->*rows).end());
  }
  return all;
}

}  // namespace

Result<std::vector<net::TaskRow>> task_rows(const Answer& answer) {
  return collect(answer, &net::TaskRows::rows);
}

Result<std::vector<net::PeerRow>> peer_rows(const Answer& answer) {
  return collect(answer, &net::PeerRows::rows);
}

Result<std::vector<net::StatRow>> stat_rows(const Answer& answer) {
  return collect(answer, &net::Stats::rows);
}

Result<std::vector<std::string>> lines(const Answer& answer) {
  return collect(answer, &net::Lines::lines);
}

}  // namespace peerctl
