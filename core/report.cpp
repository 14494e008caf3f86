#include "core/report.h"

namespace core {

void Reports::tell(const TaskReport& report) {
  pending_[report.task] = {report, 0};
  fresh_.insert(report.task);
}

bool Reports::on_ack(const TaskReportAck& ack) {
  const auto found = pending_.find(ack.task);
  if (found == pending_.end()) return false;
  const TaskReport& report = found->second.report;
  if (report.epoch != ack.epoch || report.state != ack.state) return false;
  const bool finished = report.state == TaskState::finished;
  context_.timers.cancel(TimerKey::of(TimerKey::Kind::report, ack.task));
  pending_.erase(found);
  fresh_.erase(ack.task);
  return finished;
}

bool Reports::tells_of_move(TaskId task, Epoch epoch) const {
  const auto found = pending_.find(task);
  if (found == pending_.end()) return false;
  const TaskReport& report = found->second.report;
  return report.epoch == epoch && report.owner != context_.self.id;
}

void Reports::on_timer(TaskId task) {
  repeat(task);
}

bool Reports::repeat(TaskId task) {
  const auto found = pending_.find(task);
  if (found == pending_.end()) return false;
  send(found->second);
  return true;
}

void Reports::flush() {
  for (const TaskId task : fresh_) {
    Pending& pending = pending_.at(task);
    context_.trace(What::report_sent, task, task.home,
                   static_cast<std::int64_t>(pending.report.state));
    send(pending);
  }
  fresh_.clear();
}

void Reports::drop(PeerId home) {
  for (auto at = pending_.begin(); at != pending_.end();) {
    if (at->first.home != home) {
      ++at;
      continue;
    }
    context_.timers.cancel(TimerKey::of(TimerKey::Kind::report, at->first));
    fresh_.erase(at->first);
    at = pending_.erase(at);
  }
}

void Reports::homes(std::vector<PeerId>& into) const {
  for (const auto& [task, pending] : pending_) into.push_back(task.home);
}

void Reports::send(Pending& pending) {
  const TaskId task = pending.report.task;
  context_.send(task.home, pending.report);
  if (context_.sabotaged(Sabotage::tell_once)) return;
  const Duration pause = backoff(context_.config->limits.resend_interval, pending.tries++);
  context_.timers.set(TimerKey::of(TimerKey::Kind::report, task), context_.now + pause);
}

}  // namespace core
