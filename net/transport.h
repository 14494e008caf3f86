// libuv underneath, callbacks on top: datagrams, framed streams and their listeners. One thread.
//
// Every object must outlive its callbacks' use and closes its handles in the destructor (the loop
// has to run once more to let go of them). Operating failures come as callbacks or return values
// with a text, never as exceptions.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/types.h"
#include "net/codec.h"

namespace net {

std::optional<core::Endpoint> parse_endpoint(
    const std::string& text);  // "127.0.0.1:7400", "[::1]:7400"
bool is_loopback(const core::Endpoint& endpoint);
bool is_unspecified(const core::Endpoint& endpoint);  // 0.0.0.0 or ::

// A bound UDP socket.
class DatagramSocket {
 public:
  using OnDatagram = std::function<void(const core::Endpoint&, std::span<const std::uint8_t>)>;

  // On failure returns nullptr and sets `error` ("port 7400 on 127.0.0.1 is in use").
  static std::unique_ptr<DatagramSocket> bind(uv_loop_t* loop, const core::Endpoint& endpoint,
                                              OnDatagram on_datagram, std::string& error);
  ~DatagramSocket();

  core::Endpoint local() const;  // with the port that the system chose, if 0 was asked for
  // Tries to send at once; a full socket buffer loses the datagram, as the network may.
  void send(const core::Endpoint& to, std::span<const std::uint8_t> bytes);
  std::uint64_t dropped() const;  // sends that failed

 private:
  struct Impl;
  explicit DatagramSocket(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A connected TCP or Unix stream that carries frames. Back-pressure both ways: stop writing while
// pending_bytes() is above what you like until on_drained; pause() stops reading.
class FrameStream {
 public:
  struct Callbacks {
    std::function<void(Bytes)> on_frame;  // one frame without its length
    // Exactly once, last: the peer closed (empty error) or something failed. Never after close().
    std::function<void(const std::string& error)> on_closed;
    std::function<void()> on_drained;  // everything written has been handed to the kernel
  };

  // Reports a failed connect through on_closed. May be written to at once.
  static std::unique_ptr<FrameStream> connect_tcp(uv_loop_t* loop, const core::Endpoint& to,
                                                  Callbacks callbacks);
  static std::unique_ptr<FrameStream> connect_unix(uv_loop_t* loop, const std::string& path,
                                                   Callbacks callbacks);
  ~FrameStream();  // closes; no callback comes any more; safe inside a callback of its own

  void set_callbacks(Callbacks callbacks);  // for streams handed over by a listener
  void write(Bytes encoded_frame);          // an encode() result, length included
  std::size_t pending_bytes() const;        // written and not yet with the kernel
  void pause();
  void resume();
  void close();  // after what was written has gone out; no callback comes any more

 private:
  struct Impl;
  explicit FrameStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  friend class StreamListener;
};

class StreamListener {
 public:
  // The stream is paused until set_callbacks() and resume().
  using OnStream = std::function<void(std::unique_ptr<FrameStream>, const std::string& from)>;

  static std::unique_ptr<StreamListener> listen_tcp(uv_loop_t* loop, const core::Endpoint& endpoint,
                                                    OnStream on_stream, std::string& error);
  // Mode 0600. Replaces a socket file that nobody listens on; refuses one that is alive.
  static std::unique_ptr<StreamListener> listen_unix(uv_loop_t* loop, const std::string& path,
                                                     OnStream on_stream, std::string& error);
  ~StreamListener();  // removes the Unix socket's file

 private:
  struct Impl;
  explicit StreamListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
