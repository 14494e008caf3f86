"""What peersim prints: its three forms, the same bytes every time and on every machine, and what
it does when nobody takes them.

PEERD_UPDATE_GOLDEN=1 writes what it prints now into tests/peersim/golden instead of comparing; read
the difference before you commit it.
"""

import csv
import io
import json
import os
import signal
import subprocess
import tempfile

from program import PEERSIM, SMALL, PATIENCE_S, PeersimTest, main, peersim

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
UPDATE = os.environ.get("PEERD_UPDATE_GOLDEN") == "1"

# Different policies, and between them every shape, discipline, pattern and cost.
GOLDEN_RUNS = {
    "sender": ["--policy.preset=sender", "--service=hyperexponential:4", "--arrivals=bursts:5"],
    "receiver": ["--policy.preset=receiver", "--discipline=ps", "--service=pareto:1.5:1000",
                 "--speeds=1,2,0.5", "--arrivals=hot:3"],
    "best": ["--policy.preset=best", "--delay=200us", "--transfer-time=1ms", "--bandwidth=10MiB",
             "--task-size=64KiB", "--transfer-cpu=2ms", "--transfer-cpu-per-mib=10ms"],
}


class Forms(PeersimTest):
    def quantities(self):
        return [row[0] for row in csv.reader(io.StringIO(self.good(*SMALL, "--csv")))][1:]

    def test_csv(self):
        rows = list(csv.reader(io.StringIO(self.good(*SMALL, "--csv"))))
        self.assertEqual(rows[0], ["quantity", "mean", "half_width_95"])
        self.assertGreater(len(rows), 20)
        for row in rows[1:]:
            self.assertEqual(len(row), 3)
            self.assertGreaterEqual(float(row[1]), 0)
            self.assertGreaterEqual(float(row[2]), 0)

    def test_csv_of_one_replication_has_no_widths(self):
        rows = list(csv.reader(io.StringIO(self.good(*SMALL[:-1], "1", "--csv"))))
        self.assertTrue(all(row[2] == "" for row in rows[1:]))

    def test_json(self):
        all = json.loads(self.good(*SMALL, "--json", "--load", "0.7"))
        self.assertEqual(list(all["results"]), self.quantities())
        for quantity in all["results"].values():
            self.assertEqual(list(quantity), ["mean", "half_width_95"])
        results = all.pop("results")
        self.assertEqual(all, {"nodes": 5, "load": 0.7, "service": "exponential",
                               "mean_service_s": 1.0, "arrivals": "poisson", "discipline": "fcfs",
                               "preset": "adaptive", "tasks": 500, "warm_up": 100,
                               "replications": 2, "seed": 1})
        by_kind = sum(one["mean"] for name, one in results.items() if name.startswith("messages_"))
        self.assertAlmostEqual(results["messages"]["mean"], by_kind)

    def test_json_and_csv_agree(self):
        results = json.loads(self.good(*SMALL, "--json"))["results"]
        for name, mean, width in list(csv.reader(io.StringIO(self.good(*SMALL, "--csv"))))[1:]:
            self.assertEqual(f"{results[name]['mean']:.6g}", mean)
            self.assertEqual(f"{results[name]['half_width_95']:.6g}", width)

    def test_json_of_a_trace_whose_name_is_no_text(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(os.fsencode(directory.name), b"trace\xff")
        with open(path, "w") as file:
            file.write("0 0 1\n")
        done = peersim("run", "--json", b"--arrivals=trace:" + path)
        self.assertEqual(done.returncode, 0, done.stderr)
        all = json.loads(done.stdout)
        self.assertNotIn("load", all)
        self.assertNotIn("service", all)
        self.assertEqual((all["tasks"], all["warm_up"]), (1, 0))

    def test_text(self):
        lines = self.good(*SMALL).splitlines()
        self.assertTrue(lines[0].startswith("5 nodes (fcfs), load 0.8, exponential service"), lines[0])
        self.assertTrue(lines[1].startswith("adaptive: transfer "), lines[1])
        self.assertEqual(lines[2], "500 tasks after 100 to warm up, 2 replications from seed 1")
        names = [line.split()[0] for line in lines if "+-" in line]
        left_out = set(self.quantities()) - set(names)
        self.assertTrue(all(name.startswith("messages_") for name in left_out), left_out)
        self.assertNotIn("\x1b", "".join(lines))


class Repeated(PeersimTest):
    def test_the_same_seed_gives_the_same_bytes(self):
        for form in ("--json", "--csv", None):
            arguments = SMALL + ([form] if form else [])
            first = self.good(*arguments, "--jobs", "1")
            self.assertEqual(first, self.good(*arguments, "--jobs", "1"))
            self.assertEqual(first, self.good(*arguments, "--jobs", "2"))

    def test_another_seed_gives_others(self):
        self.assertNotEqual(self.good(*SMALL, "--csv"), self.good(*SMALL, "--csv", "--seed", "2"))

    def test_golden(self):
        for name, arguments in GOLDEN_RUNS.items():
            with self.subTest(name=name):
                path = os.path.join(GOLDEN, f"{name}.json")
                printed = self.good(*SMALL, *arguments, "--json")
                if UPDATE:
                    with open(path, "w") as file:
                        file.write(printed)
                with open(path) as file:
                    self.assertEqual(printed, file.read())


class NobodyTakesIt(PeersimTest):
    VERBS = (["--help"], ["--version"], ["run", "--help"], SMALL, [*SMALL, "--json"],
             ["faults", "--help"], ["faults", "--seeds", "1"],
             ["faults", "--seeds", "1", "--transcript"])

    def test_a_full_disk(self):
        for arguments in self.VERBS:
            with self.subTest(arguments=arguments), open("/dev/full", "w") as full:
                done = peersim(*arguments, stdout=full)
                self.assertEqual(done.returncode, 74)
                self.assertIn(b"peersim: standard output cannot be written: ", done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_a_closed_output(self):
        for arguments in self.VERBS:
            with self.subTest(arguments=arguments):
                done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", PEERSIM, *arguments],
                                      stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      timeout=PATIENCE_S)
                self.assertEqual((done.returncode, done.stderr), (
                    74, b"peersim: standard output cannot be written: it is closed\n"))

    def test_a_reader_that_is_gone(self):
        """As of any program: the signal, and not a word."""
        for arguments in self.VERBS:
            with self.subTest(arguments=arguments):
                reader, writer = os.pipe()
                os.close(reader)
                done = peersim(*arguments, stdout=writer)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, b""))

    def test_a_full_disk_does_not_hide_a_mistake(self):
        with open("/dev/full", "w") as full:
            self.assertEqual(peersim("run", "--nodes=0", stdout=full).returncode, 64)


if __name__ == "__main__":
    main()
