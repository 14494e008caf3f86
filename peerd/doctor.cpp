#include "peerd/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include "peerd/driver.h"
#include "peerd/stays.h"
#include "peerd/users.h"

namespace peerd {
namespace {

std::string line(const char* state, const std::string& text) {
  return fmt::format("{:9}{}", state, text);
}

std::string limits(const Stays& stays) {
  const std::string by = stays.limits_in_use();
  if (by.starts_with("cgroup")) return line("ok", "limits of tasks: " + by);
  return line("missing",
              "limits of tasks as a whole, by cgroup v2; only each process is limited, by " + by +
                  "; mend: start peerd by systemd with Delegate=yes");
}

std::string containment(const Stays& stays) {
  const std::string& reason = stays.not_contained_reason();
  if (reason.empty()) return line("ok", "tasks are contained, each in a PID namespace of its own");
  const char* mend =
      stays.users_count() ? "let the container it is in have namespaces" : "start peerd as root";
  return line("missing",
              fmt::format("containment of tasks: what makes a session of its own can outlive its "
                          "task ({}); mend: {}",
                          reason, mend));
}

std::string migration(const Stays& stays) {
  if (!stays.wants_migration())
    return line("off", "moving of running tasks: see policy.migration and node.migratable");
  if (stays.migrates()) return line("ok", "running tasks can be moved, by " + stays.movability());
  if (stays.movability().empty())
    return line("off", "moving of running tasks: being looked into, ask again");
  const char* mend =
      stays.users_count() ? "scripts/install-criu.sh" : "start peerd as root, with CRIU installed";
  return line("missing",
              fmt::format("moving of running tasks: {}; mend: {}", stays.movability(), mend));
}

std::string users(const Driver& driver) {
  if (!driver.stays().users_count())
    return line("missing", fmt::format("users of tasks: all run as {}, without namespaces; mend: "
                                       "start peerd as root, with node.user to leave root to its "
                                       "executor",
                                       user_name(::geteuid())));
  const net::UserNumber guests = driver.stays().user_of({}, false);
  const std::string text = fmt::format(
      "users of tasks: submitters here, {} for root and for tasks of other peers; peerd "
      "is {}, its executor root",
      user_name(guests), user_name(::geteuid()));
  if (guests == net::kRoot) return line("off", text + "; see node.task_user");
  if (::geteuid() == 0) return line("off", text + "; see node.user");
  return line("ok", text);
}

std::string journal(const Driver& driver) {
  if (driver.journal_failing())
    return line("missing",
                "room for the journal: no new tasks are taken; mend: make room on the disk of the "
                "state directory");
  return line("ok", "the journal can be written");
}

std::string peers(const core::Node& node) {
  std::size_t live = 0;
  for (const core::PeerStatus& peer : node.peers())
    live += core::is_live(peer.member.state) ? 1 : 0;
  if (live > 0) return line("ok", fmt::format("peers alive: {}", live));
  return line("missing",
              "peers: none is alive; mend: membership.seeds, and peerd on the other boards");
}

}  // namespace

std::vector<std::string> findings(const Driver& driver) {
  std::vector<std::string> lines = {peers(driver.node()),   journal(driver),
                                    limits(driver.stays()), containment(driver.stays()),
                                    users(driver),          migration(driver.stays())};
  if (driver.node().draining())
    lines.push_back(line("off", "taking of tasks: this peer drains; mend: peerctl undrain"));
  return lines;
}

}  // namespace peerd
