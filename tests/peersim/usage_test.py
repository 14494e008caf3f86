"""The command line: help, mistakes and what becomes of them."""

import os
import tempfile

from program import SMALL, PeersimTest, main


class Program(PeersimTest):
    def test_help(self):
        text = self.good("--help")
        self.assertEqual(text, self.good("-h"))
        self.assertIn("peersim VERB", text)
        self.assertIn("  run ", text)
        self.assertIn("  faults ", text)

    def test_version(self):
        self.assertRegex(self.good("--version"), r"\Apeersim \d+\.\d+\.\d+\n\Z")

    def test_no_verb(self):
        self.assertTrue(self.refused(64, lines=7).startswith("Usage: peersim VERB"))

    def test_unknown_verb(self):
        self.assertEqual(self.refused(64, "walk"),
                         "peersim: 'walk' is no verb; allowed: run, experiment, faults\n")
        self.refused(64, "--walk")
        self.refused(64, "")


class Help(PeersimTest):
    def test_run_explains_every_option(self):
        text = self.good("run", "--help")
        self.assertEqual(text, self.good("run", "-h"))
        for option in ("nodes discipline speeds delay transfer-time bandwidth transfer-cpu "
                       "transfer-cpu-per-mib load service mean-service arrivals task-size tasks "
                       "warm-up replications seed jobs json csv help").split():
            self.assertIn(f"--{option}", text)

    def test_run_explains_the_trace_file(self):
        text = self.good("run", "--help")
        self.assertIn("trace:FILE", text)
        self.assertIn("SECONDS NODE SERVICE_SECONDS", text)
        self.assertIn("# begins a comment", text)

    def test_run_explains_every_quantity_that_it_prints(self):
        text = self.good("run", "--help")
        printed = [line.split(",")[0] for line in self.good(*SMALL, "--csv").splitlines()[1:]]
        self.assertIn("idle_while_waiting", printed)
        for quantity in printed:
            if not quantity.startswith("messages_"):
                self.assertRegex(text, rf"(?m)^  {quantity} +[a-z0-9]")
        self.assertIn("messages_KIND", text)

    def test_the_example_of_a_trace_is_one(self):
        lines = self.good("run", "--help").splitlines()
        first = lines.index("  # SECONDS NODE SERVICE_SECONDS")
        with tempfile.NamedTemporaryFile("w", suffix=".trace") as file:
            file.write("\n".join(lines[first:first + 3]))
            file.flush()
            self.good("run", "--nodes", "4", "--arrivals", f"trace:{file.name}")

    def test_help_fits_a_terminal(self):
        for verb in ("run", "faults"):
            for line in self.good(verb, "--help").splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_faults_explains_every_option(self):
        text = self.good("faults", "--help")
        self.assertEqual(text, self.good("faults", "-h"))
        for option in ("seeds", "jobs", "minutes", "bug", "transcript", "help"):
            self.assertIn(f"--{option}", text)


