#include "peerd/submissions.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "peerd/background.h"

namespace peerd {
namespace {

// sysexits
constexpr int kDataError = 65;
constexpr int kNoInput = 66;
constexpr int kOsError = 71;
constexpr int kTryLater = 75;

int exit_code(CopyError::Kind kind) {
  switch (kind) {
    case CopyError::Kind::unreadable:
      return kNoInput;
    case CopyError::Kind::unwritable:
      return kOsError;
    case CopyError::Kind::too_large:
      return kDataError;
  }
  return kOsError;
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

void Submissions::copy(core::TaskId task, const net::TaskSpec& spec, std::uint64_t max_input_bytes,
                       Answer answer) {
  ++copying_;
  const auto copied = std::make_shared<std::variant<std::uint64_t, CopyError>>();
  const std::string directory = around_.files->directory(task, 1);
  const std::string stdin_path = around_.files->stdin_path(task, 1);
  const std::string kept = around_.files->directory(task, 0);
  const std::string kept_stdin = around_.files->stdin_path(task, 0);
  in_background(
      around_.loop,
      [copied, spec, directory, stdin_path, kept, kept_stdin, max_input_bytes] {
        *copied = copy_inputs(spec, directory, stdin_path, max_input_bytes);
        // Another time, to begin it anew with: a task may change its inputs.
        if (spec.restarts && !std::holds_alternative<CopyError>(*copied))
          *copied = copy_inputs(spec, kept, kept_stdin, max_input_bytes);
        if (!std::holds_alternative<CopyError>(*copied)) return;
        remove_stay(directory);
        remove_stay(kept);
      },
      [this, copied, task, spec, answer] {
        --copying_;
        if (const auto* failure = std::get_if<CopyError>(copied.get()))
          return answer(net::Failure{exit_code(failure->kind), failure->text});
        post(task, spec, std::get<std::uint64_t>(*copied), answer);
      });
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
  answer(net::Failure{kTryLater, fmt::format("{} takes no tasks now: {}", around_.name, why)});
}

}  // namespace peerd
