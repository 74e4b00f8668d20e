"""What a program asks of the kernel."""

import os
import re
import signal

import pytest

from .process import Process
from .waiting import until

OPENED = re.compile(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)"')
CONNECTED = re.compile(r"(?:connect|sendto|sendmsg)\(.*?sa_family=(\w+)(.*)")
UNSEARCHED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
"""Environment of a program under strace: LeakSanitizer is a tracer itself, and there can be one."""
WHERE = re.compile(r'port=htons\((\d+)\).*?"([0-9a-fA-F.:]+)"')


class Strace:
    """`Roachpin(settings, under=trace.under)`, and then what it opened and whom it sent to. With -D
    the tracer stands aside: signals reach the program itself."""

    def __init__(self, directory):
        self._file = directory / "strace.out"
        self.under = ["strace", "-D", "-f", "-s", "200", "-o", self._file, "-e",
                      "trace=open,openat,connect,sendto,sendmsg"]

    def wait_ended(self):
        """The tracer writes on for a moment after the program has ended."""
        until("strace ends", lambda: "exited with" in self._file.read_text().splitlines()[-1])
        return self

    @property
    def opened(self):
        """Paths of files, found or not."""
        return OPENED.findall(self._file.read_text())

    @property
    def addressed(self):
        """Every address that it connected or sent a datagram to, unix sockets among them."""
        seen = set()
        for family, rest in CONNECTED.findall(self._file.read_text()):
            where = WHERE.search(rest)
            if family != "AF_NETLINK":  # the kernel itself
                seen.add(f"{where[2]}:{where[1]}" if where else family + rest)
        return seen


class Failing:
    """The kernel's calls fail as told, in a program that runs: `inject` are strace's own words, as
    "accept4:error=EMFILE". `path`: only calls on this file. The end of the block ends it. Strace is
    the program's tracer meanwhile: there can be one."""

    def __init__(self, pid, *inject, path=None):
        self._pid = pid
        calls = ",".join(one.partition(":")[0] for one in inject)
        only = ["-P", str(path)] if path else []
        self._argv = ["strace", "-f", "-s", "0", "-e", "signal=SIGSTOP", "-e", f"trace={calls}", *only,
                      *(word for one in inject for word in ("-e", f"inject={one}")), "-p", str(pid)]

    def __enter__(self):
        self._process = Process(self._argv)
        try:
            self._process.wait_line("attached")
        except AssertionError:
            self._process.kill()
            if "Operation not permitted" in self._process.output and not os.environ.get("CI"):
                pytest.skip("nobody may be traced here (ptrace_scope, or a sandbox)")
            raise
        return self

    def __exit__(self, *error):
        # Strace has put ENOSYS in place of a call, and the error in place of that when it ends: who is
        # let go of in between sees ENOSYS. A thread that stands still is in no call.
        os.kill(self._pid, signal.SIGSTOP)
        try:
            threads = len(os.listdir(f"/proc/{self._pid}/task"))
            self._process.wait_for("no stop", lambda lines: sum(
                "stopped by SIGSTOP" in line for line in lines) >= threads)
            self._process.send(signal.SIGINT)  # it lets go
            self._process.wait()
        finally:
            os.kill(self._pid, signal.SIGCONT)

    @property
    def count(self):
        """How many calls failed so."""
        return self._process.output.count("(INJECTED)")

    def wait(self, count=1, call=""):
        """Once so many have; of one call, where it is named."""
        self._process.wait_for(f"{count} injected {call}", lambda lines: sum(
            "(INJECTED)" in line and call in line for line in lines) >= count)
