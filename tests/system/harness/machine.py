"""A Debian of its own in a folder, made of packages anew, whose systemd can be started: a process 1
in namespaces of its own, but for the network, so that its services meet the test on loopback."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from .process import Process
from .waiting import until

# In the folder $1: the mounts a container has, then systemd in place of this shell.
BOOT = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
    touch dev/$name
    mount --bind /dev/$name dev/$name
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
pivot_root . mnt
umount -l /mnt
exec env -i container=test PATH="$PATH" /lib/systemd/systemd --unit=multi-user.target --show-status=false
"""
NAMESPACES = ["--mount", "--pid", "--ipc", "--uts", "--cgroup"]
numbers = itertools.count()


def mount_point(kind):
    """Where a file system of that kind is mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, what, *_ = line.split()
        if what == kind:
            return Path(where)
    raise AssertionError(f"no {kind} is mounted: systemd cannot be started here")


def release_name():
    facts = dict(line.split("=", 1) for line in
                 Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return facts["VERSION_CODENAME"]


class Machine:
    """`packages` of Debian are installed, and what is essential."""

    def __init__(self, packages):
        # In memory: thousands of files are written, and removed again.
        self._directory = Path(tempfile.mkdtemp(prefix="roachpin-machine-"))
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self._directory], check=True)
        self.root = self._directory / "root"
        self._cgroup = None
        self._systemd = None
        try:
            self._install(packages)
        except BaseException:
            self.__exit__()
            raise

    def _install(self, packages):
        done = subprocess.run(
            ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory",
             "--dpkgopt=force-unsafe-io", f"--include={','.join(packages)}",
             release_name(), self.root],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._systemd:
            self._systemd.kill()  # and with its process 1, all of it
            for folder in sorted(self._cgroup.glob("**/"), reverse=True):
                until(f"{folder} is empty", lambda folder=folder: self._remove(folder))
        subprocess.run(["umount", self._directory], check=True)
        self._directory.rmdir()

    @staticmethod
    def _remove(cgroup):
        try:
            cgroup.rmdir()
        except OSError:
            return False
        return True

    def boot(self):
        self._cgroup = mount_point("cgroup2") / f"roachpin-test-{os.getpid()}-{next(numbers)}"
        self._cgroup.mkdir()
        enter = f'echo $$ > "{self._cgroup}/cgroup.procs" && exec "$@"'
        self._systemd = Process(
            ["sh", "-c", enter, "sh", "unshare", *NAMESPACES, "--fork", "--kill-child",
             "sh", "-c", BOOT, "sh", self.root])
        until("systemd has started", self._is_running, 60)

    def _is_running(self):
        assert self._systemd.exit_code is None, f"systemd ended: {self._systemd.output}"
        if not self._process_1:
            return False
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        assert said != "degraded", self.run("systemctl", "--failed").stdout
        return said == "running"

    @property
    def _process_1(self):
        pid = self._systemd.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()

    def run(self, *argv, check=True, **options):
        """A command in it, as root."""
        where = ["chroot", self.root]
        if self._systemd:
            where = ["nsenter", "--target", self._process_1, *NAMESPACES, "--"]
        done = subprocess.run(
            [*where, *argv], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=90,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                 "DEBIAN_FRONTEND": "noninteractive"}, **options)
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done

    def path(self, name):
        """A file of it, seen from outside."""
        return self.root / name.lstrip("/")

    def seen(self, name):
        """The same where its own mounts count, once it is booted."""
        return f"/proc/{self._process_1}/root{name}"

    def bring(self, file):
        """Into root's home."""
        shutil.copy(file, self.path("/root"))

    def install(self, deb, *options):
        self.bring(deb)
        return self.run("dpkg", *options, "--install", f"/root/{deb.name}")

    def files(self):
        """All its files and folders, but for those of programs that run."""
        found = self.run("find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", "-o",
                         "-path", "/run", "-o", "-path", "/tmp", "-o", "-path", "/dev", ")",
                         "-prune", "-o", "-print").stdout
        return set(found.splitlines())

    def shown(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--unit", unit, "--output=cat", "--no-pager").stdout

    def outer_pid(self, pid):
        """Of one of its processes, as it is known outside."""
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if f"\nNSpid:\t{status.parent.name}\t{pid}\n" in text and \
                    os.readlink(status.parent / "ns/pid") == os.readlink(
                        f"/proc/{self._process_1}/ns/pid"):
                return int(status.parent.name)
        raise AssertionError(f"no process {pid}")

    def signal(self, pid, name):
        os.kill(self.outer_pid(pid), signal.Signals[name])
