#include "core/describe.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "core/trace.h"
#include "tests/catch.h"

namespace {

std::string name(core::PeerId peer) {
  return "peer" + std::to_string(core::value(peer));
}

// Every alternative of a variant, default-made: `visit` gets them one by one.
template <typename Variant, typename Visit, std::size_t... I>
void for_each_alternative(std::index_sequence<I...>, const Visit& visit) {
  (visit(Variant(std::in_place_index<I>)), ...);
}
template <typename Variant, typename Visit>
void for_each_alternative(const Visit& visit) {
  for_each_alternative<Variant>(std::make_index_sequence<std::variant_size_v<Variant>>(), visit);
}

template <typename Variant>
void check_words() {
  std::set<std::string> lines;
  for_each_alternative<Variant>([&](const Variant& one) {
    const std::string line = core::describe(one, name);
    CAPTURE(one.index(), line);
    CHECK_FALSE(line.empty());
    CHECK(line.find('\n') == std::string::npos);
    lines.insert(line);
  });
  CHECK(lines.size() == std::variant_size_v<Variant>);
}

}  // namespace

TEST_CASE("trace: every template renders") {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < core::kWhats; ++i) {
    const auto what = static_cast<core::What>(i);
    const core::Trace trace{what, {core::PeerId{1}, 2}, core::PeerId{3}, 1, 2, 3};
    const std::string text = core::to_text(trace, name);
    CAPTURE(core::key(what), text);
    CHECK_FALSE(text.empty());
    CHECK(text.find_first_of("{}\n") == std::string::npos);
    CHECK(keys.insert(core::key(what)).second);
  }
  CHECK(keys.size() == core::kWhats);
}

TEST_CASE("trace: loads in thousandths") {
  CHECK(core::to_text(core::Load{0}) == "0.000");
  CHECK(core::to_text(core::Load{7}) == "0.007");
  CHECK(core::to_text(core::Load{1500}) == "1.500");
  CHECK(core::to_text(core::Load{12'034}) == "12.034");
  CHECK(core::to_text(core::kMaxLoad) == "infinity");
}

TEST_CASE("trace: tasks by their home's name") {
  CHECK(core::to_text(core::TaskId{core::PeerId{4}, 17}, name) == "peer4.17");
}

TEST_CASE("trace: durations are as precise as a reader wants them") {
  const auto waited = [](core::Duration duration) {
    return core::to_text(core::Trace{core::What::task_started, {}, {}, duration, 1, 2}, name);
  };
  CHECK(waited(0) == "started after waiting 0 ms here; 1 of 2 slots busy");
  CHECK(waited(35).starts_with("started after waiting 0.035 ms here"));
  CHECK(waited(9'999).starts_with("started after waiting 9.999 ms here"));
  CHECK(waited(10'000).starts_with("started after waiting 10 ms here"));
  CHECK(waited(9'999'999).starts_with("started after waiting 9999 ms here"));
  CHECK(waited(83'560'000).starts_with("started after waiting 83.5 s here"));
}

TEST_CASE("trace: what is not the case is not said") {
  const auto answer = [](core::Veto veto) {
    return core::to_text(core::Trace{core::What::probe_answered,
                                     {},
                                     core::PeerId{2},
                                     500,
                                     static_cast<std::int64_t>(core::Role::receiver),
                                     static_cast<std::int64_t>(veto)},
                         name);
  };
  CHECK(answer(core::Veto::none) == "peer2 answers: load index 0.500, receiver");
  CHECK(answer(core::Veto::queue_full) ==
        "peer2 answers: load index 0.500, receiver, but queue full");
  const core::Trace never{core::What::task_submitted, {}, {}, 0, 1000, core::kMaxLoad};
  CHECK(core::to_text(never, name) == "submitted here with priority 0; load index now 1.000");
}

TEST_CASE("describe: each message, event and action has words of its own") {
  check_words<core::Message>();
  check_words<core::Event>();
  check_words<core::Action>();
}

TEST_CASE("describe: each message has a name of its own") {
  std::set<std::string> names;
  for (std::size_t i = 0; i < core::kMessages; ++i) names.insert(core::message_name(i));
  CHECK(names.size() == core::kMessages);
  CHECK(std::string(core::message_name(core::Message(core::Cancel{}).index())) == "cancel");
  CHECK(std::string(core::message_name(core::Message(core::News{}).index())) == "news");
  CHECK(std::string(core::message_name(core::Message(core::Reject{}).index())) == "reject");
}

TEST_CASE("describe: an action's subject is the task whose trace it belongs to") {
  const core::TaskId task{core::PeerId{4}, 17};
  CHECK(core::subject(core::StartTask{task, 1}) == task);
  CHECK(core::subject(core::Trace{core::What::arrived, task}) == task);
  core::Send send;
  core::Offer offer;
  offer.task = task;
  send.message = offer;
  CHECK(core::subject(send) == task);
  send.message = core::Cancel{task};
  CHECK(core::subject(send) == task);
  send.message = core::Probe{};
  CHECK_FALSE(core::subject(send));
  CHECK_FALSE(core::subject(core::Drained{}));
}
