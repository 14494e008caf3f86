// No running task moves.
#include "policies/factories.h"

namespace policies {

std::unique_ptr<core::SelectionPolicy> never_migration(const core::PolicyConfig& /*config*/) {
  return nullptr;
}

}  // namespace policies
