// What `peerctl doctor` tells: what works on this board, and what is missing for the rest.
#pragma once

#include <string>
#include <vector>

namespace peerd {

class Driver;

// A line each: "ok", "off" or "missing", what it is about, and, of what is missing, the mend.
std::vector<std::string> findings(const Driver& driver);

}  // namespace peerd
