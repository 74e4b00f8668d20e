"""psql, as an operator uses it."""

import os
import signal
import subprocess
import tempfile

from .postgres import DATABASE, PASSWORD, USER
from .waiting import PATIENCE


def environment(home):
    """Nothing of the tester's own PostgreSQL settings, and plain English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "HOME": home, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "15"}


def arguments(command, options):
    options = {"user": USER, "dbname": DATABASE, **options}
    dsn = " ".join(f"{name}='{value}'" for name, value in options.items())
    return ["psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", command, dsn]


def psql(command, **options):
    """Runs one command over a connection with libpq's `options`."""
    with tempfile.TemporaryDirectory(prefix="roachpin-psql-") as home:
        return subprocess.run(
            arguments(command, options), env=environment(home), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60)


class InterruptedPsql:
    """A psql at work, for Ctrl-C."""

    def __init__(self, command, **options):
        self._home = tempfile.TemporaryDirectory(prefix="roachpin-psql-")
        self._popen = subprocess.Popen(
            arguments(command, options), env=environment(self._home.name),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.communicate()
        self._home.cleanup()

    def interrupt(self):
        """Ctrl-C, and what psql said until it ended."""
        self._popen.send_signal(signal.SIGINT)
        _, said = self._popen.communicate(timeout=PATIENCE)
        return self._popen.returncode, said
