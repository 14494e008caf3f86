// libuv underneath, callbacks on top: datagrams, framed streams and their listeners. One thread.
//
// Every object may be destroyed inside a callback of its own or of another; from then on none of
// its callbacks comes. Its handles close asynchronously: before the loop itself is closed it must
// run until nothing is left (uv_run returns 0). Operating failures come as callbacks or return
// values with a text, never as exceptions; the texts name the address.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/types.h"
#include "net/codec.h"
#include "net/endpoint.h"

namespace net {

constexpr core::Duration kConnectTimeout = 10 * core::kSecond;
constexpr core::Duration kCloseTimeout = 10 * core::kSecond;

// An address, or a host's name: "board2:7400". Asks the resolver, IPv4 first, and blocks while it
// does: for start-up and reload. Refuses port 0. On failure nullopt and `error` says why.
std::optional<core::Endpoint> resolve(const std::string& text, std::string& error);

// A bound UDP socket. One bound to [::] serves IPv4 as well.
class DatagramSocket {
 public:
  // `bytes` are valid during the call; there may be none of them.
  using OnDatagram = std::function<void(const core::Endpoint&, std::span<const std::uint8_t>)>;

  // On failure returns nullptr and sets `error` ("port 7400 on 127.0.0.1 is in use ..."). The port
  // is this socket's alone, whatever options others set on theirs.
  static std::unique_ptr<DatagramSocket> bind(uv_loop_t* loop, const core::Endpoint& endpoint,
                                              OnDatagram on_datagram, std::string& error);
  ~DatagramSocket();

  core::Endpoint local() const;  // with the port that the system chose, if 0 was asked for
  // Tries to send at once; a full socket buffer loses the datagram, as the network may. At most
  // kMaxDatagramBytes.
  void send(const core::Endpoint& to, std::span<const std::uint8_t> bytes);
  std::uint64_t dropped() const;    // sends that failed
  std::uint64_t oversized() const;  // arrivals beyond kMaxDatagramBytes, not delivered

 private:
  struct Impl;
  struct LetGo {
    void operator()(Impl* impl) const;
  };
  explicit DatagramSocket(Impl* impl);
  std::unique_ptr<Impl, LetGo> impl_;
};

// A connected TCP or Unix stream that carries frames of up to kMaxFrameBytes.
//
// Back-pressure both ways: stop writing while pending_bytes() is above what you like until
// on_drained; pause() stops reading. All frames written in one turn of the loop leave together at
// its end; write() itself does no I/O, and no method calls back from inside.
//
// The first stream makes the process ignore SIGPIPE unless it handles it already: libuv writes
// without MSG_NOSIGNAL. Children must get the default back.
class FrameStream {
 public:
  struct Callbacks {
    std::function<void(Bytes)> on_frame;  // one frame without its length
    // Exactly once, last: the peer closed (empty error) or something failed. Never after close().
    // A peer that closes while this stream is paused is noticed after resume().
    std::function<void(const std::string& error)> on_closed;
    std::function<void()> on_drained;  // everything written has been handed to the kernel
  };

  // Reports a failed connect through on_closed, never from inside. May be written to at once.
  static std::unique_ptr<FrameStream> connect_tcp(uv_loop_t* loop, const core::Endpoint& to,
                                                  Callbacks callbacks,
                                                  core::Duration timeout = kConnectTimeout);
  static std::unique_ptr<FrameStream> connect_unix(uv_loop_t* loop, const std::string& path,
                                                   Callbacks callbacks);
  ~FrameStream();  // closes at once; what is pending is lost unless close() was called

  // For streams handed over by a listener, or to a new user; also inside a callback.
  void set_callbacks(Callbacks callbacks);
  void write(Bytes encoded_frame);    // an encode() result, length included
  std::size_t pending_bytes() const;  // written and not yet with the kernel
  // Who is at the other end of a Unix stream, as the kernel has it.
  std::optional<std::uint32_t> peer_user() const;
  // No on_frame any more from here on, even of frames that have arrived. Memory stays bounded: one
  // frame and one read.
  void pause();
  void resume();  // frames that waited come from the loop's next turn, in order
  // Sends what was written, tells the peer the end, and waits for the peer's end (what still
  // arrives is thrown away) so that a reset does not destroy what is on the way; all within the
  // timeout, after which the connection is cut. No callback comes any more, and the object may be
  // destroyed at once.
  void close(core::Duration timeout = kCloseTimeout);

 private:
  friend class StreamListener;
  struct Impl;
  struct LetGo {
    void operator()(Impl* impl) const;
  };
  explicit FrameStream(Impl* impl);
  static std::unique_ptr<FrameStream> adopt(uv_loop_t* loop, int fd, const std::string& from);
  std::unique_ptr<Impl, LetGo> impl_;
};

// Accepts streams. When the system has no descriptors or memory for another one, clients wait in
// the backlog and it tries again ten times a second.
class StreamListener {
 public:
  // `from`: the peer's address, or the Unix socket's path. The stream is paused until
  // set_callbacks() and resume().
  using OnStream = std::function<void(std::unique_ptr<FrameStream>, const std::string& from)>;

  static std::unique_ptr<StreamListener> listen_tcp(uv_loop_t* loop, const core::Endpoint& endpoint,
                                                    OnStream on_stream, std::string& error);
  // Mode 0600 from the first moment. Replaces a socket file that nobody listens on; refuses one
  // that is alive. Two daemons that replace the same stale file at the same instant are not kept
  // apart: that is what the lock on the state directory is for.
  static std::unique_ptr<StreamListener> listen_unix(uv_loop_t* loop, const std::string& path,
                                                     OnStream on_stream, std::string& error);
  ~StreamListener();  // removes the Unix socket's file if it is still this listener's

  core::Endpoint local() const;  // of a TCP listener, with the port that the system chose

 private:
  struct Impl;
  struct LetGo {
    void operator()(Impl* impl) const;
  };
  explicit StreamListener(Impl* impl);
  std::unique_ptr<Impl, LetGo> impl_;
};

}  // namespace net
