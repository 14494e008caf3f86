// The owner's side of the home node's record: the latest news of each guest, repeated until heard.
#pragma once

#include <map>
#include <set>

#include "core/context.h"
#include "core/message.h"

namespace core {

class Reports {
 public:
  explicit Reports(Context& context) : context_(context) {}

  // Replaces older news of the same task; sent when the step ends, so that what changes twice in
  // one step is told once.
  void tell(const TaskReport& report);
  // True if this acknowledges the news that the task has finished: the owner's part is over.
  bool on_ack(const TaskReportAck& ack);
  void on_timer(TaskId task);
  // Tells again what is not acknowledged. False if there is nothing.
  bool repeat(TaskId task);
  void flush();
  // The home node is forgotten; there is nobody to tell.
  void drop(PeerId home);
  bool empty() const { return pending_.empty(); }
  // The home nodes that wait for news.
  void homes(std::vector<PeerId>& into) const;
  // Is it still to be acknowledged that the task has gone on at that epoch?
  bool tells_of_move(TaskId task, Epoch epoch) const;

 private:
  struct Pending {
    TaskReport report;
    std::uint32_t tries = 0;
  };

  void send(Pending& pending);

  Context& context_;
  std::map<TaskId, Pending> pending_;
  std::set<TaskId> fresh_;
};

}  // namespace core
