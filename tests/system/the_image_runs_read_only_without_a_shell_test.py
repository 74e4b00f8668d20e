"""The container image holds the program and what it loads, nothing else, and its filesystem runs
the system tests' smoke set and the demo as its own user, with a root that cannot be written."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from harness.certificates import NODE, TOOLS, Pki
from harness.containers import ENTER, only_as_root
from harness.enter_root import USER
from harness.image import Image
from harness.process import Process
from harness.roachpin import configuration, node

SMOKE = [
    "psql_connects_with_every_sslmode",
    "an_impostor_at_a_nodes_address_gets_no_session",
    "roachpin_status_shows_a_running_proxy",
    "sigterm_drains_and_exits_zero",
]
# The tester's own: to give the program its root (enter_root.py, which gives them up), and to read
# this checkout wherever it is.
CAPABILITIES = "-all,+sys_admin,+sys_chroot,+dac_read_search"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    only_as_root()
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def root(image, tmp_path_factory):
    """Its filesystem, with the folders that a container runtime makes to mount on."""
    root = tmp_path_factory.mktemp("run") / "root"
    subprocess.run(["cp", "--archive", image.root, root], check=True)
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir()
    return root


@pytest.fixture(scope="module")
def shared(root):
    """A folder that is at the same place inside and outside, the user's own. Its name is short, for
    the unix sockets in it."""
    with tempfile.TemporaryDirectory(prefix="image-", dir="/tmp") as folder:
        os.chown(folder, USER, USER)
        (root / folder.lstrip("/")).mkdir()
        yield Path(folder)


@pytest.fixture(scope="module")
def program(root, shared):
    """A program for ROACHPIN: the image's, inside."""
    wrapper = shared / "roachpin"
    enter = " ".join([*ENTER, str(root), "/proc:/proc:ro", "/dev:/dev", f"{shared}:{shared}"])
    wrapper.write_text(f'#!/bin/sh\nexec {enter} -- /usr/bin/roachpin "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def everything(root):
    return sorted(path for path in root.rglob("*"))


def picture(root):
    """What would change by a write."""
    def facts(path):
        found = path.lstat()
        return str(path), found.st_mode, found.st_uid, found.st_size, found.st_mtime_ns
    return [facts(path) for path in everything(root)]


def test_it_says_what_it_is(image):
    config = image.config["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/roachpin"]
    assert config["Cmd"] == ["run", "-c", "/etc/roachpin/roachpin.yaml"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/roachpin", "status"]
    assert config["StopSignal"] == "SIGTERM"
    assert set(config["ExposedPorts"]) == {"26257/tcp", "9257/tcp"}
    labels = {name.removeprefix("org.opencontainers.image."): value
              for name, value in config["Labels"].items()}
    assert labels["title"] == "roachpin" and labels["licenses"] == "Apache-2.0"
    assert labels["version"] == "1.2.3-test" and "CockroachDB" in labels["description"]


def test_nothing_in_it_is_anybodys_to_change(image):
    for path in everything(image.root):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (0, 0), path
        assert path.is_symlink() or found.st_mode & 0o022 == 0, path
        assert found.st_mode & (stat.S_ISUID | stat.S_ISGID) == 0, path
        assert path.is_dir() or found.st_mode & 0o444 == 0o444, path
    assert f":{USER}:{USER}:" in (image.root / "etc/passwd").read_text()


def test_it_holds_the_program_and_what_it_loads(image):
    root = image.root
    programs = {str(path.relative_to(root)) for path in everything(root)
                if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111}
    libraries = {path for path in programs if ".so" in path}
    assert programs - libraries == {"usr/bin/roachpin"}, "no shell, and nothing else to run"
    # Read from the files, not by ldd: what one of them names, and nothing that none of them does.
    named, loader = set(), [path for path in libraries if "ld-linux" in path]
    for path in programs | {str(path.relative_to(root)) for path in root.rglob("*.so*")}:
        said = subprocess.run(["readelf", "--dynamic", root / path], capture_output=True,
                              text=True, check=True).stdout
        named |= {line.split("[")[1].rstrip("]") for line in said.splitlines() if "NEEDED" in line}
    there = {path.name for path in root.rglob("*.so*")}
    assert named <= there and there - named <= {Path(path).name for path in loader}
    size = sum(path.stat().st_size for path in everything(root) if path.is_file())
    assert size < 40 * 2 ** 20, f"{size} bytes"


def test_what_is_in_it_can_be_looked_up(image):
    """By a scanner, and by somebody who asks for the licences."""
    packages = {path.name for path in (image.root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libssl3", "libc6", "libunbound8", "libc-ares2", "ca-certificates"} <= packages
    for package in packages:
        status = (image.root / "var/lib/dpkg/status.d" / package).read_text()
        assert f"Package: {package}\n" in status and "\nVersion: " in status
    licences = {path.parent.name for path in image.root.glob("usr/share/doc/*/copyright")}
    assert licences == packages | {"roachpin"}
    roots = (image.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    assert roots.count("BEGIN CERTIFICATE") > 50
    assert 'VERSION_ID="12"' in (image.root / "etc/os-release").read_text()


def test_its_root_cannot_be_written(program, shared):
    done = subprocess.run([program, "init", "-o", "/roachpin.yaml"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and "Read-only file system" in done.stderr, done.stderr
    done = subprocess.run([program, "init", "-o", shared / "new.yaml"], check=False)
    assert done.returncode == 0 and (shared / "new.yaml").stat().st_uid == USER


def test_it_has_no_privilege(program, shared):
    folder = shared / "alone"
    authority = Pki(folder)
    settings = configuration(authority.ca, [node(NODE, 1)], start="wait")
    (folder / "roachpin.yaml").write_text(yaml.safe_dump(settings))
    for path in (folder, *folder.iterdir()):
        os.chown(path, USER, USER)
    process = Process([program, "run", "-c", folder / "roachpin.yaml"])
    try:
        process.wait_line('"listening"')
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert status["Uid"] == status["Gid"] == [str(USER)] * 4 and status["Groups"] == []
        assert int(status["CapEff"][0], 16) == int(status["CapPrm"][0], 16) == 0
        assert status["NoNewPrivs"] == ["1"]
        assert process.stop() == 0, process.output
    finally:
        process.kill()


@pytest.fixture(scope="module")
def users(shared):
    """PostgreSQL wants to know the name of who starts it."""
    file = shared / "passwd"
    file.write_text(Path("/etc/passwd").read_text() + f"roachpin:x:{USER}:{USER}::/:/bin/false\n")
    return file


@pytest.mark.parametrize("promise", SMOKE)
def test_smoke(root, program, shared, users, promise):
    before = picture(root)
    tester = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
              f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}",
              f"--ambient-caps={CAPABILITIES}",
              sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{promise}_test.py"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"',
         users, *tester],
        cwd=Path(__file__).parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, env={**os.environ, "ROACHPIN": str(program), "TMPDIR": str(shared),
                          "HOME": str(shared), "ROACHPIN_TEST_BIN_DIR": str(TOOLS),
                          "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
    assert picture(root) == before, "something was written to the root"


def test_the_demo(image):
    """Its default command, its configuration mounted, its health check, its end."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         "the_demo_goes_on_when_its_dns_is_poisoned_test.py"],
        cwd=Path(__file__).parent, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, env={**os.environ, "ROACHPIN_IMAGE_ROOT": str(image.root),
                          "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