class RunOptions(PeersimTest):
    def test_values_out_of_range(self):
        for option, value, allowed in (
                ("nodes", "0", "1 ... 1000000"), ("nodes", "1000001", "1 ... 1000000"),
                ("load", "0", "0.001 ... 10"), ("load", "10.001", "0.001 ... 10"),
                ("mean-service", "0", "1us ... 1000s"), ("mean-service", "1001s", "1us ... 1000s"),
                ("task-size", "1025GiB", "0 ... 1TiB"), ("tasks", "99", "100 ... 1000000000"),
                ("warm-up", "1000000001", "0 ... 1000000000"), ("replications", "0", "1 ... 1000"),
                ("replications", "1001", "1 ... 1000"), ("jobs", "1025", "0 ... 1024"),
                ("delay", "61min", "0 ... 1h"), ("transfer-time", "2h", "0 ... 1h"),
                ("bandwidth", "2TiB", "0 ... 1TiB"), ("transfer-cpu", "2h", "0 ... 1h"),
                ("transfer-cpu-per-mib", "2h", "0 ... 1h")):
            with self.subTest(option=option, value=value):
                self.assertEqual(
                    self.refused(64, "run", f"--{option}", value),
                    f'peersim: --{option}: "{value}" is out of range; allowed: {allowed}\n')

    def test_what_is_no_value(self):
        for option, value, what in (
                ("nodes", "many", "is not a whole number"), ("nodes", "-1", "is not a whole number"),
                ("nodes", "1.5", "is finer than a whole number"),
                ("load", "0.8x", "is not a decimal number"), ("load", "0.0001", "is finer than 0.001"),
                ("delay", "5", "has no unit (known: us, ms, s, min, h)"),
                ("delay", "1day", "has an unknown unit (known: us, ms, s, min, h)"),
                ("bandwidth", "1MB", "has an unknown unit (known: B, KiB, MiB, GiB, TiB)"),
                ("seed", "99999999999999999999", "is too large")):
            with self.subTest(option=option, value=value):
                text = self.refused(64, "run", f"--{option}={value}")
                self.assertTrue(
                    text.startswith(f'peersim: --{option}: "{value}" {what}; allowed: '), text)

    def test_bad_shapes(self):
        for shape in ("weibull", "pareto:1.5", "pareto:0:10", "pareto:1.5:1", "hyperexponential:0.5",
                      "exponential:2"):
            text = self.refused(64, "run", "--service", shape)
            self.assertTrue(text.startswith(f'peersim: --service: "{shape}" '), text)
            self.assertIn("; allowed: exponential, deterministic, pareto:ALPHA:RATIO", text)

    def test_a_shape_beyond_the_end_of_time(self):
        text = self.refused(64, "run", "--service=pareto:1:1000000000", "--mean-service=1000s")
        self.assertIn("reaches beyond 35 years with that mean", text)

    def test_bad_patterns(self):
        for pattern in ("uniform", "bursts", "bursts:1", "hot:0", "hot:x"):
            text = self.refused(64, "run", "--arrivals", pattern)
            self.assertTrue(text.startswith(f'peersim: --arrivals: "{pattern}" is no arrival '), text)

    def test_bad_speeds(self):
        for speeds, wrong in (("0", "0"), ("1,x", "x"), ("1,,2", ""), ("1,", ""), ("", ""),
                              ("0.009", "0.009"), ("1001", "1001"), ("1 2", "1 2")):
            with self.subTest(speeds=speeds):
                text = self.refused(64, "run", "--speeds", speeds)
                self.assertEqual(text, f'peersim: --speeds: "{wrong}" is no speed; allowed: '
                                       "0.01 ... 1000\n")

    def test_load_that_no_clock_has_room_for(self):
        text = self.refused(64, "run", "--nodes=1", "--speeds=0.01", "--load=0.001",
                            "--mean-service=1000s", "--arrivals=bursts:100000")
        self.assertIn("--load: ", text)

    def test_bad_discipline(self):
        self.assertEqual(self.refused(64, "run", "--discipline", "lifo"),
                         'peersim: --discipline: "lifo" is none; allowed: fcfs, ps\n')

    def test_json_and_csv(self):
        self.assertEqual(self.refused(64, "run", "--json", "--csv"),
                         "peersim: --json and --csv contradict each other; allowed: one of them\n")

    def test_unknown_options(self):
        for option in ("--node", "--nodess=3", "--limits.probe_limits=3", "-x", "--version",
                       "--check-config", "--sample-config"):
            with self.subTest(option=option):
                self.assertIn("see peersim run --help", self.refused(64, "run", option))

    def test_what_is_no_option(self):
        self.assertEqual(self.refused(64, "run", "fast"),
                         'peersim: "fast" is no option; see peersim run --help\n')

    def test_values_missing_in_excess_and_twice(self):
        for arguments in (["--nodes"], ["--nodes="], ["--json=yes"], ["--seed", "1", "--seed", "2"]):
            with self.subTest(arguments=arguments):
                self.assertIn("see peersim run --help", self.refused(64, "run", *arguments))

    def test_all_mistakes_at_once(self):
        text = self.refused(64, "run", "--nodes=0", "--service=x", "--speeds=x", "--discipline=x",
                            "--json", "--csv", "--limits.probe_limit=x", lines=6)
        for option in ("--nodes", "--service", "--speeds", "--discipline", "--json",
                       "limits.probe_limit"):
            self.assertIn(option, text)


class Configuration(PeersimTest):
    def test_a_bad_value(self):
        text = self.refused(78, "run", "--limits.probe_limit=65")
        self.assertTrue(text.startswith("peersim: command line: limits.probe_limit: "), text)
        self.assertIn("; allowed: 0 ... 64", text)

    def test_an_unknown_policy(self):
        self.assertIn("policy.location", self.refused(78, "run", "--policy.location", "nearest"))

    def test_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "peerd.conf")
            with open(path, "w") as file:
                file.write("[limits]\nprobe_limit = 2\n")
            self.assertIn("probe limit 2\n", self.good(*SMALL, "--config", path))
            self.assertIn("probe limit 4\n",
                          self.good(*SMALL, "--config", path, "--limits.probe_limit", "4"))
            with open(path, "a") as file:
                file.write("probes = 3\n")
            text = self.refused(78, *SMALL, "--config", path)
            self.assertTrue(text.startswith(f"peersim: {path}:3: limits.probes: unknown key"), text)

    def test_no_file(self):
        self.refused(78, "run", "--config", "/nonexistent/peerd.conf")

    def test_given_twice(self):
        self.assertIn("given twice", self.refused(78, "run", "--limits.probe_limit=1",
                                                  "--limits.probe_limit=2"))


