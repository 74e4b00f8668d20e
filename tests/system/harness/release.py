"""What scripts/package makes of this tree, as it is, committed or not."""

import os
import shutil
import subprocess
from pathlib import Path

from .project import ROOT
from .roachpin import BINARY

TREE = ["CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "config", "proxy",
        "scripts", "tests"]
MOMENT = "1750000000 +0000"


def checkout(directory):
    """A copy of the tree with a history of its own: one commit, the same for the same tree."""
    directory.mkdir(parents=True)
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("node_modules", "__pycache__", "build")
            shutil.copytree(source, directory / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, directory / name)
    git(directory, "init", "--quiet")
    commit(directory)
    return directory


def commit(directory):
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message=as it is")


def git(directory, *words):
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
           (("NAME", "test"), ("EMAIL", "test@localhost"), ("DATE", MOMENT))}
    home = {"HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1"}  # nothing of the tester's own
    subprocess.run(["git", *words], cwd=directory, env={**os.environ, **who, **home}, check=True,
                   stdin=subprocess.DEVNULL)


def package(tree, output, *options, umask=-1, **environment):
    """The released files, by their kind."""
    done = subprocess.run(
        [tree / "scripts" / "package", "--program", BINARY, "--output", output, *options],
        capture_output=True, text=True, check=False, umask=umask, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return Release([Path(line) for line in done.stdout.splitlines()])


class Release:
    def __init__(self, files):
        self.files = files
        named = {"".join(file.suffixes[-2:]): file for file in files}
        self.source = named[".tar.gz"]
        self.bill = named[".cdx.json"]
        self.deb = next(file for file in files if file.suffix == ".deb")
        self.sums = next(file for file in files if file.name == "SHA256SUMS")

    def control(self, field):
        """A field of the Debian package."""
        return subprocess.run(["dpkg-deb", "--field", self.deb, field], check=True,
                              capture_output=True, text=True).stdout.strip()

    @property
    def depends(self):
        """The packages it needs, without their versions."""
        return [one.split()[0] for one in self.control("Depends").split(", ")]
