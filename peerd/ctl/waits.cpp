#include "peerd/ctl/waits.h"

#include <utility>

namespace peerctl {

WaitQueue::WaitQueue(Client& client, OnEnd on_end) : client_(client), on_end_(std::move(on_end)) {}

void WaitQueue::add(std::string task, std::size_t tag) {
  queue_.push_back({std::move(task), tag});
  ask_next();
}

void WaitQueue::ask_next() {
  while (asked_ < kWaitsAtOnce && !queue_.empty()) {
    const Entry entry = std::move(queue_.front());
    queue_.pop_front();
    ++asked_;
    client_.ask(net::WaitRequest{entry.task},
                [this, entry](const net::ControlBody& body) { answered(entry, body); });
  }
}

void WaitQueue::answered(const Entry& entry, const net::ControlBody& body) {
  --asked_;
  ask_next();
  if (const auto* ended = std::get_if<net::Ended>(&body)) {
    on_end_(entry.tag, entry.task, *ended);
  } else if (const auto* failure = std::get_if<net::Failure>(&body)) {
    on_end_(entry.tag, entry.task, to_problem(*failure));
  } else {
    on_end_(entry.tag, entry.task, Problem{kExitProtocol, "the daemon's answer makes no sense"});
  }
}

}  // namespace peerctl
