#include "peerd/ctl/summary.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include <fmt/format.h>

#include "peerd/ctl/exits.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/text.h"

namespace peerctl {

void Summary::add(const net::Ended& ended) {
  ++(exit_code(ended.status) == kExitOk ? done_ : failed_);
  moves_ += ended.moves;
  probes_ += ended.probes;
  responses_us_.push_back(ended.response_us);
  ++by_peer_[ended.ran_on.empty() ? "-" : ended.ran_on];
}

std::int64_t Summary::mean_response_us() const {
  if (responses_us_.empty()) return -1;
  const auto sum = std::accumulate(responses_us_.begin(), responses_us_.end(), std::int64_t{0});
  return sum / static_cast<std::int64_t>(responses_us_.size());
}

std::int64_t Summary::percentile_response_us(std::uint64_t percent) const {
  assert(percent > 0 && percent <= 100);
  if (responses_us_.empty()) return -1;
  std::vector<std::int64_t> sorted = responses_us_;
  const std::size_t rank = (sorted.size() * percent + 99) / 100;  // from 1
  const auto nth = sorted.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(sorted.begin(), nth, sorted.end());
  return *nth;
}

std::string Summary::text() const {
  std::string text = fmt::format("done {}, failed {}", done_, failed_);
  if (not_submitted_ > 0) text += fmt::format(", not submitted {}", not_submitted_);
  text += '\n';
  if (responses_us_.empty()) return text;
  text += fmt::format("response time: mean {}, p99 {}\n", human_duration(mean_response_us()),
                      human_duration(percentile_response_us(99)));
  text += fmt::format("{}, {}\n", counted(moves_, "move"), counted(probes_, "probe"));
  Table table({{"PEER"}, {"TASKS", true}});
  for (const auto& [peer, tasks] : by_peer_) table.add({peer, std::to_string(tasks)});
  return text + table.text(kUnlimited);
}

}  // namespace peerctl
