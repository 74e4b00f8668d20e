"""What a sanitizer finds in the programs under test."""

import os
import tempfile
from pathlib import Path


class Reports:
    """Every program started from here on writes what its sanitizers find into a folder: whoever
    started it, and whether or not the test looked at how it ended. In a build without sanitizers
    nobody listens. What is started with an environment made from nothing says it on stderr."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="roachpin-sanitizers-")
        os.chmod(self._folder.name, 0o1777)  # some programs run as another user
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            # The last word counts. No test expects a program to end with this code.
            os.environ[name] = (f"{os.environ.get(name, '')}:log_path={self._folder.name}/report"
                                ":exitcode=86")

    def close(self):
        """All that was reported."""
        with self._folder as folder:
            return "\n".join(file.read_text("utf-8", "backslashreplace")
                             for file in sorted(Path(folder).iterdir()))
