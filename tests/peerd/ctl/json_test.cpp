#include "peerd/ctl/json.h"

#include "tests/catch.h"

using namespace peerctl;

TEST_CASE("tasks as JSON") {
  CHECK(tasks_json({}) == "[]\n");
  net::TaskRow row;
  row.task = "17";
  row.state = "finished";
  row.owner = "b\xff";
  row.command = "echo \"x\"\n";
  row.age_us = 5;
  row.ended = true;
  row.status = {core::ExitStatus::Kind::signaled, 9};
  CHECK(tasks_json({row}) ==
        "[{\"task\":\"17\",\"state\":\"finished\",\"owner\":\"b\xef\xbf\xbd\",\"command\":\"echo "
        "\\\"x\\\"\\n\",\"priority\":0,\"age_us\":5,\"response_us\":null,\"moves\":0,\"probes\":0,"
        "\"epoch\":0,\"home_here\":false,\"status\":{\"kind\":\"signaled\",\"value\":9,"
        "\"exit_code\":137},\"note\":\"\"}]\n");
}

TEST_CASE("peers as JSON") {
  net::PeerRow self;
  self.name = "a";
  self.address = "127.0.0.1:1";
  self.state = "self";
  self.role = "sender";
  self.load = 1500;
  self.known_age_us = 0;
  self.incarnation = 1ull << 32;
  self.slots = 4;
  net::PeerRow other;
  other.name = "b";
  other.address = "127.0.0.1:2";
  other.state = "dead";
  other.role = "-";
  CHECK(peers_json({self, other}) ==
        "[{\"name\":\"a\",\"address\":\"127.0.0.1:1\",\"state\":\"self\",\"role\":\"sender\","
        "\"load\":1500,\"known_age_us\":0,\"incarnation\":4294967296,\"waiting\":0,\"running\":0,"
        "\"reserved\":0,\"slots\":4},"
        "{\"name\":\"b\",\"address\":\"127.0.0.1:2\",\"state\":\"dead\",\"role\":null,"
        "\"load\":null,\"known_age_us\":null,\"incarnation\":0}]\n");
  CHECK(top_json({}, {}) == "{\"peers\":[],\"tasks\":[]}\n");
}

TEST_CASE("the rest as JSON") {
  CHECK(stats_json({{"g", "a", 1}, {"h", "b", 2}, {"g", "c", 3}}) ==
        "{\"g\":{\"a\":1,\"c\":3},\"h\":{\"b\":2}}\n");
  CHECK(explain_json("17", {"one", "two"}) == "{\"task\":\"17\",\"lines\":[\"one\",\"two\"]}\n");
  CHECK(submitted_json("17", 3) == "{\"line\":3,\"task\":\"17\"}\n");
  CHECK(problem_json("", {66, "gone"}, 2) == "{\"line\":2,\"error\":\"gone\",\"code\":66}\n");
  CHECK(problem_json("9", {66, "gone"}, 0) == "{\"task\":\"9\",\"error\":\"gone\",\"code\":66}\n");
  net::Ended ended;
  ended.task = "17";
  ended.ran_on = "b";
  ended.response_us = 7;
  CHECK(ended_json(ended, 0) ==
        "{\"task\":\"17\",\"status\":{\"kind\":\"exited\",\"value\":0,\"exit_code\":0},"
        "\"message\":\"\",\"ran_on\":\"b\",\"response_us\":7,\"moves\":0,\"probes\":0}\n");
  CHECK(summary_json(Summary()) ==
        "{\"summary\":{\"done\":0,\"failed\":0,\"not_submitted\":0,\"mean_response_us\":null,"
        "\"p99_response_us\":null,\"moves\":0,\"probes\":0,\"tasks_by_peer\":{}}}\n");
}
