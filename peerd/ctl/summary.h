// What became of many tasks, in figures.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/control_frame.h"

namespace peerctl {

class Summary {
 public:
  void add(const net::Ended& ended);
  void add_forgotten() { ++failed_; }             // its end is not known any more
  void add_not_submitted() { ++not_submitted_; }  // refused, or its line is wrong

  std::uint64_t done() const { return done_; }      // ended with exit code 0
  std::uint64_t failed() const { return failed_; }  // ended otherwise
  std::uint64_t not_submitted() const { return not_submitted_; }
  bool all_well() const { return failed_ == 0 && not_submitted_ == 0; }
  std::int64_t mean_response_us() const;  // -1 without tasks
  // The smallest response time that at least `percent` of the tasks did not exceed.
  std::int64_t percentile_response_us(std::uint64_t percent) const;
  std::uint64_t moves() const { return moves_; }
  std::uint64_t probes() const { return probes_; }
  const std::map<std::string, std::uint64_t>& tasks_by_peer() const { return by_peer_; }

  std::string text() const;  // several lines

 private:
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t not_submitted_ = 0;
  std::uint64_t moves_ = 0;
  std::uint64_t probes_ = 0;
  std::vector<std::int64_t> responses_us_;
  std::map<std::string, std::uint64_t> by_peer_;
};

}  // namespace peerctl
