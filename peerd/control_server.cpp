#include "peerd/control_server.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/codec.h"
#include "peerd/doctor.h"
#include "peerd/tables.h"
#include "peerd/users.h"

namespace peerd {
namespace {

constexpr std::size_t kMaxPendingBytes = 1 << 20;
constexpr int kNoTask = EX_NOUSER;

}  // namespace

ControlServer::ControlServer(uv_loop_t* loop, Driver& driver, Log& log)
    : loop_(loop), driver_(driver), log_(log), timer_(loop, [this] { pump_all(); }) {
  driver_.set_on_emptied([this] { end_drains(net::Done{}); });
  driver_.set_on_record_changed([this](core::TaskId task) { record_changed(task); });
}

std::string ControlServer::listen(const std::string& path, const std::string& group) {
  std::string error;
  listener_ = net::StreamListener::listen_unix(
      loop_, path,
      [this](std::unique_ptr<net::FrameStream> stream, const std::string&) {
        accepted(std::move(stream));
      },
      error);
  if (!listener_ || group.empty()) return error;
  const auto gid = find_group(group);
  if (!gid) return "node.control_group: this board has no group " + group;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), *gid) == 0 && ::chmod(path.c_str(), 0660) == 0)
    return "";
  return "cannot give " + path + " to the group " + group + ": " + std::strerror(errno);
}

void ControlServer::accepted(std::unique_ptr<net::FrameStream> stream) {
  if (clients_.size() >= kMaxClients) {
    log_.limited(Level::warning, "clients",
                 fmt::format("a client was turned away: {} at once is "
                             "the limit",
                             kMaxClients));
    return;
  }
  const auto user = stream->peer_user();
  const Number number = next_number_++;
  stream->set_callbacks(
      {.on_frame = [this, number](const net::Bytes& frame) { on_frame(number, frame); },
       .on_closed = [this, number](const std::string&) { gone(number); },
       .on_drained =
           [this, number] {
             std::vector<std::uint32_t> requests;
             for (const auto& [request, follower] : clients_.at(number).followers)
               requests.push_back(request);
             for (const std::uint32_t request : requests) pump(number, request);
           }});
  stream->resume();
  clients_[number].stream = std::move(stream);
  clients_[number].user = user.value_or(net::kNoUser);
}

bool ControlServer::is_master(Number number) const {
  const net::UserNumber user = clients_.at(number).user;
  return user == net::kRoot || user == ::geteuid();
}

bool ControlServer::may_steer(Number number, std::uint32_t request, core::TaskId task) {
  if (is_master(number)) return true;
  const HomeTask* known = driver_.home_task(task);
  if (known != nullptr && known->user == clients_.at(number).user) return true;
  const std::string whose = known == nullptr ? "another peer" : user_name(known->user);
  fail(number, request, EX_NOPERM,
       fmt::format("{} is a task of {}: only its user and root may do that", driver_.name_of(task),
                   whose));
  return false;
}

void ControlServer::gone(Number number) {
  std::erase_if(waits_, [number](const Wait& wait) { return wait.client == number; });
  std::erase_if(drains_, [number](const auto& drain) { return drain.first == number; });
  clients_.erase(number);
}

void ControlServer::on_frame(Number number, const net::Bytes& bytes) {
  auto decoded = net::decode_control_frame(bytes);
  if (const auto* error = std::get_if<net::DecodeError>(&decoded)) {
    fail(number, 0, EX_PROTOCOL, error->reason);
    clients_.at(number).stream->close();
    return gone(number);
  }
  const auto& frame = std::get<net::ControlFrame>(decoded);
  const bool hello = std::holds_alternative<net::ControlHello>(frame.body);
  if (!clients_.at(number).greeted && !hello)
    return fail(number, frame.request, EX_PROTOCOL, "the first request must be a hello");
  std::visit([&](const auto& body) { on(number, frame.request, body); }, frame.body);
}

void ControlServer::answer(Number number, std::uint32_t request, net::ControlBody body) {
  const auto found = clients_.find(number);
  if (found == clients_.end()) return;  // it went away before its answer was ready
  found->second.stream->write(net::encode(net::ControlFrame{request, std::move(body)}));
}

void ControlServer::fail(Number number, std::uint32_t request, int code,
                         const std::string& message) {
  answer(number, request, net::Failure{code, message});
}

void ControlServer::on(Number number, std::uint32_t request, const net::ControlHello& hello) {
  if (hello.version != net::kControlVersion)
    return fail(number, request, EX_PROTOCOL,
                fmt::format("this peerd speaks control version {}, the client {}: use the peerctl "
                            "that belongs to it",
                            net::kControlVersion, hello.version));
  clients_.at(number).greeted = true;
  answer(number, request, net::Welcome{driver_.node().identity().name, PEERD_VERSION});
}

