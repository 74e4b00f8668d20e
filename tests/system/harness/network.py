"""A network of the test's own: addresses that are nobody's elsewhere, and ports that nobody has."""

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def private_network(*addresses):
    """This thread, and the threads and programs that it starts, are alone on a machine that has
    these addresses. What runs already stays where it is."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    call("unshare", CLONE_NEWNET)
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for address in addresses:
            subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
        # As Docker has it for containers: port 53 takes no privilege.
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")
        yield
    finally:
        call("setns", before, CLONE_NEWNET)
        os.close(before)
