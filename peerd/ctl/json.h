// The same as the tables for programs. Times are microseconds, loads thousandths; what is unknown
// is null. Each result is one line and ends it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "net/control_frame.h"
#include "peerd/ctl/exits.h"
#include "peerd/ctl/summary.h"

namespace peerctl {

std::string tasks_json(const std::vector<net::TaskRow>& rows);  // an array of objects
std::string peers_json(const std::vector<net::PeerRow>& rows);  // an array of objects
std::string stats_json(const std::vector<net::StatRow>& rows);  // group -> name -> value
std::string explain_json(const std::string& task, const std::vector<std::string>& lines);
std::string doctor_json(const std::vector<std::string>& findings);
std::string top_json(const std::vector<net::PeerRow>& peers,
                     const std::vector<net::TaskRow>& tasks);

// Events of `submit` and `wait`; `line` is left out where it is 0.
std::string submitted_json(const std::string& task, std::size_t line);
std::string ended_json(const net::Ended& ended, std::size_t line);
std::string problem_json(const std::string& task, const Problem& problem, std::size_t line);
std::string summary_json(const Summary& summary);

}  // namespace peerctl
