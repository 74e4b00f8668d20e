"""Certificates: the honest ones by scripts/gen-certs, the others by make_certs."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

GEN_CERTS = Path(__file__).parents[3] / "scripts" / "gen-certs"

TOOLS = Path(os.environ.get(
    "ROACHPIN_TEST_BIN_DIR", Path(__file__).parents[3] / "build" / "release" / "tests" / "support"))
"""Where the test programs are, in C++ from tests/support."""

NODE = "crdb-0.crdb.internal"
"""The name of the node in these tests; its addresses are pinned, so nobody has to resolve it."""


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path


class Pki:
    """An authority as `cockroach cert create-ca` makes it, and what it signed: like a real
    cluster's, the node's certificate carries localhost too."""

    def __init__(self, directory, hosts=(NODE, "localhost", "127.0.0.1", "::1")):
        self.directory = Path(directory)
        names = [word for host in hosts for word in ("--host", host)]
        subprocess.run([GEN_CERTS, self.directory, *names], check=True, capture_output=True)
        self.ca = self.directory / "ca.crt"
        self.node = self._certificate("node")

    def client(self, user):
        """A client certificate for a user."""
        if not (self.directory / f"client.{user}.crt").exists():
            subprocess.run(
                [GEN_CERTS, self.directory, "--ca", self.directory, "--client", user],
                check=True, capture_output=True)
        return self._certificate(f"client.{user}")

    def _certificate(self, name):
        return Certificate(self.directory / f"{name}.crt", self.directory / f"{name}.key")


class Rogues:
    """Every certificate that has to be refused, by its name, and the good ones beside them; see
    make_certs --help."""

    def __init__(self, directory):
        self.directory = Path(directory)
        subprocess.run(
            [TOOLS / "make_certs", self.directory, "--host", NODE, "--ip", "127.0.0.1"],
            check=True)
        self.pins = json.loads((self.directory / "pins.json").read_text())

    def __getitem__(self, name):
        return Certificate(self.directory / f"{name}.crt", self.directory / f"{name}.key")

    def file(self, name):
        """A file of the folder, as a configuration names it."""
        return str(self.directory / name)