class Trace(PeersimTest):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "trace")

    def write(self, text):
        with open(self.path, "w") as file:
            file.write(text)
        return f"--arrivals=trace:{self.path}"

    def test_a_missing_file(self):
        self.assertEqual(
            self.refused(66, "run", "--arrivals=trace:/nonexistent/trace"),
            "peersim: --arrivals: /nonexistent/trace: cannot be read: No such file or directory\n")

    def test_no_name(self):
        self.refused(66, "run", "--arrivals=trace:")

    def test_a_directory(self):
        self.assertIn("Is a directory", self.refused(66, "run", "--arrivals=trace:/"))

    def test_a_line_that_is_no_task(self):
        text = self.refused(65, "run", "--nodes=4", self.write("0 0 1\n1 4 1\n"))
        self.assertEqual(text, f'peersim: --arrivals: {self.path}:2: "1 4 1" is no task; allowed: '
                               "SECONDS NODE SERVICE_SECONDS, up to 10^9 s, nodes 0 ... 3\n")

    def test_no_task(self):
        self.assertIn("contains no task", self.refused(65, "run", self.write("# none\n")))

    def test_a_single_task(self):
        text = self.good("run", "--nodes=2", "--csv", self.write("3 1 2.5\n"))
        self.assertIn("\nmean_s,2.5,0\n", "\n" + text)
        self.assertIn("\nutilisation,0.5,0\n", text)

    def test_the_heading_says_what_was_measured(self):
        trace = self.write("".join(f"{i} 0 1\n" for i in range(10)))
        self.assertIn("\n10 tasks after 0 to warm up,", self.good("run", trace, "--warm-up=0"))
        self.assertIn("\n5 tasks after 5 to warm up,", self.good("run", trace))

    def test_the_same_as_written_out(self):
        text = self.good("run", "--nodes=2", "--replications=1", "--csv", "--policy.preset=none",
                         "--warm-up=0", self.write("0 0 4\n1 0 2\n5 1 1\n"))
        self.assertIn("\nmean_s,3.33333,\n", text)
        self.assertIn("\nidle_while_waiting,0.25,\n", text)


class Faults(PeersimTest):
    def test_seeds_pass(self):
        self.assertRegex(self.good("faults", "--seeds", "1..3"), r"\A3 seeds passed, \d+ steps, ")

    def test_a_single_seed_told(self):
        text = self.good("faults", "--seeds=1", "--transcript")
        self.assertEqual(text, self.good("faults", "--seeds=1", "--transcript"))
        self.assertGreater(text.count("\n"), 10)

    def test_mistakes(self):
        for arguments, what in (
                (["--seeds", "many"], '--seeds takes a number or a range as 1..2000, not "many"'),
                (["--seeds", "9..1"], "--seeds takes"), (["--seeds", "1.."], "--seeds takes"),
                (["--seeds", "..2"], "--seeds takes"), (["--seeds", "-1"], "--seeds takes"),
                (["--seeds", ""], "--seeds takes"), (["--seeds=1..2..3"], "--seeds takes"),
                (["--seeds=99999999999999999999"], "--seeds takes"),
                (["--jobs=0"], "--jobs takes 1 to 256"), (["--jobs=257"], "--jobs takes 1 to 256"),
                (["--jobs=-1"], "--jobs takes 1 to 256"), (["--jobs=two"], "'--jobs' is invalid"),
                (["--minutes=-1"], "--minutes takes 0 to 527040"),
                (["--minutes=1.5"], "'--minutes' is invalid"),
                (["--bug=none_such"], '--bug knows no "none_such"; known are '),
                (["--transcript=yes"], "--transcript"), (["--seed=1"], "--seed"),
                (["--frob"], "--frob"), (["1..3"], "positional"), (["--seeds"], "--seeds"),
                (["--seeds=1", "--seeds=2"], "--seeds")):
            with self.subTest(arguments=arguments):
                text = self.refused(64, "faults", *arguments)
                self.assertTrue(text.startswith("peersim faults: "), text)
                self.assertIn(what, text)
                self.assertTrue(text.endswith("; see peersim faults --help\n"), text)


if __name__ == "__main__":
    main()
