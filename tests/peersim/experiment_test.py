"""peersim experiment: its files, its chart, and mistakes."""

import csv
import os
import shutil
import subprocess
import tempfile

from program import PeersimTest, main, peersim

PEERD = os.environ["PEERD"]
NAMES = ["load-sweep", "queueing", "ping-pong", "tune", "stale"]
QUICK = ["--tasks", "100", "--warm-up", "0", "--replications", "1", "--nodes", "4"]


class ExperimentTest(PeersimTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()


class Files(ExperimentTest):
    def check(self, name, *arguments):
        summary = self.good("experiment", name, "--output", self.path("new", name), *arguments)
        self.assertTrue(summary.startswith("# "))
        self.assertEqual(self.read("new", name, f"{name}.md").decode(), summary)
        with open(self.path("new", name, f"{name}.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertGreater(len(rows), 20)
        for row in rows:
            self.assertNotIn(None, row)
            self.assertNotIn(None, row.values())
            self.assertGreater(float(row["mean_s"]), 0)
        self.assertIn(b"<svg", self.read("new", name, f"{name}.svg")[:2000])
        self.assertTrue(self.read("new", name, f"{name}.png").startswith(b"\x89PNG\r\n"))
        # The script stands for itself: drawn anew, elsewhere, it is the same picture.
        shutil.copy(self.path("new", name, f"{name}.gp"), self.path("copy.gp"))
        subprocess.run(["gnuplot", "copy.gp"], cwd=self.directory, check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(self.read(f"{name}.png"), self.read("new", name, f"{name}.png"))
        return rows

    def test_queueing(self):
        rows = self.check("queueing", *QUICK[:6])
        self.assertEqual({row["kind"] for row in rows}, {"formula", "simulated"})

    def test_stale(self):
        rows = self.check("stale", *QUICK)
        self.assertEqual({row["delay"] for row in rows}, {"0", "0.01", "0.05", "0.2", "1"})

    def test_ping_pong(self):
        rows = self.check("ping-pong", *QUICK)
        self.assertEqual({row["arrivals"] for row in rows}, {"everywhere", "at 1 peers"})
        alone = [row for row in rows if row["safeguard"] == "no balancing"]
        self.assertEqual({row["moves"] for row in alone}, {"0"})

    def test_load_sweep(self):
        rows = self.check("load-sweep", *QUICK)
        self.assertEqual({row["policy"] for row in rows},
                         {"M/M/1", "none", "random", "sender", "receiver", "symmetric", "adaptive",
                          "best", "M/M/4"})

    def test_the_same_seed_gives_the_same_bytes(self):
        for place, jobs in ("one", "1"), ("two", "2"):
            self.good("experiment", "stale", "--output", self.path(place), "--jobs", jobs, *QUICK)
        for suffix in "csv", "md", "gp", "png":
            self.assertEqual(self.read("one", f"stale.{suffix}"), self.read("two", f"stale.{suffix}"))

    def test_tune_writes_a_configuration_that_peerd_accepts(self):
        self.check("tune", *QUICK, "--policy.preset=best", "--policy.selection=newest_waiting")
        text = self.read("new", "tune", "tune.conf").decode()
        self.assertIn("preset = best\n", text)
        self.assertIn("selection = newest_waiting\n", text)
        done = subprocess.run([PEERD, "--config", self.path("new", "tune", "tune.conf"),
                               "--check-config"], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)


class Mistakes(ExperimentTest):
    def test_help(self):
        text = self.good("experiment", "--help")
        for name in NAMES:
            self.assertIn(f"  {name}", text)
            options = self.good("experiment", name, "--help")
            self.assertIn(f"--output DIRECTORY (={name})", options)
            self.assertNotIn("--json", options)
        self.assertNotIn("--load RHO", self.good("experiment", "load-sweep", "--help"))
        self.assertIn("--load RHO", self.good("experiment", "tune", "--help"))

    def test_names(self):
        self.assertEqual(self.refused(64, "experiment"),
                         "peersim: an experiment is missing; see peersim experiment --help\n")
        self.assertEqual(self.refused(64, "experiment", "ping"),
                         'peersim: "ping" is no experiment; allowed: ' + ", ".join(NAMES) + "\n")

    def test_what_it_varies_is_not_given(self):
        for name, option in (("load-sweep", "--load=0.5"), ("stale", "--delay=1s"),
                             ("load-sweep", "--policy.preset=best"),
                             ("tune", "--limits.probe_limit=2")):
            key = option.split("=")[0]
            self.assertEqual(
                self.refused(64, "experiment", name, option, "--output", self.path("none")),
                f"peersim: {key}: the experiment sets it itself; leave it out\n")
        self.assertFalse(os.path.exists(self.path("none")))

    def test_what_it_varies_is_not_taken_from_a_file(self):
        with open(self.path("peerd.conf"), "w", encoding="utf-8") as file:
            file.write("[policy]\npreset = best\nthreshold = 2\n[limits]\nprobe_limit = 2\n")
        options = ["--config", self.path("peerd.conf"), "--output"]
        summary, told = self.told("experiment", "stale", *QUICK, *options, self.path("one"))
        self.assertEqual(told, f"peersim: {self.path('peerd.conf')}:2: policy.preset: not used, the "
                               "experiment sets it itself\n")
        same = self.good("experiment", "stale", *QUICK, "--output", self.path("two"),
                         "--policy.threshold=2", "--limits.probe_limit=2")
        self.assertEqual(summary, same)

    def test_a_trace_has_its_own_load(self):
        with open(self.path("trace"), "w", encoding="utf-8") as file:
            file.write("0 0 1\n1 1 1\n")
        for name in "load-sweep", "queueing", "stale":
            text = self.refused(64, "experiment", name, "--arrivals", f"trace:{self.path('trace')}")
            self.assertIn("a trace brings its own load", text)
        self.refused(64, "experiment", "tune", "--discipline=ps")

    def test_tune_keeps_within_what_peerd_allows(self):
        self.good("experiment", "tune", "--output", self.path("out"), *QUICK, "--load.slots=1024",
                  "--load.weight=0.5")
        done = subprocess.run([PEERD, "--config", self.path("out", "tune.conf"), "--check-config"],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)

    def test_a_chart_of_equal_values(self):
        self.good("experiment", "tune", "--output", self.path("out"), *QUICK, "--policy.preset=none")

    def test_options(self):
        self.refused(64, "experiment", "tune", "--message-cost=much")
        self.refused(64, "experiment", "stale", "--message-cost=1ms")
        self.refused(64, "experiment", "stale", "--tasks=1")
        self.refused(78, "experiment", "stale", "--policy.threshold=much")

    def test_no_place_for_files(self):
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        text = self.refused(73, "experiment", "tune", "--output", self.path("file", "below"), *QUICK)
        self.assertIn("choose another --output", text)

    def test_no_gnuplot(self):
        done = peersim("experiment", "tune", "--output", self.path("out"), *QUICK,
                       env={**os.environ, "PATH": self.directory})
        self.assertEqual(done.returncode, 69)
        self.assertEqual(
            done.stderr.decode(),
            "peersim: gnuplot is not installed (package gnuplot-nox); the chart can be drawn "
            f"later: cd {self.path('out')} && gnuplot tune.gp\n")
        self.assertEqual(sorted(os.listdir(self.path("out"))),
                         ["tune.conf", "tune.csv", "tune.gp", "tune.md"])


if __name__ == "__main__":
    main()
