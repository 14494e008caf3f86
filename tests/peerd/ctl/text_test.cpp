#include "peerd/ctl/text.h"

#include "peerd/ctl/progress.h"
#include "peerd/ctl/summary.h"
#include "tests/catch.h"

using namespace peerctl;

TEST_CASE("no text from elsewhere steers the terminal") {
  CHECK(sanitized("plain words") == "plain words");
  CHECK(sanitized("a\x1b[31mb\x07") == "a?[31mb?");
  CHECK(sanitized("a\tb\nc\rd") == "a b c?d");
  CHECK(sanitized("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9a") ==
        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9a");
  CHECK(sanitized("\xc2\x9b") == "?");  // CSI in one character
  CHECK(sanitized("\xe2\x80\xae"
                  "cod.exe") == "?cod.exe");  // right to left override
  CHECK(sanitized("\xff\xc3") == "??");
  CHECK(sanitized("\xc0\xaf") == "??");            // overlong
  CHECK(sanitized("\xed\xa0\x80") == "???");       // a surrogate
  CHECK(sanitized("\xf4\x90\x80\x80") == "????");  // beyond Unicode
  CHECK(sanitized(std::string("a\0b", 3)) == "a?b");
}

TEST_CASE("text is measured and cut in characters") {
  CHECK(display_width("gr\xc3\xbc\xc3\x9f") == 4);
  CHECK(clipped("gr\xc3\xbc\xc3\x9f", 4) == "gr\xc3\xbc\xc3\x9f");
  CHECK(clipped("gr\xc3\xbc\xc3\x9f"
                "en",
                4) == "gr\xc3\xbc+");
  CHECK(clipped("abc", 1) == "+");
  CHECK(clipped("abc", 0).empty());
  CHECK(padded("\xc3\xbc", 3, false) == "\xc3\xbc  ");
  CHECK(padded("7", 3, true) == "  7");
}

TEST_CASE("durations and loads as one says them") {
  CHECK(human_duration(-1) == "-");
  CHECK(human_duration(0) == "0us");
  CHECK(human_duration(12'999) == "12ms");
  CHECK(human_duration(1'250'000) == "1.2s");
  CHECK(human_duration(59'999'999) == "59.9s");
  CHECK(human_duration(185'000'000) == "3m05s");
  CHECK(human_duration(7'500'000'000) == "2h05m");
  CHECK(human_duration(273'600'000'000) == "3d04h");
  CHECK(human_load(1500) == "1.500");
  CHECK(human_load(33) == "0.033");
  CHECK(human_load(-1) == "-");
  CHECK(counted(1, "move") == "1 move");
  CHECK(counted(0, "move") == "0 moves");
}

TEST_CASE("the progress bar fits its line") {
  ProgressFigures figures;
  figures.count = 1200;
  figures.failed = 2;
  figures.elapsed_ms = 2000;
  CHECK(progress_line(figures, 80) == "submitting 1200 2 failed 600/s");
  figures.thousandths_known = true;
  figures.thousandths = 250;
  CHECK(progress_line(figures, 80) ==
        "submitting [########-------------------------] 1200 25% 2 failed 600/s 6.0s left");
  CHECK(progress_line(figures, 80).size() == 80);
  CHECK(progress_line(figures, 30) == "submitting 1200 25% 2 failed +");
  figures.doing = "waiting";
  figures.total = 1200;
  figures.failed = 0;
  figures.thousandths = 1000;
  CHECK(progress_line(figures, 200) ==
        "waiting [########################################] 1200/1200 100% 600/s");
  figures.elapsed_ms = 0;
  CHECK(progress_line(figures, 200).ends_with("/s"));
}

TEST_CASE("figures of many tasks") {
  Summary summary;
  CHECK(summary.mean_response_us() == -1);
  CHECK(summary.percentile_response_us(99) == -1);
  CHECK(summary.text() == "done 0, failed 0\n");
  for (int i = 100; i >= 1; --i) {
    net::Ended ended;
    ended.response_us = i * 1000;
    ended.ran_on = std::string(i % 4 == 0 ? "a" : "b");
    ended.status.value = i == 7 ? 1 : 0;
    summary.add(ended);
  }
  CHECK(summary.done() == 99);
  CHECK(summary.failed() == 1);
  CHECK(summary.mean_response_us() == 50'500);
  CHECK(summary.percentile_response_us(99) == 99'000);
  CHECK(summary.percentile_response_us(100) == 100'000);
  CHECK(summary.percentile_response_us(1) == 1'000);
  CHECK(summary.tasks_by_peer().at("a") == 25);
  CHECK_FALSE(summary.all_well());
}
