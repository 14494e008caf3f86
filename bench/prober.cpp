// Round trips of one datagram at a time, in nanoseconds, one a line.
//
//   prober peer ADDRESS COUNT   as a peer that has joined: probes a peerd through the transport and
//                               the codec, and answers its pings meanwhile
//   prober echo ADDRESS COUNT   datagrams of a probe's size to udp_echo, with libuv and nothing
//   else
#include <sys/random.h>
#include <uv.h>

#include <array>
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/codec.h"
#include "net/transport.h"

namespace {

constexpr std::uint64_t kPatienceMs = 10'000;  // in all that is lost or never answered
constexpr std::uint64_t kRetryMs = 200;

// Keeps one round trip going until there are as many as wanted.
class Trips {
 public:
  Trips(std::size_t wanted, std::function<void()> send) : send_(std::move(send)) {
    taken_ns_.reserve(wanted);
    wanted_ = wanted;
  }

  void start() {
    sent_at_ = uv_hrtime();
    send_();
  }

  void arrived() {
    taken_ns_.push_back(uv_hrtime() - sent_at_);
    if (!complete()) start();
  }

  bool complete() const { return taken_ns_.size() >= wanted_; }
  bool begun() const { return sent_at_ != 0; }

  void print() const {
    for (const std::uint64_t ns : taken_ns_)
      std::printf("%llu\n", static_cast<unsigned long long>(ns));
  }

 private:
  std::function<void()> send_;
  std::size_t wanted_ = 0;
  std::uint64_t sent_at_ = 0;
  std::vector<std::uint64_t> taken_ns_;
};

core::Member random_member() {
  core::Member member;
  std::uint64_t id = 0;
  const ssize_t got = ::getrandom(&id, sizeof id, 0);
  assert(got == sizeof id);
  static_cast<void>(got);
  member.id = core::PeerId{id | 1};
  member.name = "prober";
  member.incarnation = core::first_incarnation(1);
  return member;
}

class Peer {
 public:
  Peer(uv_loop_t* loop, const core::Endpoint& target, std::size_t count)
      : target_(target), self_(random_member()), trips_(count, [this] { probe(); }) {
    std::string error;
    const auto any_port = net::parse_endpoint("127.0.0.1:0");
    socket_ = net::DatagramSocket::bind(
        loop, *any_port,
        [this](const core::Endpoint& from, std::span<const std::uint8_t> bytes) {
          received(from, bytes);
        },
        error);
    if (!socket_) {
      std::fprintf(stderr, "prober: %s\n", error.c_str());
      std::exit(69);
    }
    self_.endpoint = socket_->local();
    header_ = {self_.id, self_.incarnation, std::nullopt};
  }

  ~Peer() {
    self_.state = core::MemberState::left;
    send(target_, core::News{{self_}});
  }

  void again() { trips_.begun() ? trips_.start() : send(target_, core::Join{self_}); }
  const Trips& trips() const { return trips_; }

 private:
  void probe() { send(target_, core::Probe{++search_, core::Role::sender}); }

  void received(const core::Endpoint& from, std::span<const std::uint8_t> bytes) {
    const auto decoded = net::decode_datagram(bytes);
    const auto* datagram = std::get_if<net::Datagram>(&decoded);
    if (datagram == nullptr) return;
    if (const auto* reply = std::get_if<core::ProbeReply>(&datagram->message)) {
      if (reply->search == search_ && !trips_.complete()) trips_.arrived();
    } else if (const auto* ping = std::get_if<core::Ping>(&datagram->message)) {
      send(from, core::Ack{ping->sequence, {}});
    } else if (std::holds_alternative<core::News>(datagram->message) && !trips_.begun()) {
      trips_.start();
    }
  }

  void send(const core::Endpoint& to, core::Message message) {
    socket_->send(to, net::encode(net::Datagram{header_, std::move(message)}));
  }

  core::Endpoint target_;
  core::Member self_;
  core::Header header_;
  std::uint32_t search_ = 0;
  std::unique_ptr<net::DatagramSocket> socket_;
  Trips trips_;
};

class Echo {
 public:
  Echo(uv_loop_t* loop, int port, std::size_t count) : trips_(count, [this] { send(); }) {
    const core::Header header{random_member().id, core::first_incarnation(1), std::nullopt};
    bytes_ = net::encode(net::Datagram{header, core::Probe{100'000, core::Role::sender}});
    uv_udp_init(loop, &socket_);
    socket_.data = this;
    uv_ip4_addr("127.0.0.1", port, &target_);
    uv_udp_connect(&socket_, reinterpret_cast<const sockaddr*>(&target_));
    uv_udp_recv_start(&socket_, provide, received);
  }

  ~Echo() { uv_close(reinterpret_cast<uv_handle_t*>(&socket_), nullptr); }

  void again() { trips_.start(); }
  const Trips& trips() const { return trips_; }

 private:
  static void provide(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    static std::array<char, net::kMaxDatagramBytes> bytes;
    *buffer = uv_buf_init(bytes.data(), bytes.size());
  }

  static void received(uv_udp_t* socket, ssize_t size, const uv_buf_t*, const sockaddr*, unsigned) {
    Trips& trips = static_cast<Echo*>(socket->data)->trips_;
    if (size > 0 && !trips.complete()) trips.arrived();
  }

  void send() {
    const uv_buf_t buffer =
        uv_buf_init(reinterpret_cast<char*>(bytes_.data()), static_cast<unsigned>(bytes_.size()));
    uv_udp_try_send(&socket_, &buffer, 1, nullptr);
  }

  uv_udp_t socket_{};
  sockaddr_in target_{};
  net::Bytes bytes_;
  Trips trips_;
};

// What is lost is sent again: a timer looks whether anything has come since it looked last.
template <typename Prober>
int measure(uv_loop_t& loop, Prober& prober) {
  struct Watch {
    std::function<void()> retry;
    std::uint64_t left_ms = kPatienceMs;
  } watch{[&prober] { prober.again(); }};
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  timer.data = &watch;
  prober.again();
  uv_timer_start(
      &timer,
      [](uv_timer_t* handle) {
        auto& state = *static_cast<Watch*>(handle->data);
        state.left_ms -= std::min(state.left_ms, kRetryMs);
        state.retry();
      },
      kRetryMs, kRetryMs);
  while (!prober.trips().complete() && watch.left_ms > 0) uv_run(&loop, UV_RUN_ONCE);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  if (!prober.trips().complete()) {
    std::fputs("prober: too few answers came\n", stderr);
    return 69;
  }
  prober.trips().print();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 4 ? argv[1] : "";
  const auto target = argc == 4 ? net::parse_endpoint(argv[2]) : std::nullopt;
  if (!target || (mode != "peer" && mode != "echo")) {
    std::fputs("prober peer|echo ADDRESS COUNT\n", stderr);
    return 64;
  }
  const auto count = static_cast<std::size_t>(std::atol(argv[3]));
  uv_loop_t loop;
  uv_loop_init(&loop);
  int code = 0;
  if (mode == "peer") {
    Peer peer(&loop, *target, count);
    code = measure(loop, peer);
  } else {
    Echo echo(&loop, target->port, count);
    code = measure(loop, echo);
    uv_run(&loop, UV_RUN_NOWAIT);  // it lives until its handle is closed
  }
  return code;
}
