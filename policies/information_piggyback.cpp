// Every datagram that is sent anyway carries the sender's load along.
#include "policies/factories.h"

namespace policies {
namespace {

class Piggyback final : public core::InformationPolicy {
 public:
  explicit Piggyback(core::Duration max_age) : max_age_(max_age) {}

  bool piggybacks() const override { return true; }
  core::Duration report_interval() const override { return 0; }
  std::uint32_t report_fanout() const override { return 0; }
  core::Duration max_age() const override { return max_age_; }

 private:
  core::Duration max_age_;
};

}  // namespace

std::unique_ptr<core::InformationPolicy> piggyback_information(const core::PolicyConfig& config) {
  return std::make_unique<Piggyback>(config.information_max_age);
}

}  // namespace policies
