"""The fake node: it plays CockroachDB's habits, and those of strangers at its address, and tells
what it was sent."""

import json
import signal
import subprocess

from .certificates import TOOLS
from .process import Process
from .waiting import PATIENCE


class Seen:
    """What the fake saw of one connection; attributes are the fields of its record."""

    def __init__(self, record):
        self._record = record

    def __getattr__(self, name):
        if name in ("before_tls", "plaintext"):
            return bytes.fromhex(self._record[name + "_hex"])
        return self._record[name]

    def __repr__(self):
        return json.dumps(self._record)


class FakeCockroach:
    """One fake node on a port of its own. `options` are those of the program: tls_max="1.1"."""

    def __init__(self, certificate, behaviour="secure", **options):
        words = [word for name, value in options.items()
                 for word in ("--" + name.replace("_", "-"), str(value))]
        self._process = Process(
            [TOOLS / "fake_cockroach", "--cert", certificate.cert, "--key", certificate.key,
             "--behaviour", behaviour, "--stdin", *words],
            stream="stdout", stdin=subprocess.PIPE, stderr=None)
        self._killed = False
        self.port = self._wait("listening", 1)[0]["port"]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.send(signal.SIGCONT)  # a stopped one would not hear
        if not self._killed:
            assert self._process.stop() == 0

    def wait_finished(self, count, within=PATIENCE):
        """The connections that have ended, once they are so many."""
        return [Seen(record) for record in self._wait("connection", count, within)]

    @property
    def finished(self):
        """The connections that have ended so far."""
        return [Seen(record) for record in self._events(self._process.lines, "connection")]

    def kill(self):
        """As a machine that loses its power: nothing is said to anybody."""
        self._process.kill()
        self._killed = True

    def send(self, signal_number):
        self._process.send(signal_number)

    def command(self, text):
        """One of its commands ("play draining", "close reset"), done when this returns."""
        done = len(self._events(self._process.lines, "done"))
        self._process.write(text + "\n")
        self._wait("done", done + 1)

    def _wait(self, name, count, within=PATIENCE):
        def find(lines):
            found = self._events(lines, name)
            return found if len(found) >= count else None

        return self._process.wait_for(f"{count} times {name}", find, within)

    @staticmethod
    def _events(lines, name):
        candidates = [line for line in list(lines) if name in line]
        return [event for event in map(json.loads, candidates) if event["event"] == name]
