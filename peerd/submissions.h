// Tasks on their way in: from what a user wants to the core's acknowledgement.
//
// Inputs are copied first, so that the task does not depend on what its user does with them later.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>

#include "core/event.h"
#include "net/control_frame.h"
#include "net/task_spec.h"
#include "peerd/home_tasks.h"
#include "peerd/log.h"
#include "peerd/stays.h"
#include "peerd/task_files.h"

namespace peerd {

class Submissions {
 public:
  // Copies of inputs that are under way at once: more are refused.
  static constexpr std::size_t kMaxCopying = 512;

  // The task, or why not.
  using Answer = std::function<void(const std::variant<core::TaskId, net::Failure>&)>;

  struct Surroundings {
    uv_loop_t* loop = nullptr;
    Log* log = nullptr;
    core::PeerId self = core::PeerId::none;
    std::string name;
    const TaskFiles* files = nullptr;
    HomeTasks* home = nullptr;
    Stays* stays = nullptr;
    std::function<void(core::Event)> post;
  };

  // `last_serial`: of the tasks that were submitted here before.
  Submissions(Surroundings around, std::uint64_t last_serial);

  // `answer` comes once, later or at once.
  void submit(const net::TaskSpec& spec, std::uint64_t max_input_bytes, Answer answer);
  void refuse(const Answer& answer, const std::string& why);

  // What the core says to a task that was posted.
  void accepted(core::TaskId task);
  void refused(core::TaskId task, const std::string& why);

 private:
  void copy(core::TaskId task, const net::TaskSpec& spec, std::uint64_t max_input_bytes,
            Answer answer);
  void copy_to(core::TaskId task, core::Epoch epoch, const net::TaskSpec& spec,
               std::uint64_t max_input_bytes, Stays::OnCopied on_copied);
  void copied(core::TaskId task, const net::TaskSpec& spec, const net::executor::Copied& copied,
              const Answer& answer);
  void post(core::TaskId task, const net::TaskSpec& spec, std::uint64_t input_bytes, Answer answer);
  Answer take(core::TaskId task);

  Surroundings around_;
  std::uint64_t last_serial_;
  std::map<core::TaskId, Answer> waiting_;  // for the core
  std::size_t copying_ = 0;
};

}  // namespace peerd
