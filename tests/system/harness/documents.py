"""The project's own documents: what they link to, and the commands they tell people to type."""

import itertools
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .process import Process
from .project import ROOT
from .roachpin import BINARY

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.M | re.S)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)|^\[[^\]\n]+\]: *(\S+)", re.M)
SPAN = re.compile(r"`([^`\n]+)`")
SHELL = {"sh", "bash", "shell", "console"}


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    heading: str
    """The nearest one above it."""
    language: str
    text: str

    @property
    def commands(self):
        """What is typed, one by one: a line that ends with \\ goes on in the next."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        lines = (line.strip().removeprefix("$ ") for line in joined.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


class Document:
    """One file of Markdown; `path` is relative to the project's folder."""

    def __init__(self, path):
        self.path = str(path)
        self.text = (ROOT / path).read_text()

    @property
    def blocks(self):
        found = []
        for match in FENCE.finditer(self.text):
            above = [heading.group(1) for heading in HEADING.finditer(self._prose(match.start()))]
            found.append(Block(above[-1] if above else "", match["language"], match["text"]))
        return found

    @property
    def shell(self):
        """The blocks of commands."""
        return [block for block in self.blocks if block.language in SHELL]

    @property
    def links(self):
        prose = SPAN.sub("", self._prose())
        return [one or other for one, other in LINK.findall(prose)]

    @property
    def spans(self):
        """What is set as code within sentences."""
        return SPAN.findall(self._prose())

    @property
    def anchors(self):
        """What GitHub makes of the headings."""
        seen, found = {}, set()
        for heading in HEADING.findall(self._prose()):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = seen[slug] = seen.get(slug, -1) + 1
            found.add(f"{slug}-{count}" if count else slug)
        return found

    def _prose(self, end=None):
        """Without what is fenced."""
        return FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), self.text[:end])


def documents():
    """All that belong to the project."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in ("node_modules", "build", ".git", ".cache", ".pytest_cache")]
        found += [Path(folder, name).relative_to(ROOT) for name in files if name.endswith(".md")]
    return [Document(path) for path in sorted(found)]


class Walk:
    """Somebody who follows a section of a document and types its commands, in their order. `places`:
    what the document calls them, and what they are here."""

    def __init__(self, document, heading, directory, places=()):
        blocks = [one for one in Document(document).shell if one.heading == heading]
        assert blocks, f"{document} has no commands under {heading!r}"
        self._left = [command for block in blocks for command in block.commands]
        self._places = dict(places)
        self._bin = directory / "bin"
        self._bin.mkdir(exist_ok=True)
        if not (self._bin / "roachpin").exists():
            (self._bin / "roachpin").symlink_to(BINARY)
        self.directory = directory

    @property
    def environment(self):
        return {**os.environ, "PATH": f"{self._bin}:{os.environ['PATH']}", "LC_ALL": "C"}

    def next(self, *words):
        """The next command, which has these words, as it is typed here."""
        assert self._left, f"there is no further command; expected one with {words}"
        command = self._left.pop(0)
        assert all(word in command for word in words), f"{command!r} is not one with {words}"
        for place, here in self._places.items():
            command = command.replace(place, str(here))
        return command

    def run(self, *words, code=0):
        """Types the next command and returns what it printed."""
        return self.type(self.next(*words), code)

    def type(self, command, code=0):
        if command.startswith("cd "):
            self.directory = self.directory / command.split()[1]
            assert self.directory.is_dir(), command
            return ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.directory, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60)
        assert done.returncode == code, f"{command}\nended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def start(self, *words, stream="stderr"):
        """The next command, which goes on running."""
        typed = shlex.split(self.next(*words).removesuffix("&"), comments=True)
        given = list(itertools.takewhile(lambda word: "=" in word, typed))
        environment = {**self.environment, **dict(word.split("=", 1) for word in given)}
        return Process(typed[len(given):], stream, cwd=self.directory, env=environment)

    def assert_done(self):
        assert not self._left, f"not run: {self._left}"
