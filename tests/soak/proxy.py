"""roachpin, one process after the other at the same ports, and what each of them says."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections import Counter, OrderedDict, deque
from datetime import datetime
from pathlib import Path

import yaml
from harness.control import post
from harness.dns_servers import free_port
from harness.roachpin import replace
from judge import End, Sample

from cluster import COUNT, PATIENCE, home, host

NODE_STATE = re.compile(r'^roachpin_node_state\{(?=.*address="([^"]+)")(?=.*state="([^"]+)").*\} 1$',
                        re.MULTILINE)
SESSIONS = re.compile(r"^roachpin_connections_active (\d+)", re.MULTILINE)
MOST_KEPT = 20_000
DRAIN = {"delay": "2s", "timeout": "15s"}
DRAIN_SECONDS = 15
PAGE = os.sysconf("SC_PAGE_SIZE") // 1024


class Log:
    """What all processes say: counted, and kept as far as somebody may ask."""

    def __init__(self, clock, cluster, explained):
        self._clock, self._cluster, self._explained = clock, cluster, explained
        self._lock = threading.Lock()
        self._waiting = []
        self._ends = OrderedDict()  # application_name → how its sessions ended
        self.events, self.refused, self.ended = Counter(), Counter(), Counter()
        self.unexplained, self.last = [], deque(maxlen=200)

    def read(self, process, stream):
        for line in stream:
            self._take(process, line.decode("utf-8", "backslashreplace").rstrip("\n"))

    def _take(self, process, line):
        try:
            event = {**json.loads(line), "process": process}
            name, level = event["event"], event["level"]
        except (ValueError, KeyError, TypeError):
            self._complain(line)
            return
        with self._lock:
            self.events[name] += 1
            if name == "session_ended":
                self._note_end(event)
            elif name == "client_refused":
                self.refused[event["reason"]] += 1
            if name not in ("session_established", "session_ended"):
                self.last.append(line)
            for waiting in self._waiting:
                waiting.see(name, event)
        if level not in ("debug", "info", "warning") and not self._explained(event):
            self._complain(line)
        if name == "client_refused" and event.get("application_name", "").startswith("soak-"):
            self._complain(line)

    def _complain(self, line):
        if len(self.unexplained) < 200:
            self.unexplained.append(line)

    def _note_end(self, event):
        reason, session = event["reason"], event.get("application_name", "")
        self.ended[reason] += 1
        # When it was said, not when it was read: that may be much later on a busy machine.
        ago = time.time() - datetime.fromisoformat(event["time"]).timestamp()
        end = End(reason, self._cluster.index(event.get("address")), self._clock() - ago)
        self._ends.setdefault(session, []).append(end)
        while len(self._ends) > MOST_KEPT:
            self._ends.popitem(last=False)

    def ends(self, session):
        with self._lock:
            return list(self._ends.get(session, ()))

    @contextlib.contextmanager
    def expecting(self, *names, within=PATIENCE, **fields):
        """Waits, at the end of the block, for one of these that came after its beginning."""
        waiting = Waiting(names, fields)
        with self._lock:
            self._waiting.append(waiting)
        try:
            yield waiting
            if not waiting.come.wait(within):
                raise AssertionError(f"no event {names} {fields} within {within:g} s; it said:\n" +
                                     "\n".join([*self.unexplained[-20:], *list(self.last)[-20:]]))
        finally:
            with self._lock:
                self._waiting.remove(waiting)


class Waiting:
    def __init__(self, names, fields):
        self.names, self.fields, self.come, self.event = names, fields, threading.Event(), None

    def see(self, name, event):
        if name in self.names and all(event.get(key) == value for key, value in self.fields.items()):
            self.event = self.event or event
            self.come.set()


class Process:
    """One roachpin."""

    def __init__(self, number, program, directory, log, settings):
        self.number, self._log = number, log
        directory.mkdir()
        self.config = directory / "roachpin.yaml"
        self.control = directory / "control.sock"
        self.socket_directory = str(directory)
        self._write(settings)
        with log.expecting("admin_listening", process=number) as admin, \
                log.expecting("started", process=number):
            self._popen = subprocess.Popen(
                [program, "run", "-c", self.config], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self._reader = threading.Thread(
                target=log.read, args=[number, self._popen.stderr], daemon=True)
            self._reader.start()
        self.admin = admin.event["address"]
        self.pid = self._popen.pid

    def _write(self, settings):
        if not isinstance(settings, str):
            socket = {"bind": f"unix:{self.socket_directory}/.s.PGSQL.26257"}
            settings = yaml.safe_dump({
                **settings, "listeners": [*settings["listeners"], socket],
                "admin": {"bind": "127.0.0.1:0", "control": f"unix:{self.control}"}})
        replace(self.config, settings)

    def reload(self, settings, expected="reloaded"):
        """Once they are in force, or refused. That the file changed is enough."""
        with self._log.expecting(expected, process=self.number):
            self._write(settings)

    def ask_to_reload(self, how):
        with self._log.expecting("reloaded", process=self.number):
            if how == "SIGHUP":
                self._popen.send_signal(signal.SIGHUP)
            else:
                post(self.control, "/reload")

    def states(self, addresses):
        """In which these are; an address that it does not know has none."""
        found = NODE_STATE.findall(self.get("/metrics"))
        return {state for address, state in found if address in addresses}

    def sample(self, at):
        """None when it has ended."""
        try:
            rss = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE
            descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
            threads = len(os.listdir(f"/proc/{self.pid}/task"))
            found = SESSIONS.search(self.get("/metrics"))
            return Sample(at, rss, descriptors, threads, int(found.group(1)))
        except OSError:
            return None

    def get(self, target):
        with urllib.request.urlopen(f"http://{self.admin}{target}", timeout=PATIENCE) as answer:
            return answer.read().decode()

    def drain(self):
        self._popen.send_signal(signal.SIGTERM)

    def wait(self, within):
        """Its exit code; the end of the drain has to come by itself."""
        try:
            code = self._popen.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            return "nothing: it had to be killed"
        self._reader.join(PATIENCE)
        return code

    def kill(self):
        self._popen.kill()
        self._popen.wait()
        self._reader.join(PATIENCE)

    @property
    def exit_code(self):
        return self._popen.poll()


class Proxy:
    """The one that serves, and those before it."""

    def __init__(self, program, directory, cluster, log, run):
        self._program, self._directory, self._cluster = program, directory, cluster
        self.log, self._run = log, run
        self.plain, self.tls, self.extra = free_port(), free_port(), free_port()
        self.options = {}
        self.config_lock = threading.Lock()
        """One change of the configuration at a time: else one reload may take two of them."""
        self.current = None
        self._draining = []
        self._number = 0
        self.era = 0
        """A time in which there is one process; None where there are two."""
        self.start()

    def settings(self):
        options = self.options
        listeners = [{"bind": f"127.0.0.1:{self.plain}"},
                     {"bind": f"127.0.0.1:{self.tls}", "tls": {"auto": True}}]
        if options.get("extra"):
            listeners.append({"bind": f"127.0.0.1:{self.extra}", "max_connections": 100})
        nodes = [{"host": host(index), "port": self._cluster.nodes[index].port,
                  "allow": [home(index).rpartition(".")[0] + ".0/24"]} for index in range(COUNT)]
        tcp, udp = self._cluster.servers
        return {
            "listeners": listeners,
            "cluster": {"ca_file": str(self._cluster.bundle), "nodes": nodes},
            "resolver": {"servers": [tcp.tcp, udp.udp], "timeout": "500ms", "refresh_min": "500ms",
                         "refresh_max": options.get("refresh_max", "1s"), "removal_hold": "4s"},
            "balance": options.get("balance", "least_connections"),
            "health": {"interval": options.get("interval", "3s"), "timeout": "3s", "fall": 2,
                       "http": {"enabled": True, "port": self._cluster.health_port}},
            "spares": {"per_node": options.get("spares", 2), "max_age": "10s"},
            "timeouts": {"client_opening": "4s", "dial": "5s", "establish": "30s"},
            "lifetime": {"max": options.get("lifetime", "0s")},
            "drain": DRAIN,
            "log": {"level": "info", "format": "json"},
            "workers": 2,
        }

    def change(self, **options):
        with self.config_lock:
            self.options.update(options)
            self.current.reload(self.settings())

    def start(self):
        self._number += 1
        directory = self._directory / f"roachpin-{self._number}"
        made = Process(self._number, self._program, directory, self.log, self.settings())
        self._run.samples[made.number] = []
        self.current = made

    def begin_take_over(self):
        """A new process beside the old one, which is returned."""
        old = self.current
        self._last_era, self.era = self.era, None
        self._draining.append(old)
        with self.config_lock:
            with self.log.expecting("session_established", process=self._number + 1):
                self.start()
        return old

    def end_take_over(self, old):
        old.drain()
        self._run.exits[old.number] = old.wait(DRAIN_SECONDS + PATIENCE)
        self._draining.remove(old)
        self.era = self._last_era + 1

    def stop(self):
        self.current.drain()
        self._run.exits[self.current.number] = self.current.wait(DRAIN_SECONDS + PATIENCE)

    def kill(self):
        """Where the soak itself has failed."""
        for one in [self.current, *self._draining]:
            if one and one.exit_code is None:
                one.kill()
