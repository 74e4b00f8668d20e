"""A zone signed by the test itself, with ldns's tools, and what attackers and time do to it."""

import re
import subprocess
from pathlib import Path

from .dns_servers import zone_file

PAST = "20200101", "20200201"
"""From when to when signatures held that hold no more."""


class SignedZone:
    def __init__(self, directory, zone):
        self.directory = Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.zone = zone
        self._keys = [self._make_key("-k"), self._make_key()]
        self.anchor_file = self.directory / f"{self._keys[0]}.ds"

    def signed(self, *records, held=None):
        """The zone file's text. `held`: from when to when its signatures hold, where not now."""
        file = self.directory / "zone"
        file.write_text(zone_file(self.zone, records))
        dates = ["-i", held[0], "-e", held[1]] if held else []
        self._run("ldns-signzone", *dates, "-f", "signed", "zone", *self._keys)
        return (self.directory / "signed").read_text()

    def _make_key(self, *flags):
        made = self._run("ldns-keygen", *flags, "-a", "ECDSAP256SHA256", self.zone)
        return made.stdout.strip()

    def _run(self, *argv):
        done = subprocess.run(argv, cwd=self.directory, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done


def without_signatures(text, kind):
    """The same without those of one type."""
    return re.sub(rf"^.*\sRRSIG\s+{kind}\s.*\n", "", text, flags=re.MULTILINE)
