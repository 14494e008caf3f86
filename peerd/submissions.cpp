#include "peerd/submissions.h"

#include <sysexits.h>

#include <utility>

#include <fmt/format.h>

#include "peerd/background.h"

namespace peerd {
namespace {

int exit_code(net::executor::Copied::Failure failure) {
  using Failure = net::executor::Copied::Failure;
  switch (failure) {
    case Failure::unreadable:
      return EX_NOINPUT;
    case Failure::too_large:
      return EX_DATAERR;
    case Failure::unwritable:
    case Failure::none:
      break;
  }
  return EX_OSERR;
}

bool is_failure(const net::executor::Copied& copied) {
  return copied.failure != net::executor::Copied::Failure::none;
}

}  // namespace

Submissions::Submissions(Surroundings around, std::uint64_t last_serial)
    : around_(std::move(around)), last_serial_(last_serial) {}

void Submissions::submit(const net::TaskSpec& spec, std::uint64_t max_input_bytes, Answer answer) {
  const bool copies = !spec.inputs.empty() || !spec.stdin_path.empty();
  if (copies && copying_ >= kMaxCopying)
    return refuse(answer, "the inputs of too many submissions are still being copied");
  // What is not acknowledged may be used again after a restart: nobody has heard of it.
  const core::TaskId task{around_.self, ++last_serial_};
  if (copies)
    copy(task, spec, max_input_bytes, std::move(answer));
  else
    post(task, spec, 0, std::move(answer));
}

// Another time for a task that may be begun anew: it may change its inputs.
void Submissions::copy(core::TaskId task, const net::TaskSpec& spec, std::uint64_t max_input_bytes,
                       Answer answer) {
  ++copying_;
  const auto then = [this, task, spec, max_input_bytes, answer](const auto& copied) {
    if (!spec.restarts || is_failure(copied)) return this->copied(task, spec, copied, answer);
    copy_to(task, 0, spec, max_input_bytes, [this, task, spec, answer](const auto& kept) {
      this->copied(task, spec, kept, answer);
    });
  };
  copy_to(task, 1, spec, max_input_bytes, then);
}

void Submissions::copy_to(core::TaskId task, core::Epoch epoch, const net::TaskSpec& spec,
                          std::uint64_t max_input_bytes, Stays::OnCopied on_copied) {
  net::executor::Copy request;
  request.user = spec.user;
  request.direction = net::executor::Copy::Direction::from_user;
  request.files = input_copies(spec, around_.files->directory(task, epoch),
                               around_.files->stdin_path(task, epoch));
  request.max_bytes = max_input_bytes;
  around_.stays->copy(std::move(request), std::move(on_copied));
}

void Submissions::copied(core::TaskId task, const net::TaskSpec& spec,
                         const net::executor::Copied& copied, const Answer& answer) {
  --copying_;
  if (!is_failure(copied)) return post(task, spec, copied.bytes, answer);
  for (const core::Epoch epoch : {0u, 1u}) {
    const std::string directory = around_.files->directory(task, epoch);
    in_background(around_.loop, [directory] { remove_stay(directory); });
  }
  answer(net::Failure{exit_code(copied.failure), copied.message});
}

void Submissions::post(core::TaskId task, const net::TaskSpec& spec, std::uint64_t input_bytes,
                       Answer answer) {
  waiting_[task] = std::move(answer);
  around_.home->add(task, spec);
  around_.stays->add(task, 1, spec);
  if (spec.restarts) around_.stays->add(task, 0, spec);
  const core::Needs needs{spec.memory_limit_bytes, input_bytes, spec.priority, 0};
  around_.post(core::TaskSubmitted{task, needs, spec.pinned, spec.restarts});
}

Submissions::Answer Submissions::take(core::TaskId task) {
  const auto found = waiting_.find(task);
  Answer answer = std::move(found->second);
  waiting_.erase(found);
  return answer;
}

void Submissions::accepted(core::TaskId task) {
  take(task)(task);
}

void Submissions::refused(core::TaskId task, const std::string& why) {
  const Answer answer = take(task);
  around_.home->forget(task);
  around_.stays->perform(core::DiscardTask{task, 0});
  around_.stays->perform(core::DiscardTask{task, 1});
  refuse(answer, why);
}

// A limit that bites is never silent, and never as loud as a script that runs into it.
void Submissions::refuse(const Answer& answer, const std::string& why) {
  around_.log->limited(Level::warning, "submission refused", "a submission is refused: " + why);
  answer(net::Failure{EX_TEMPFAIL, fmt::format("{} takes no tasks now: {}", around_.name, why)});
}

}  // namespace peerd
