"""Where no disk takes what roachpin writes, sessions go on; it is said or counted, and what is
written again is whole. A file of its own is the old one or the new one, never half of it."""

import json
import os
import signal
import subprocess

import pytest

from harness.certificates import NODE
from harness.containers import only_as_root
from harness.door import Door
from harness.metrics import scrape
from harness.mounts import SmallDisk, private_mounts
from harness.postgres import free_port
from harness.psql import psql
from harness.roachpin import BINARY, Roachpin, configuration, node, parse_line, select
from harness.waiting import PATIENCE, until
from harness.work import Work


@pytest.fixture
def disk(tmp_path):
    only_as_root()
    with private_mounts():
        yield SmallDisk(tmp_path / "small")


class Logging(Roachpin):
    """Its log is a file."""

    def __init__(self, settings, file):
        self._file = file
        # Appended to, as systemd and shells do: a file that was emptied begins anew.
        shell = ["sh", "-c", 'exec 3>&2 2>>"$0"; echo begun >&3; exec "$@"', file]
        super().__init__(settings, under=shell)
        self.process.wait_line("begun")  # from now on there is a file to read

    @property
    def written(self):
        """The lines that are whole."""
        return [line for line in self.lines if line.endswith("}")]

    @property
    def lines(self):
        return self._file.read_text().splitlines()

    def wait_event(self, name, within=PATIENCE, count=1, **fields):
        def found():
            events = self.events(name, **fields)
            return events[count - 1] if len(events) >= count else None

        return until(f"event {name} {fields} in the file", found, within)

    def events(self, name=None, **fields):
        return select(self.written, name, fields)

    def wait(self, within=PATIENCE):
        """Of what the disk did not take nobody can say whether it is missing."""
        code = self.process.wait(within)
        assert self.events("drained")
        return code


def test_a_log_on_a_full_disk_stops_nobody(disk, settings, postgres):
    file = disk.folder / "roachpin.log"
    with Logging(settings(spares={"per_node": 0}), file) as proxy, \
            Work(postgres, proxy.port, 3, fresh=1) as work:
        before = proxy.descriptors

        def lost():
            return scrape(proxy).value("roachpin_log_lines_lost_total")

        assert lost() == 0
        disk.fill()
        for count in (1, 20):
            until("lines are lost", lambda: lost() >= count)
            work.go_on()
        length = file.stat().st_size
        work.go_on(5)
        assert file.stat().st_size == length
        gone = lost()
        disk.make_room()
        said = proxy.wait_event("log_lines_lost", level="warning")
        assert said["lost"] >= gone
        work.go_on(5)
        assert lost() == said["lost"]
        # The line that met the end of the disk is broken off, and no other is the worse for it.
        assert len(proxy.lines) - len(proxy.written) <= 1
        assert all(parse_line(line)["event"] for line in proxy.written)
        until("all is given back", lambda: proxy.descriptors <= before + 4)


def test_a_drain_does_not_wait_for_a_full_disk(disk, settings):
    with Logging(settings(), disk.folder / "roachpin.log") as proxy:
        disk.fill()
        proxy.process.send(signal.SIGTERM)
        assert proxy.process.wait() == 0


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_an_export_that_cannot_be_written_changes_nothing(disk, settings, postgres, trouble):
    file = disk.folder / "local.crt"
    tls = {"auto": True, "export_file": str(file)}
    bind = f"127.0.0.1:{free_port()}"
    made = settings([{"bind": bind, "tls": tls}])
    with Roachpin(made) as proxy, Work(postgres, proxy.port, 2) as work:
        door = Door("localhost", proxy.port, "verify-full", str(file))
        before, descriptors = file.read_bytes(), proxy.descriptors
        other = dict(tls, export_file=str(disk.folder / "other.crt"))
        changed = {**made, "listeners": [{"bind": bind, "tls": other}]}
        if trouble == "full":
            disk.fill()
        else:
            disk.set_read_only()
        with proxy.expecting("reload_failed", level="error"):
            proxy.reconfigure(changed)
        said = proxy.events("reload_failed")[-1]["reason"]
        assert "other.crt" in said
        assert ("No space left on device" if trouble == "full" else "Read-only file system") in said
        assert scrape(proxy).value("roachpin_config_reloads_total", result="failure") == 1
        work.go_on()
        assert file.read_bytes() == before
        assert psql("SELECT 1", **door.options).stdout == "1\n"
        if trouble == "full":
            disk.make_room()
        else:
            disk.set_read_only(False)
        assert sorted(os.listdir(disk.folder)) == ["local.crt"]
        with proxy.expecting("reloaded"):
            proxy.process.send(signal.SIGHUP)
        other_door = Door("localhost", proxy.port, "verify-full", other["export_file"])
        assert psql("SELECT 1", **other_door.options).stdout == "1\n"
        work.go_on()
        until("all is given back", lambda: proxy.descriptors <= descriptors)


def pin(file, *flags, under=()):
    return subprocess.run([*under, BINARY, "pin", "-c", file, *flags], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture
def locked(disk, pki, postgres):
    """A configuration whose lock names a node that there is no more, so that --update has to write;
    the lock is on the small disk."""
    lock = disk.folder / "roachpin.lock"
    made = configuration(pki.ca, [node(NODE, postgres.port), node("localhost", postgres.port)],
                         lock={"file": str(lock)})
    file = disk.folder.parent / "roachpin.yaml"
    file.write_text(json.dumps(made))
    done = pin(file)
    assert done.returncode == 0, done.stderr
    made["cluster"]["nodes"].pop()
    file.write_text(json.dumps(made))
    return file, lock


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_lock_that_cannot_be_written_stays_as_it_was(disk, locked, trouble):
    file, lock = locked
    before = lock.read_bytes()
    if trouble == "full":
        disk.fill()
    else:
        disk.set_read_only()
    done = pin(file, "--update")
    assert done.returncode == 3, done.stderr
    assert f"cannot write {lock}" in done.stderr
    assert ("No space left" if trouble == "full" else "Read-only file system") in done.stderr
    assert lock.read_bytes() == before
    if trouble == "full":
        disk.make_room()
    else:
        disk.set_read_only(False)
    assert sorted(os.listdir(disk.folder)) == ["roachpin.lock"]
    assert pin(file, "--update").returncode == 0
    assert lock.read_bytes() != before


@pytest.mark.parametrize("call", ["write", "fchmod", "fsync", "rename"])
def test_at_whatever_call_it_ends_the_lock_is_whole(disk, locked, tmp_path, call):
    file, lock = locked
    before = lock.read_bytes()
    assert pin(file, "--update").returncode == 0
    after = lock.read_bytes()
    strace = ["strace", "-f", "-o", tmp_path / "strace.out", "-e", f"trace={call}", "-e"]
    lock.write_bytes(before)
    failed = pin(file, "--update", under=[*strace, f"inject={call}:error=EIO"])
    assert failed.returncode == 3
    assert "(INJECTED)" in (tmp_path / "strace.out").read_text()
    assert lock.read_bytes() == before
    assert os.listdir(disk.folder) == ["roachpin.lock"], "a half-written one is left behind"
    killed = pin(file, "--update", under=[*strace, f"inject={call}:signal=KILL"])
    assert killed.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    assert lock.read_bytes() in (before, after)
