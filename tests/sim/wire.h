// Between the nodes of a test's world: loses chosen messages and keeps copies to deliver late.
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/message.h"
#include "sim/world.h"

namespace sim_test {

// Must live as long as its world.
class Wire {
 public:
  struct Sent {
    sim::NodeIndex from, to;
    core::Message message;
  };

  explicit Wire(sim::World& world) : world_(world) {
    world.intercept([this](sim::NodeIndex from, sim::NodeIndex to, const core::Message& message) {
      const Sent sent{from, to, message};
      const bool passes = !lost_ || !lost_(sent);
      if (keep_) kept.push_back(sent);
      return passes;
    });
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Loses all for which it holds, until told otherwise.
  void lose(std::function<bool(const Sent&)> which) { lost_ = std::move(which); }
  void lose_nothing() { lost_ = nullptr; }
  template <typename M>
  void lose_from(sim::NodeIndex from) {
    lose([from](const Sent& sent) {
      return sent.from == from && std::holds_alternative<M>(sent.message);
    });
  }

  void keep(bool keep) { keep_ = keep; }
  // The first kept message of that kind.
  template <typename M>
  std::optional<Sent> first() const {
    for (const Sent& sent : kept)
      if (std::holds_alternative<M>(sent.message)) return sent;
    return std::nullopt;
  }
  void replay(const Sent& sent) { world_.replay(sent.from, sent.to, sent.message); }

  std::vector<Sent> kept;  // lost ones too

 private:
  sim::World& world_;
  std::function<bool(const Sent&)> lost_;
  bool keep_ = true;
};

}  // namespace sim_test
