"""What the figures were taken on, and with which programs."""

import os
import platform
import subprocess
from datetime import date
from pathlib import Path

from harness.postgres import binaries

PACKAGES = ("haproxy", "stunnel4", "pgbouncer", "libpq5", "libssl3")


def facts(program):
    return {
        "day": date.today().isoformat(),
        "machine": f"{os.cpu_count()} × {processor()}, {memory_gib()} GiB,"
                   f" Linux {platform.release()}",
        "programs": [first_line(program, "version"),
                     *map(package, PACKAGES),
                     first_line(binaries() / "postgres", "--version")],
    }


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory_gib():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def package(name):
    """As Debian calls it; elsewhere nobody knows."""
    try:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name],
                              capture_output=True, text=True)
    except FileNotFoundError:
        return f"{name} ?"
    return f"{name} {done.stdout or '?'}"


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
