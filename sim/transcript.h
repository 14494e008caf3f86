// The world in words: a line for each event and action, the same words as the daemon's log.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world.h"

namespace sim {

// Follows a world from now on. "-x" marks what a node asked for and its board did not live to do.
// Must live as long as it.
class Transcript {
 public:
  enum class Keep : std::uint8_t { hash_only, lines };

  Transcript(World& world, Keep keep);
  Transcript(const Transcript&) = delete;
  Transcript& operator=(const Transcript&) = delete;

  // FNV-1a over all lines.
  std::uint64_t hash() const { return hash_; }
  const std::vector<std::string>& lines() const { return lines_; }
  std::string text() const;

 private:
  void add(std::string line);

  Keep keep_;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::vector<std::string> lines_;
};

}  // namespace sim
