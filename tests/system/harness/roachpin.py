"""The real binary, with a configuration of the test's own, read by its log."""

import contextlib
import http.client
import json
import os
import re
import signal
import tempfile
from pathlib import Path

import yaml

from .certificates import NODE
from .fake_cockroach import FakeCockroach
from .process import Process
from .waiting import PATIENCE

BINARY = Path(
    os.environ.get("ROACHPIN", Path(__file__).parents[3] / "build" / "release" / "roachpin")
)
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")


def node(host, port, addresses=("127.0.0.1",), **more):
    """An entry of cluster.nodes."""
    return {"host": host, "port": port, "addresses": list(addresses), **more}


def configuration(ca_file, nodes, listeners=None, cluster=None, **sections):
    """A small valid configuration; `sections` replace or add whole top-level sections."""
    sections["admin"] = {"bind": "127.0.0.1:0", **sections.get("admin", {})}
    return {
        "listeners": listeners or [{"bind": "127.0.0.1:0"}],
        "cluster": {"ca_file": str(ca_file), "nodes": nodes, **(cluster or {})},
        # So that a test which leaves a session open does not hold up the others.
        "drain": {"timeout": "2s"},
        "log": {"level": "debug", "format": "json"},
        **sections,
    }


@contextlib.contextmanager
def started_with(decoy, settings, *flags):
    """A roachpin that started while a good node was there, which is gone now: the nodes of
    `settings` need not be good. `decoy` is a certificate of their CA for NODE."""
    with FakeCockroach(decoy) as good:
        settings["cluster"]["nodes"].append(node(NODE, good.port, tier=9))
        settings["start"] = "wait"
        proxy = Roachpin(settings, *flags)
        with proxy:
            proxy.wait_event("address_admitted", address=f"127.0.0.1:{good.port}")
            good.__exit__(None, None, None)
            yield proxy


class Roachpin:
    """`roachpin run`. As a context manager it ends with a drain, which must be clean."""

    def __init__(self, settings, *flags, under=(), **popen):
        """`under`: a program that becomes it, with arguments of its own (harness/strace.py)."""
        self._directory = tempfile.TemporaryDirectory(prefix="roachpin-run-")
        self.settings = settings
        self.config_file = Path(self._directory.name) / "roachpin.yaml"
        self.config_file.write_text(yaml.safe_dump(settings, sort_keys=False))
        self.process = Process(
            [*under, BINARY, "run", "-c", self.config_file, *flags], **popen
        )

    def __enter__(self):
        try:
            self.wait_event("started")
        except AssertionError:
            self.process.kill()
            self.discard()
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:  # the test has failed already: end it, and show what it said
            self.process.kill()
            print(f"--- roachpin's configuration\n{yaml.safe_dump(self.settings)}"
                  f"--- roachpin said\n{self.process.output}")
        elif self.process.exit_code is None:
            assert self.stop() == 0, self.process.output
        self.discard()

    def reconfigure(self, text_or_settings):
        """Replaces its configuration file at one stroke; what comes of it is in the log."""
        text = text_or_settings
        if not isinstance(text, str):
            text = yaml.safe_dump(text, sort_keys=False)
        replace(self.config_file, text)

    def discard(self):
        """Removes its configuration; for a process that has ended."""
        self._directory.cleanup()

    @property
    def listeners(self):
        """The bound addresses, in the order of the configuration."""
        count = len(self.settings["listeners"])
        self.wait_event("listening", count=count)
        return [event["listener"] for event in self.events("listening")]

    @property
    def port(self):
        """The port of the first TCP listener."""
        bound = next(text for text in self.listeners if not text.startswith("unix:"))
        return int(bound.rsplit(":", 1)[1])

    @property
    def admin(self):
        """Where the admin server listens: "127.0.0.1:40123"."""
        return self.wait_event("admin_listening")["address"]

    def get(self, target, **headers):
        """What the admin server answers: its status, its headers, its text."""
        connection = http.client.HTTPConnection(self.admin, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    @property
    def rss(self):
        """Resident bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self):
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def events(self, name=None, **fields):
        """What has been logged so far, oldest first."""
        return select(self.process.lines, name, fields)

    def wait_event(self, name, within=PATIENCE, count=1, **fields):
        """The `count`-th event of that name with these fields; waits for it where need be."""

        def find(lines):
            found = select(lines, name, fields)
            return found[count - 1] if len(found) >= count else None

        return self.process.wait_for(f"no event {name} {fields} (number {count})", find, within)

    @contextlib.contextmanager
    def expecting(self, name, within=PATIENCE, **fields):
        """Waits, at the end of the block, for such an event that came after its beginning."""
        before = len(self.events(name, **fields))
        yield
        self.wait_event(name, within, before + 1, **fields)

    def stop(self, signal_number=signal.SIGTERM, within=PATIENCE):
        """Asks it to end and returns its exit code; nothing may be left of it."""
        self.process.send(signal_number)
        return self.wait(within)

    def wait(self, within=PATIENCE):
        """Its exit code, when it has ended by itself; nothing may be left of it."""
        code = self.process.wait(within)
        self._assert_nothing_leaked()
        return code

    def _assert_nothing_leaked(self):
        output = self.process.output
        assert not SANITIZER.search(output), output
        assert not self.events("internal_error"), output
        opened = sorted(event["connection"] for event in self.events("session_established"))
        ended = sorted(event["connection"] for event in self.events("session_ended"))
        assert opened == ended, f"sessions opened {opened}, ended {ended}\n{output}"
        for listener in self.settings["listeners"]:
            kind, _, path = listener["bind"].partition(":")
            assert kind != "unix" or not Path(path).exists(), f"{path} is left behind"


def replace(path, text):
    """As careful programs do: whoever reads finds the old file or the new one."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    beside.rename(path)


def refused_start(settings, *flags, **popen):
    """The exit code and the words of a roachpin that does not start with these settings."""
    proxy = Roachpin(settings, *flags, **popen)
    try:
        code = proxy.process.wait()
    finally:
        proxy.process.kill()  # nothing, where it has ended
        proxy.discard()
    return code, proxy.process.output


TEXT_LINE = re.compile(r"(?P<time>\S+Z) (?P<level>\w+) (?P<event>\w+) (?P<fields>.*)")
TEXT_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_line(line):
    """A log line as its fields, from either format; None for what is no log line."""
    if line.startswith("{"):
        return json.loads(line)
    text = TEXT_LINE.fullmatch(line)
    if text is None:
        return None
    head = text.groupdict()
    fields = {name: value.strip('"') for name, value in TEXT_FIELD.findall(head.pop("fields"))}
    return head | fields


def select(lines, name, fields):
    """The log lines which are events of that name (any, where None) with these fields."""
    candidates = [line for line in list(lines) if name is None or name in line]
    events = filter(None, map(parse_line, candidates))
    return [event for event in events
            if name in (None, event.get("event"))
            and all(event.get(field) == value for field, value in fields.items())]
