// At every interval a few random peers are told the own load.
#include "policies/factories.h"

namespace policies {
namespace {

class Periodic final : public core::InformationPolicy {
 public:
  Periodic(core::Duration interval, std::uint32_t fanout, core::Duration max_age)
      : interval_(interval), fanout_(fanout), max_age_(max_age) {}

  bool piggybacks() const override { return false; }
  core::Duration report_interval() const override { return interval_; }
  std::uint32_t report_fanout() const override { return fanout_; }
  core::Duration max_age() const override { return max_age_; }

 private:
  core::Duration interval_;
  std::uint32_t fanout_;
  core::Duration max_age_;
};

}  // namespace

std::unique_ptr<core::InformationPolicy> periodic_information(const core::PolicyConfig& config) {
  return std::make_unique<Periodic>(config.information_interval, config.information_fanout,
                                    config.information_max_age);
}

}  // namespace policies
