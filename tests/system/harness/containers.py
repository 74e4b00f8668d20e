"""docker/ without Docker: its services' own commands, files and volumes, each with a root filesystem
that it cannot write, as the image's user (enter_root.py). What is missing is the images of others:
their programs are Debian's."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from .enter_root import USER
from .process import Process
from .project import ROOT
from .roachpin import BINARY

ENTER = ["/usr/bin/python3", str(Path(__file__).with_name("enter_root.py"))]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def only_as_root():
    """Namespaces and mounts, and buildah, are root's here. CI is root, and skips nothing."""
    if os.geteuid() != 0 and not os.environ.get("CI"):
        pytest.skip("only root may make namespaces and mounts: run it as root")


def instructions(dockerfile):
    """(word, arguments) of each instruction."""
    text = re.sub(r"^#.*\n", "", Path(dockerfile).read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line.strip()]


def instruction(dockerfile, word):
    """The arguments of the last of its kind; those in exec form as a list."""
    said = [arguments for name, arguments in instructions(dockerfile) if name == word][-1]
    form = said[said.index("["):] if "[" in said else said
    return json.loads(form) if form.startswith("[") else said


def image_root(folder):
    """The image's root filesystem: the one that was built, where a test has it, or one from the
    program that is tested."""
    built = os.environ.get("ROACHPIN_IMAGE_ROOT")
    if built:
        subprocess.run(["cp", "--archive", built, folder], check=True)
        return folder
    subprocess.run([ROOT / "docker" / "collect", BINARY, folder], check=True, cwd=ROOT)
    return folder


def debian_root(folder):
    """This machine's programs and nothing else of it."""
    for name in ("bin", "lib", "lib64", "sbin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(f"usr/{name}")
    (folder / "usr").mkdir()
    (folder / "etc").mkdir()
    for name in ("passwd", "group"):  # root, nobody and the like
        shutil.copy(f"/usr/share/base-passwd/{name}.master", folder / "etc" / name)
    (folder / "etc/nsswitch.conf").write_text("hosts: files\n")
    return folder


class Compose:
    """A copy of docker/ in a folder, where it may be changed, with its compose file read."""

    def __init__(self, folder):
        self.folder = folder
        self.docker = folder / "docker"
        shutil.copytree(ROOT / "docker", self.docker)
        shutil.copytree(ROOT / "config", folder / "config")
        text = (self.docker / "compose.yaml").read_text()
        read = yaml.safe_load(VARIABLE.sub(r"\2", text))
        self.services = read["services"]
        self.subnet = read["networks"]["demo"]["ipam"]["config"][0]["subnet"]
        self.addresses = {name: service["networks"]["demo"]["ipv4_address"]
                          for name, service in self.services.items()
                          if isinstance(service.get("networks"), dict)}

    def volume(self, name):
        """The folder of a named volume."""
        folder = self.folder / "volumes" / name
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, USER, USER)
        return folder


class Container:
    """One service, ready to be started."""

    def __init__(self, compose, name, root, dockerfile=None):
        self.service = compose.services[name]
        self.dockerfile = dockerfile and compose.docker / dockerfile
        self.root = root
        assert self.service["read_only"] and self.service["cap_drop"] == ["ALL"]
        assert self.service["security_opt"] == ["no-new-privileges:true"]
        self.mounts = ["/proc:/proc:ro", "/dev:/dev"]
        if not any((root / "usr").iterdir()):  # debian_root
            self.mounts.append("/usr:/usr:ro")
        self.where_it_is_mounted("/proc", "/dev")
        for line in self.service["volumes"]:
            source, target, *options = line.split(":")
            source = (compose.docker / source).resolve() if source.startswith(".") \
                else compose.volume(source)
            self.where_it_is_mounted(target, file=source.is_file())
            self.mounts.append(":".join([str(source), target, *options]))
        for line in self.service.get("tmpfs", []):
            target = line.split(":")[0]
            self.where_it_is_mounted(target)
            self.mounts.append(f"{compose.volume(name + target.replace('/', '-'))}:{target}")

    def where_it_is_mounted(self, *targets, file=False):
        """A container runtime makes these before the root becomes read-only."""
        for target in targets:
            there = self.root / target.lstrip("/")
            (there.parent if file else there).mkdir(parents=True, exist_ok=True)
            if file:
                there.touch()

    def inside(self, argv):
        """The command that runs this one in it."""
        return [*ENTER, str(self.root), *self.mounts, "--", *argv]

    @property
    def environment(self):
        return {"PATH": "/usr/bin:/usr/sbin:/bin", **self.service.get("environment", {})}

    def start(self, argv):
        return Process(self.inside(argv), env=self.environment)

    def run(self, *argv):
        return subprocess.run(self.inside(argv), env=self.environment, capture_output=True,
                              text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    def health(self):
        """What its health check exits with."""
        test = self.service["healthcheck"]["test"][1:] if "healthcheck" in self.service \
            else instruction(self.dockerfile, "HEALTHCHECK")
        program = shutil.which(test[0], path=self.environment["PATH"])
        return self.run(program or test[0], *test[1:]).returncode
