"""What a program asks of the kernel."""

import os
import re

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
