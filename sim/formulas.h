// Queues whose response times are known in closed form, against which simulations are held. One
// server serves one task per second; `rho` is the offered load, below 1. Seconds.
#pragma once

#include <cstdint>

namespace sim::formulas {

// Every peer for itself.
double mm1_mean_s(double rho);
double mm1_p99_s(double rho);
// One central queue in front of k servers: no balancing of whole tasks can do better.
double mmk_mean_s(std::uint32_t k, double rho);
double mmk_p99_s(std::uint32_t k, double rho);

}  // namespace sim::formulas
