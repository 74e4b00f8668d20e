"""The container image, built from docker/Dockerfile by buildah. Its base is made here: a minimal Debian
under the name that the Dockerfile asks for, so that no registry is needed. It, and the layer with the
compiler, are kept for a week in the user's cache folder; the program is compiled each time, by
ccache."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .project import ROOT

BASE = "docker.io/library/debian:bookworm-slim"
NAME = "localhost/roachpin:test"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "roachpin" / "image-test"
RUN = "/run/roachpin-image-test"  # what is mounted; forgotten at a reboot, as mounts are
WEEK = 7 * 24 * 3600

# As in the image of that name: no documents but the licences.
SLIM = ["path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
        "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*"]


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return done.stdout.strip()


def debian_sources():
    """Where this machine gets its own Debian packages."""
    ask = ["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
           "Created-By: Packages", "Origin: Debian"]
    if not run(*ask):
        run("apt-get", "update")  # says whose they are
    return sorted(set(run(*ask).splitlines()))


class Image:
    """Built on making; `folder` is for what is exported of it."""

    def __init__(self, folder):
        self.folder = folder
        CACHE.mkdir(parents=True, exist_ok=True)
        with open(CACHE / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._forget_what_is_old()
            self._buildah("rm", "--all")  # of a build that was cut off
            if self._buildah("images", "--quiet", "--filter", f"reference={BASE}") == "":
                self._make_base()
            self._build()
            self.config = json.loads(self._buildah("inspect", "--type", "image", NAME))["Docker"]
            self.root = self._export()
            self._buildah("rmi", "--prune", "--force")  # layers that no name leads to

    def _buildah(self, *words):
        # Layers on overlayfs, which CACHE must not be on itself: vfs copies each of them whole, and
        # takes many minutes.
        return run("buildah", "--root", CACHE / "store", "--runroot", RUN,
                   "--storage-driver", "overlay", *words, env={**os.environ, "TMPDIR": "/var/tmp"})

    def _forget_what_is_old(self):
        made = CACHE / "made"
        if made.exists() and time.time() - made.stat().st_mtime < WEEK:
            return
        if (CACHE / "store").exists():
            self._buildah("rmi", "--all", "--force")
            shutil.rmtree(CACHE / "store")
        made.touch()

    def _make_base(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            tar = Path(folder) / "debian.tar"
            run("mmdebstrap", "--variant=minbase", *(f"--dpkgopt={line}" for line in SLIM),
                "bookworm", tar, *debian_sources())
            with self._container("scratch") as container:
                self._buildah("add", "--quiet", container, tar, "/")
                self._buildah("config", "--cmd", "bash", container)
                self._buildah("commit", "--quiet", "--format", "docker", container, BASE)

    def _build(self):
        # What the compiler made for the project itself serves here too: it is the same compiler.
        ccache = run("ccache", "--get-config", "cache_dir")
        Path(ccache).mkdir(parents=True, exist_ok=True)
        for target in (["--target", "packages", "--tag", "localhost/roachpin:packages"],
                       ["--tag", NAME]):
            self._buildah("build", "--isolation", "chroot", "--format", "docker", "--pull-never",
                          "--layers", "--volume", f"{ccache}:/root/.cache/ccache",
                          "--build-arg", "VERSION=1.2.3-test",
                          "--file", ROOT / "docker/Dockerfile", *target, ROOT)

    def _export(self):
        root = self.folder / "root"
        with self._container(NAME) as container:
            run("cp", "--archive", self._buildah("mount", container), root)
            self._buildah("umount", container)
        return root

    @contextlib.contextmanager
    def _container(self, image):
        container = self._buildah("from", "--pull-never", image)
        try:
            yield container
        finally:
            self._buildah("rm", container)