void ControlServer::on(Number number, std::uint32_t request, const net::SubmitRequest& submit) {
  net::TaskSpec spec = submit.spec;
  spec.user = clients_.at(number).user;
  driver_.submit(spec, [this, number, request](const auto& outcome) {
    if (const auto* failure = std::get_if<net::Failure>(&outcome))
      return answer(number, request, *failure);
    answer(number, request, net::Submitted{driver_.name_of(std::get<core::TaskId>(outcome))});
  });
}

const core::HomeRecord* ControlServer::record_of(Number number, std::uint32_t request,
                                                 const std::string& text) {
  const auto task = parse_task(driver_, text);
  const core::HomeRecord* record = task ? driver_.node().record(*task) : nullptr;
  if (record != nullptr) return record;
  const core::Node& node = driver_.node();
  if (task && task->home != node.identity().id)
    fail(number, request, kNoTask,
         fmt::format("{} was submitted on {}: ask there", text, node.name(task->home)));
  else
    fail(number, request, kNoTask,
         fmt::format("no task {} here: see peerctl ps --all (the last {} ended ones are kept)",
                     text, node.config().limits.finished_tasks));
  return nullptr;
}

void ControlServer::on(Number number, std::uint32_t request, const net::WaitRequest& wait) {
  const core::HomeRecord* record = record_of(number, request, wait.task);
  if (record == nullptr) return;
  if (!record->open()) return answer(number, request, ended(*record));
  waits_.insert({record->task, number, request});
}

net::Ended ControlServer::ended(const core::HomeRecord& record) const {
  net::Ended ended;
  ended.task = driver_.name_of(record.task);
  ended.status = record.status;
  ended.message = final_words(driver_, record);
  ended.ran_on = driver_.node().name(record.owner);
  ended.response_us = record.ended - record.submitted;
  ended.moves = record.moves;
  ended.probes = record.probes;
  return ended;
}

void ControlServer::on(Number number, std::uint32_t request, const net::OutputRequest& output) {
  const core::HomeRecord* record = record_of(number, request, output.task);
  if (record == nullptr || !may_steer(number, request, record->task)) return;
  clients_.at(number).followers.insert_or_assign(request, follower_of(*record, output.follow));
  timer_.start(kFollowInterval, kFollowInterval);
  pump(number, request);
}

OutputFollower ControlServer::follower_of(const core::HomeRecord& record, bool follow) const {
  const TaskFiles& files = driver_.files();
  return {record.task, core::restarts_of(record.epoch), follow,
          files.output_path(record.task, record.epoch, 1),
          files.output_path(record.task, record.epoch, 2)};
}

// Sends what is new, as far as the client keeps up; ends the request when there will be no more.
void ControlServer::pump(Number number, std::uint32_t request) {
  Client& client = clients_.at(number);
  OutputFollower& follower = client.followers.at(request);
  const core::TaskId task = follower.task();
  const core::HomeRecord* record = driver_.node().record(task);
  if (record != nullptr && core::restarts_of(record->epoch) != follower.restarts()) {
    follower = follower_of(*record, follower.follows());
    const HomeTask* known = driver_.home_task(task);
    const std::string gone = known == nullptr ? "" : known->gone;
    answer(number, request, net::Restarted{gone});
  }
  const bool over = record == nullptr || !record->open();
  while (true) {
    if (client.stream->pending_bytes() > kMaxPendingBytes) return;
    const auto output = follower.next();
    if (!output) break;
    answer(number, request, *output);
  }
  if (!over && follower.follows()) return;
  client.followers.erase(request);
  if (record != nullptr && over) return answer(number, request, ended(*record));
  answer(number, request, net::Done{});
}

void ControlServer::pump_all() {
  bool any = false;
  for (auto& [number, client] : clients_) {
    std::vector<std::uint32_t> requests;
    for (const auto& [request, follower] : client.followers) requests.push_back(request);
    for (const std::uint32_t request : requests) pump(number, request);
    any = any || !client.followers.empty();
  }
  if (!any) timer_.stop();
}

void ControlServer::record_changed(core::TaskId task) {
  const core::HomeRecord* record = driver_.node().record(task);
  if (record != nullptr && record->open()) return;
  end_waits(task);
  for (auto& [number, client] : clients_) {
    std::vector<std::uint32_t> requests;
    for (const auto& [request, follower] : client.followers)
      if (follower.task() == task) requests.push_back(request);
    for (const std::uint32_t request : requests) pump(number, request);
  }
}

void ControlServer::end_waits(core::TaskId task) {
  const core::HomeRecord* record = driver_.node().record(task);
  while (true) {
    const auto found = waits_.lower_bound({task});
    if (found == waits_.end() || found->task != task) return;
    const Wait wait = *found;
    waits_.erase(found);
    if (record != nullptr)
      answer(wait.client, wait.request, ended(*record));
    else
      fail(wait.client, wait.request, kNoTask, "the task's record was dropped to make room");
  }
}

