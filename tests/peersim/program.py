"""peersim as a program: run, and what it answers."""

import os
import re
import subprocess
import unittest

PEERSIM = os.environ["PEERSIM"]
# Generous: this bounds a failure, it measures nothing. A loaded machine may take its time.
PATIENCE_S = 60

# A run that takes a fraction of a second.
SMALL = ["run", "--nodes", "5", "--tasks", "500", "--warm-up", "100", "--replications", "2"]


def peersim(*arguments, **options):
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "timeout": PATIENCE_S, **options}
    return subprocess.run([PEERSIM, *arguments], **options)


class PeersimTest(unittest.TestCase):
    maxDiff = None

    def good(self, *arguments):
        """What it prints."""
        text, told = self.told(*arguments)
        self.assertEqual(told, "", arguments)
        return text

    def told(self, *arguments):
        """What it prints, and what it says beside it. On a slow machine that may be how far it is."""
        done = peersim(*arguments)
        told = re.sub(r"(?m)^[a-z-]+: \d+ %\n", "", done.stderr.decode())
        self.assertEqual(done.returncode, 0, (arguments, told))
        return done.stdout.decode(), told

    def refused(self, code, *arguments, lines=1):
        """Its lines on standard error; nothing else comes of it."""
        done = peersim(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, b""), (arguments, done.stderr))
        text = done.stderr.decode()
        self.assertTrue(text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), lines, text)
        return text


def main():
    unittest.main(verbosity=2)
