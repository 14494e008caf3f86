#include "peerd/home_tasks.h"

#include <unistd.h>

#include <utility>

namespace peerd {

HomeTasks::HomeTasks(uv_loop_t* loop, core::PeerId self, const TaskFiles& files,
                     Explanations& explanations, Place place)
    : loop_(loop),
      self_(self),
      files_(files),
      explanations_(explanations),
      place_(std::move(place)) {}

void HomeTasks::add(core::TaskId task, const net::TaskSpec& spec, core::Epoch epoch) {
  tasks_[task.serial] = {command_line(spec), spec.priority, spec.outputs, spec.user, epoch, "", ""};
}

const HomeTask* HomeTasks::find(core::TaskId task) const {
  const auto found = tasks_.find(task.serial);
  return task.home != self_ || found == tasks_.end() ? nullptr : &found->second;
}

void HomeTasks::ended(core::TaskId task, const net::StreamEnding& ending) {
  const auto found = tasks_.find(task.serial);
  if (found != tasks_.end()) found->second.message = ending.message;
}

void HomeTasks::restarted(core::TaskId task, core::Epoch epoch, const std::string& gone) {
  receivers_.erase(task);
  HomeTask& known = tasks_.at(task.serial);
  for (const int stream : {1, 2}) ::unlink(files_.output_path(task, known.epoch, stream).c_str());
  known.epoch = epoch;
  known.gone = gone;
  known.message.clear();
}

void HomeTasks::forget(core::TaskId task) {
  const HomeTask* known = find(task);
  const core::Epoch epoch = known == nullptr ? 1 : known->epoch;
  tasks_.erase(task.serial);
  receivers_.erase(task);
  explanations_.forget(task);
  for (const int stream : {1, 2}) ::unlink(files_.output_path(task, epoch, stream).c_str());
}

void HomeTasks::accept(std::unique_ptr<net::FrameStream> stream, const net::StreamHello& hello,
                       bool wanted) {
  const core::TaskId task = hello.task;
  ResultsReceiver::Target target;
  const HomeTask* known = find(task);
  target.wanted = wanted && known != nullptr;
  if (target.wanted) target.outputs = known->outputs;
  for (std::size_t i = 0; i < target.outputs.size(); ++i)
    target.arriving.push_back(files_.arriving_path(task, i));
  target.stdout_path = files_.output_path(task, hello.epoch, 1);
  target.stderr_path = files_.output_path(task, hello.epoch, 2);
  target.max_output_bytes = limits_.output_bytes;
  target.max_task_bytes = limits_.task_bytes;
  const auto on_trace = [this, task, keep = target.wanted](const std::vector<std::string>& lines) {
    if (!keep) return;
    for (const std::string& line : lines) explanations_.add(task, line);
  };
  const auto on_failure = [this, task](const std::string& failure) {
    ended(task, {{core::ExitStatus::Kind::failed, 0}, failure});
  };
  const auto place = [this, user = known == nullptr ? net::kNoUser : known->user](
                         const std::vector<CopiedFile>& files, ResultsReceiver::Placed placed) {
    place_(user, files, std::move(placed));
  };
  const auto on_done = [this, task](const ResultsReceiver::Arrival& arrival) {
    if (arrival.error.empty()) {
      net::StreamEnding ending = arrival.ending;
      if (!arrival.failure.empty()) ending.message = arrival.failure;
      ended(task, ending);
    }
    receivers_.erase(task);
  };
  // An earlier stream of the task is one whose break has not been noticed yet.
  receivers_.erase(task);
  receivers_[task] = std::make_unique<ResultsReceiver>(loop_, std::move(stream), std::move(target),
                                                       on_trace, on_failure, place, on_done);
}

std::string command_line(const net::TaskSpec& spec) {
  std::string line;
  for (const std::string& argument : spec.arguments) {
    if (!line.empty()) line += ' ';
    line += argument;
    if (line.size() > kMaxCommandBytes) return line.substr(0, kMaxCommandBytes - 3) + "...";
  }
  return line;
}

}  // namespace peerd
