"""A network of the test's own: addresses that are nobody's elsewhere, and ports that nobody has."""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import re
import select
import struct
import subprocess
import threading
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000  # linux/if_tun.h
_numbers = itertools.count()
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def back_again(kind, flag):
    """Whichever namespace of that kind (clone(2)'s flag) this thread moves to, it returns."""
    before = os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        call("setns", before, flag)
        os.close(before)


@contextlib.contextmanager
def private_network(*addresses):
    """This thread, and the threads and programs that it starts, are alone on a machine that has
    these addresses. What runs already stays where it is."""
    with back_again("net", CLONE_NEWNET):
        call("unshare", CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in addresses:
            subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
        # As Docker has it for containers: port 53 takes no privilege.
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
        yield


class Machine:
    """One of several, each with a network of its own. What is done `inside` happens there: programs
    started, sockets opened by this thread. It is gone with the last of its programs and threads."""

    def __init__(self):
        with back_again("net", CLONE_NEWNET):
            call("unshare", CLONE_NEWNET)
            self._network = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            self.run("ip", "link", "set", "lo", "up")

    def close(self):
        os.close(self._network)

    @contextlib.contextmanager
    def inside(self):
        with back_again("net", CLONE_NEWNET):
            call("setns", self._network, CLONE_NEWNET)
            yield self

    @staticmethod
    def run(*argv, **options):
        """A program, where this thread is."""
        return subprocess.run(argv, check=True, capture_output=True, text=True, **options)

    @property
    def name(self):
        """For `ip link set netns`."""
        return f"/proc/{os.getpid()}/fd/{self._network}"

    def rules(self, text):
        """nft's rules of this machine's one chain for what comes in; "" for none. What was said
        before is forgotten."""
        with self.inside():
            self.run("nft", "-f", "-", input=(
                "table inet roachpin {}\ndelete table inet roachpin\ntable inet roachpin {\n"
                f"chain in {{ type filter hook input priority 0;\n{text}\n}}\n}}\n"))

    def dropped(self):
        """How many packets the rules have dropped, where they count."""
        with self.inside():
            said = self.run("nft", "list", "table", "inet", "roachpin").stdout
        return sum(map(int, re.findall(r"packets (\d+)", said)))


def cable(one, its_address, other, others_address):
    """A pair of veth between two machines; addresses with their prefix, several where listed."""
    name = f"w{os.getpid()}{next(_numbers)}"
    with one.inside():
        one.run("ip", "link", "add", name + "a", "type", "veth", "peer", "name", name + "b",
                "netns", other.name)
    _set_up(one, name + "a", its_address)
    _set_up(other, name + "b", others_address)


def _set_up(machine, device, addresses):
    with machine.inside():
        for address in [addresses] if isinstance(addresses, str) else addresses:
            machine.run("ip", "address", "add", address, "dev", device)
        machine.run("ip", "link", "set", device, "up")


class SlowCable:
    """The same, through this process: two TUN devices, and a packet of one comes out of the other
    `delay` seconds later, some of them (`late`: which part) later still, behind their followers. A
    context manager."""

    MTU = 1500

    def __init__(self, one, its_address, other, others_address, delay, late=0.0):
        self._delay, self._late = delay, late
        self.carried = self.reordered = 0
        self._devices = [self._tun(one, its_address), self._tun(other, others_address)]
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._carry)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        os.close(self._wake[1])
        self._thread.join()
        for one in (*self._devices, self._wake[0]):
            os.close(one)

    def _tun(self, machine, address):
        name = f"t{os.getpid()}{next(_numbers)}"
        with machine.inside():
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            machine.run("ip", "address", "add", address, "dev", name)
            machine.run("ip", "link", "set", name, "mtu", str(self.MTU), "txqueuelen", "5000", "up")
        return device

    def _carry(self):
        waiting, number = [], itertools.count()
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, to, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # its machine's queue is full: lost, as in life
                    os.write(to, packet)
            patience = max(0, waiting[0][0] - now) if waiting else None
            ready, _, _ = select.select([*self._devices, self._wake[0]], [], [], patience)
            if self._wake[0] in ready:
                return
            for device in ready:
                to = self._devices[1 - self._devices.index(device)]
                with contextlib.suppress(BlockingIOError):
                    while True:
                        packet = os.read(device, 65536)
                        late = random.random() < self._late
                        self.carried, self.reordered = self.carried + 1, self.reordered + late
                        when = time.monotonic() + self._delay * (1.5 if late else 1)
                        heapq.heappush(waiting, (when, next(number), to, packet))
