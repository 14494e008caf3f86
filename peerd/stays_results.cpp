// How results get home: the part of Stays that follows and sends what tasks bring forth.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "peerd/background.h"
#include "peerd/stays.h"

namespace peerd {

using Kind = core::ExitStatus::Kind;

void Stays::perform(const core::SendResults& action) {
  Stay* stay = find(action.task, action.epoch);
  const net::StreamEnding ending{action.status, stay->message};
  if (at_home(action.task) && !stay->surrounded)
    return place_at_home(action.task, action.epoch, ending);
  // Of a task that may have printed elsewhere, too, the home node takes what it lacks: its own as
  // any other peer's.
  const core::Endpoint home = at_home(action.task) ? around_.own_endpoint() : action.endpoint;
  if (!stay->results) follow(action.task, action.epoch, home);
  std::vector<FileToSend> outputs;
  const std::string directory = work_directory({action.task, action.epoch}) + "/";
  for (std::uint32_t i = 0; i < stay->spec.outputs.size(); ++i)
    if (exists(directory + stay->spec.outputs[i].name))
      outputs.push_back({i + 2, directory + stay->spec.outputs[i].name});
  const auto done = [this, task = action.task, epoch = action.epoch, status = action.status](
                        const std::string& error, const std::string& failure) {
    if (!error.empty())
      around_.log->warning("results of {} did not reach its home node: {}", around_.name_of(task),
                           error);
    if (Stay* sent = find(task, epoch)) sent->results.reset();
    const core::ExitStatus final_status =
        failure.empty() ? status : core::ExitStatus{Kind::failed, 0};
    around_.post(core::ResultsSent{task, epoch, error.empty(), final_status});
  };
  stay->results->finish(home, ending, std::move(outputs), done);
}

void Stays::follow(core::TaskId task, core::Epoch epoch) {
  if (at_home(task)) return follow(task, epoch, around_.own_endpoint());
  if (const auto home = around_.endpoint_of(task.home)) follow(task, epoch, *home);
}

void Stays::follow(core::TaskId task, core::Epoch epoch, const core::Endpoint& home) {
  find(task, epoch)->results = std::make_unique<ResultsSender>(
      around_.loop, home, hello(net::StreamHello::Kind::results, task, epoch),
      printed_path({task, epoch}, 1), printed_path({task, epoch}, 2),
      [this, task] {
        return at_home(task) ? std::vector<std::string>() : around_.explanations->take_untold(task);
      },
      [this, task, epoch](const std::string& failure) {
        Stay* stay = find(task, epoch);
        if (stay != nullptr && stay->running) kill({task, epoch}, *stay, failure);
      });
}

// Nothing has to travel: outputs go to where the user wants them.
void Stays::place_at_home(core::TaskId task, core::Epoch epoch, const net::StreamEnding& ending) {
  const net::TaskSpec& spec = find(task, epoch)->spec;
  const std::string directory = around_.files->directory(task, epoch) + "/";
  std::vector<CopiedFile> outputs;
  for (const net::FileSpec& output : spec.outputs)
    if (exists(directory + output.name)) outputs.push_back({directory + output.name, output.path});
  if (outputs.empty()) return placed_at_home(task, epoch, ending);
  place(spec.user, outputs, [this, task, epoch, ending](const std::string& error) {
    placed_at_home(task, epoch,
                   error.empty() ? ending : net::StreamEnding{{Kind::failed, 0}, error});
  });
}

void Stays::place(net::UserNumber user, const std::vector<CopiedFile>& files,
                  ResultsReceiver::Placed placed) {
  net::executor::Copy request;
  request.user = user;
  request.direction = net::executor::Copy::Direction::to_user;
  request.files = files;
  request.max_bytes = limits_.task_bytes;
  copy(std::move(request),
       [placed = std::move(placed)](const auto& copied) { placed(copied.message); });
}

void Stays::placed_at_home(core::TaskId task, core::Epoch epoch, const net::StreamEnding& ending) {
  around_.ended_at_home(task, ending);
  around_.post(core::ResultsSent{task, epoch, true, ending.status});
}

bool Stays::has_nothing_to_send(const core::SendResults& action) {
  const Stay* stay = find(action.task, action.epoch);
  if (!at_home(action.task) || stay->surrounded || !stay->spec.outputs.empty()) return false;
  placed_at_home(action.task, action.epoch, {action.status, stay->message});
  return true;
}

}  // namespace peerd