// Where a task goes is its owner's decision: it is asked there.
void ControlServer::on(Number number, std::uint32_t request, const net::SteerRequest& steer) {
  const core::Node& node = driver_.node();
  const auto task = parse_task(driver_, steer.task);
  if (!task || node.tasks().find(*task) == nullptr) {
    const core::HomeRecord* record = task ? node.record(*task) : nullptr;
    const bool elsewhere = record != nullptr && record->open();
    return fail(number, request, kNoTask,
                elsewhere
                    ? fmt::format("{} is with {}: ask there", steer.task, node.name(record->owner))
                    : fmt::format("no task {} is here", steer.task));
  }
  if (!may_steer(number, request, *task)) return;
  if (steer.what != net::SteerRequest::What::migrate) {
    driver_.post(core::HoldRequested{*task, steer.what == net::SteerRequest::What::hold});
    return answer(number, request, net::Done{});
  }
  core::PeerId to = core::PeerId::none;
  for (const core::PeerStatus& peer : node.peers())
    if (!steer.peer.empty() && peer.member.name == steer.peer) to = peer.member.id;
  if (!steer.peer.empty() && to == core::PeerId::none)
    return fail(number, request, kNoTask,
                fmt::format("no peer {} is known: see peerctl peers", steer.peer));
  const core::Veto veto = node.migration_veto(*task, to);
  if (veto != core::Veto::none)
    return fail(number, request, EX_TEMPFAIL,
                fmt::format("{} stays here: {}", steer.task, core::to_string(veto)));
  driver_.post(core::MigrateRequested{*task, to});
  answer(number, request, net::Done{});
}

void ControlServer::on(Number number, std::uint32_t request, const net::DrainRequest& drain) {
  const core::Node& node = driver_.node();
  if (!is_master(number))
    return fail(number, request, EX_NOPERM, "only root and peerd's own user may do that");
  if (node.draining() && !node.evacuating())
    return fail(number, request, EX_TEMPFAIL, "this peer is leaving");
  if (!drain.on && !node.evacuating())
    return fail(number, request, EX_DATAERR, "this peer is not draining");
  driver_.post(core::EvacuateRequested{drain.on});
  if (drain.on) {
    drains_.insert({number, request});
    return;
  }
  end_drains(net::Failure{EX_TEMPFAIL, "called off: this peer takes tasks again"});
  answer(number, request, net::Done{});
}

void ControlServer::end_drains(const net::ControlBody& body) {
  for (const auto& [client, request] : std::exchange(drains_, {})) answer(client, request, body);
}

void ControlServer::on(Number number, std::uint32_t request, const net::CancelRequest& cancel) {
  const core::HomeRecord* record = record_of(number, request, cancel.task);
  if (record == nullptr || !may_steer(number, request, record->task)) return;
  if (!record->open())
    return fail(number, request, EX_DATAERR,
                fmt::format("{} has ended already: {}", driver_.name_of(record->task),
                            core::to_string(record->status)));
  driver_.post(core::CancelRequested{record->task});
  answer(number, request, net::Done{});
}

namespace {

// A table in as many answers as its rows need.
template <typename Rows, typename Row, typename Answer>
void in_pieces(std::vector<Row> rows, std::vector<Row> Rows::*member, const Answer& answer) {
  std::size_t at = 0;
  do {
    const std::size_t end = std::min(at + net::kMaxRows, rows.size());
    Rows piece;
    (piece.*member)
        .assign(std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(at)),
                std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(end)));
    piece.more = end < rows.size();
    answer(std::move(piece));
    at = end;
  } while (at < rows.size());
}

}  // namespace

void ControlServer::on(Number number, std::uint32_t request, const net::TasksRequest& tasks) {
  in_pieces<net::TaskRows>(task_rows(driver_, tasks.all), &net::TaskRows::rows,
                           [&](net::TaskRows rows) { answer(number, request, std::move(rows)); });
}

void ControlServer::on(Number number, std::uint32_t request, const net::PeersRequest&) {
  in_pieces<net::PeerRows>(peer_rows(driver_), &net::PeerRows::rows,
                           [&](net::PeerRows rows) { answer(number, request, std::move(rows)); });
}

void ControlServer::on(Number number, std::uint32_t request, const net::DoctorRequest&) {
  answer(number, request, net::Lines{findings(driver_), false});
}

void ControlServer::on(Number number, std::uint32_t request, const net::StatsRequest&) {
  answer(number, request, net::Stats{stat_rows(driver_)});
}

void ControlServer::on(Number number, std::uint32_t request, const net::ExplainRequest& explain) {
  const auto task = parse_task(driver_, explain.task);
  if (!task || !driver_.explanations().knows(*task))
    return fail(
        number, request, kNoTask,
        fmt::format("nothing is known here of a task {}: see peerctl ps --all", explain.task));
  std::vector<std::string> lines = driver_.explanations().lines(*task);
  const core::HomeRecord* record = driver_.node().record(*task);
  if (record != nullptr && record->open() && record->owner != driver_.node().identity().id)
    lines.push_back(fmt::format("(it is with {} now, whose latest lines come with its results)",
                                driver_.node().name(record->owner)));
  in_pieces<net::Lines>(std::move(lines), &net::Lines::lines,
                        [&](net::Lines piece) { answer(number, request, std::move(piece)); });
}

}  // namespace peerd
