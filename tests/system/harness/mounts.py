"""File systems of the test's own: small ones, and such that cannot be written."""

import contextlib
import os
import subprocess

from .network import back_again, call

CLONE_NEWNS = 0x20000


@contextlib.contextmanager
def private_mounts():
    """What this thread, and the threads and programs that it starts, mount is seen by them alone and
    is gone with the last of them."""
    here = os.getcwd()
    try:
        with back_again("mnt", CLONE_NEWNS):
            call("unshare", CLONE_NEWNS)
            mount("--make-rprivate", "/")
            yield
    finally:
        os.chdir(here)


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


class SmallDisk:
    """A folder on a disk of its own, of so many KiB."""

    def __init__(self, folder, size=256):
        folder.mkdir()
        mount("-t", "tmpfs", "-o", f"size={size}k", "roachpin-small", folder)
        self.folder, self._filler = folder, folder / "filler"

    def fill(self):
        """To the last octet."""
        with open(self._filler, "ab", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 4096)
        assert os.statvfs(self.folder).f_bfree == 0

    def make_room(self):
        self._filler.unlink()

    def set_read_only(self, read_only=True):
        mount("-o", "remount,ro" if read_only else "remount,rw", self.folder)
