#include "sim/faults/shrink.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <string>
#include <utility>

namespace sim::faults {
namespace {

using Kind = Incident::Kind;

// What was broken, whichever task and node it was.
std::string kind_of(const std::string& broken) {
  std::string kind;
  for (const char character : broken)
    if (std::isdigit(static_cast<unsigned char>(character)) == 0) kind += character;
  return kind;
}

class Shrinker {
 public:
  Shrinker(const Plan& plan, const CarryOut& carry_out, std::uint32_t max_trials)
      : carry_out_(carry_out), max_trials_(max_trials) {
    best_ = {plan, carry_out(plan), 1};
    assert(best_.verdict.failed());
    kind_ = kind_of(best_.verdict.broken);
  }

  Shrunk shrink() {
    cut_the_end();
    bool smaller = true;
    while (smaller && best_.trials < max_trials_) {
      smaller = drop_incidents();
      smaller |= drop_nodes();
      smaller |= soften_incidents();
      smaller |= cut_the_end();
    }
    return best_;
  }

 private:
  bool still_fails(Plan plan) {
    if (best_.trials >= max_trials_) return false;
    ++best_.trials;
    const Verdict verdict = carry_out_(plan);
    if (!verdict.failed() || kind_of(verdict.broken) != kind_) return false;
    best_.plan = std::move(plan);
    best_.verdict = verdict;
    return true;
  }

  // What begins after the failing step has no part in it; calm weather comes as soon as possible.
  bool cut_the_end() {
    Plan plan = best_.plan;
    const std::size_t before = plan.incidents.size();
    std::erase_if(plan.incidents,
                  [&](const Incident& incident) { return incident.at > best_.verdict.at; });
    core::Time end = 0;
    for (const Incident& incident : plan.incidents)
      end = std::max(end, incident.at + incident.lasts + 1);
    const bool less = plan.incidents.size() < before || end < plan.storm_ends;
    plan.storm_ends = std::min(plan.storm_ends, end);
    return less && still_fails(plan);
  }

  // Large pieces first, then ever smaller ones.
  bool drop_incidents() {
    const std::size_t before = best_.plan.incidents.size();
    for (std::size_t piece = std::max<std::size_t>(1, before / 2); piece > 0; piece /= 2) {
      std::size_t at = 0;
      while (at < best_.plan.incidents.size()) {
        Plan plan = best_.plan;
        const auto first = plan.incidents.begin() + static_cast<std::ptrdiff_t>(at);
        const std::size_t count = std::min(piece, plan.incidents.size() - at);
        plan.incidents.erase(first, first + static_cast<std::ptrdiff_t>(count));
        if (!still_fails(plan)) at += piece;
      }
    }
    return best_.plan.incidents.size() < before;
  }

  bool drop_nodes() {
    bool smaller = false;
    while (best_.plan.nodes() > 2) {
      Plan plan = best_.plan;
      plan.slots.pop_back();
      std::erase_if(plan.incidents,
                    [&](const Incident& incident) { return incident.node >= plan.nodes(); });
      if (!still_fails(plan)) return smaller;
      smaller = true;
    }
    return smaller;
  }

  // Shorter, and of submissions fewer.
  bool soften_incidents() {
    bool softer = false;
    for (std::size_t i = 0; i < best_.plan.incidents.size(); ++i) {
      Plan plan = best_.plan;
      Incident& incident = plan.incidents[i];
      incident.lasts /= 2;
      if (incident.lasts > core::kMillisecond) softer |= still_fails(plan);
      plan = best_.plan;
      if (plan.incidents[i].kind != Kind::submit || plan.incidents[i].a == 1) continue;
      --plan.incidents[i].a;
      softer |= still_fails(plan);
    }
    return softer;
  }

  const CarryOut& carry_out_;
  std::uint32_t max_trials_;
  Shrunk best_;
  std::string kind_;
};

}  // namespace

Shrunk shrink(const Plan& plan, const CarryOut& carry_out, std::uint32_t max_trials) {
  return Shrinker(plan, carry_out, max_trials).shrink();
}

}  // namespace sim::faults
