// What the home node keeps of its tasks beside the core's record: commands, outputs' destinations,
// final words, and the streams on which results come in.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/types.h"
#include "net/control_frame.h"
#include "net/stream_frame.h"
#include "net/transport.h"
#include "peerd/explanations.h"
#include "peerd/results.h"
#include "peerd/task_files.h"

namespace peerd {

struct HomeTask {
  std::string command;  // shortened, for tables
  std::int32_t priority = 0;
  std::vector<net::FileSpec> outputs;
  net::UserNumber user = net::kNoUser;  // who submitted it
  core::Epoch epoch = 1;                // at which it was begun, or begun anew: names its output
  std::string gone;                     // who had it when it was begun anew
  std::string message;                  // what there is to say of its end
};

class HomeTasks {
 public:
  struct Limits {
    std::uint64_t output_bytes = 0;
    std::uint64_t task_bytes = 0;
  };

  // Gives files to a user; `placed` comes later, with what went wrong.
  using Place = std::function<void(net::UserNumber user, const std::vector<CopiedFile>& files,
                                   ResultsReceiver::Placed placed)>;

  HomeTasks(uv_loop_t* loop, core::PeerId self, const TaskFiles& files, Explanations& explanations,
            Place place);

  void configure(const Limits& limits) { limits_ = limits; }
  void add(core::TaskId task, const net::TaskSpec& spec, core::Epoch epoch = 1);
  const HomeTask* find(core::TaskId task) const;
  void ended(core::TaskId task, const net::StreamEnding& ending);
  // Its output begins again; nothing more is taken of what it was before.
  void restarted(core::TaskId task, core::Epoch epoch, const std::string& gone);
  void forget(core::TaskId task);

  // Takes over a results stream that opened with this Hello. `wanted`: the record is still open.
  void accept(std::unique_ptr<net::FrameStream> stream, const net::StreamHello& hello, bool wanted);

 private:
  uv_loop_t* loop_;
  core::PeerId self_;
  const TaskFiles& files_;
  Explanations& explanations_;
  Place place_;
  Limits limits_;
  std::map<std::uint64_t, HomeTask> tasks_;  // by serial
  std::map<core::TaskId, std::unique_ptr<ResultsReceiver>> receivers_;
};

// The command as a line, at most kMaxCommandBytes of it.
constexpr std::size_t kMaxCommandBytes = 200;
std::string command_line(const net::TaskSpec& spec);

}  // namespace peerd
