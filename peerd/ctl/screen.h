// The live picture of `top`, and the terminal that it is shown on.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "net/control_frame.h"

namespace peerctl {

struct Picture {
  std::vector<net::PeerRow> peers;
  std::vector<net::TaskRow> tasks;
};

struct ScreenSize {
  std::size_t columns;
  std::size_t lines;
};

// At most `size` large; kUnlimited in either direction for plain output. Every line is ended.
std::string picture_text(const Picture& picture, const ScreenSize& size);

// The terminal's other screen, and its keys without echo, while it is entered.
class Screen {
 public:
  ~Screen() { leave(); }
  Screen() = default;
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void enter();
  void leave();
  ScreenSize size() const;
  void show(const std::string& text);  // at most size()

 private:
  bool entered_ = false;
  bool keys_changed_ = false;
  termios keys_before_{};
};

}  // namespace peerctl
