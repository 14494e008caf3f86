// For what comes later, when the object that asked for it may be gone.
#pragma once

#include <memory>
#include <utility>

namespace peerd {

// A member of that object. On its thread only.
class Lifetime {
 public:
  Lifetime() = default;
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;

  // Calls it while the object is there, and does nothing afterwards.
  template <typename Call>
  auto guard(Call call) const {
    return [alive = std::weak_ptr<bool>(alive_), call = std::move(call)](const auto&... arguments) {
      if (!alive.expired()) call(arguments...);
    };
  }

 private:
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerd
