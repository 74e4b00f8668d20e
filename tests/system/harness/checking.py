"""`roachpin check`, run on a configuration of the test's own."""

import json
import os
import subprocess

import yaml

from .roachpin import BINARY, SANITIZER

CLEAN, FINDINGS, USAGE, UNFINISHED = 0, 1, 2, 3


class Checked:
    """One run of it."""

    def __init__(self, done):
        assert not SANITIZER.search(done.stderr), done.stderr
        self.code, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr

    @property
    def report(self):
        assert self.stdout, self.stderr
        return json.loads(self.stdout)

    @property
    def ids(self):
        return {finding["id"] for finding in self.report["findings"]}

    def finding(self, name):
        found = [one for one in self.report["findings"] if one["id"] == name]
        assert found, f"no {name}: {self.stdout}"
        return found[0]


class Checker:
    """A folder with a configuration."""

    def __init__(self, directory):
        self.file = directory / "roachpin.yaml"

    def configure(self, settings):
        # No port 0: what a check says of listeners is about the ports they will have.
        self.file.write_text(yaml.safe_dump(
            {**settings, "listeners": [{"bind": "127.0.0.1:26257"}],
             "timeouts": {"dial": "1s"}, "admin": {"bind": None}}, sort_keys=False))
        return self

    def check(self, *flags, **environment):
        return Checked(subprocess.run(
            [BINARY, "check", "-c", self.file, *map(str, flags)], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, **environment}))

    def json(self, *flags):
        return self.check("--format", "json", *flags)
