"""enter_root.py ROOT [FROM:TO[:ro]]... -- PROGRAM [ARGUMENT]...

Becomes PROGRAM as a container runtime would start it: in a mount namespace of its own, with ROOT as a
root filesystem that cannot be written, each FROM mounted at TO, as user 65532, without a capability
and without a way to one. Its pid stays: signals reach PROGRAM.

It needs CAP_SYS_ADMIN and CAP_SYS_CHROOT, and each TO to be there. No interpreter is asked for inside
ROOT, which need not have one."""

import ctypes
import os
import sys

USER = 65532
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}{arguments}: {os.strerror(number)}")


def mount(source, target, flags):
    call("mount", source and source.encode(), target.encode(), None, ctypes.c_ulong(flags), None)


def bind(source, target, read_only):
    mount(source, target, MS_BIND | MS_REC)
    if read_only:
        mount(None, target, MS_BIND | MS_REMOUNT | MS_RDONLY)


def give_up_everything():
    """A program that is started by another user than root has only ambient capabilities: none."""
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)


def enter(root, mounts, argv):
    call("unshare", CLONE_NEWNS)
    mount(None, "/", MS_PRIVATE | MS_REC)
    bind(root, root, read_only=True)
    for line in mounts:
        source, target, *read_only = line.split(":")
        bind(source, root + target, read_only == ["ro"])
    os.chroot(root)
    os.chdir("/")
    give_up_everything()
    os.execv(argv[0], argv)


if __name__ == "__main__":
    end = sys.argv.index("--")
    enter(sys.argv[1], sys.argv[2:end], sys.argv[end + 1:])
