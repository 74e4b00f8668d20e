"""A unix socket has the mode and users that were asked for, takes the place of a dead one, never of
a live one, and is gone at the end."""

import os
import pwd
import socket
import stat
import subprocess
import tempfile

import pytest

from harness import wire
from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin, refused_start
from harness.wire import Wire

LOGIN = {"user": USER, "database": DATABASE}


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".s.PGSQL.26257"


def listening(path, **more):
    return [{"bind": f"unix:{path}", **more}]


def works(path):
    with Wire(path) as client:
        client.login(PASSWORD, **LOGIN)
        return client.ask("SELECT 'works'") == ["works"]


@pytest.mark.parametrize("mode", ["0600", "0660", "0666", None])
def test_its_mode(settings, path, mode):
    more = {"unix_mode": mode} if mode else {}
    with Roachpin(settings(listening(path, **more))) as proxy:
        assert stat.S_ISSOCK(path.lstat().st_mode)
        assert stat.S_IMODE(path.lstat().st_mode) == int(mode or "0660", 8)
        assert works(path)
        assert proxy.stop() == 0
        assert not path.exists()


def test_its_mode_does_not_depend_on_the_umask(settings, path):
    with Roachpin(settings(listening(path, unix_mode="0660")), umask=0o077):
        assert stat.S_IMODE(path.lstat().st_mode) == 0o660


def test_allowed_users(settings, path):
    me = os.geteuid()
    with Roachpin(settings(listening(path, allow_uids=[me + 1, me]))) as proxy:
        assert works(path)
        assert str(me) in proxy.wait_event("session_established")["client"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_other_users_are_told_that_they_may_not(settings):
    other = pwd.getpwnam("nobody").pw_uid
    connect = ("import socket, sys\n"
               "client = socket.socket(socket.AF_UNIX)\n"
               "client.connect(sys.argv[1])\n"
               "client.sendall(bytes.fromhex(sys.argv[2]))\n"
               "sys.stdout.buffer.write(client.recv(4096))\n")
    with tempfile.TemporaryDirectory(prefix="roachpin-open-") as folder:
        os.chmod(folder, 0o755)
        path = f"{folder}/s"
        listener = listening(path, unix_mode="0666", allow_uids=[os.geteuid()])
        with Roachpin(settings(listener)) as proxy:
            done = subprocess.run(
                ["/usr/bin/python3", "-c", connect, path, wire.startup(**LOGIN).hex()],
                user=other, capture_output=True, timeout=20)
            assert b"C28000\0" in done.stdout
            assert str(other) in proxy.wait_event("client_refused", sqlstate="28000")["client"]


def test_a_dead_one_is_replaced(settings, path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))  # closing it leaves the file
    with Roachpin(settings(listening(path))):
        assert works(path)


def test_what_a_killed_one_left_behind_is_replaced(settings, path):
    with Roachpin(settings(listening(path))) as killed:
        killed.process.kill()
    assert path.exists()
    with Roachpin(settings(listening(path))):
        assert works(path)


def test_a_live_one_is_left_alone(settings, path):
    with Roachpin(settings(listening(path))):
        code, said = refused_start(settings(listening(path)))
        assert code == 1
        assert str(path) in said
        assert works(path), "the first one lost its socket"


def test_a_foreign_live_one_is_left_alone(settings, path):
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        foreign.listen()
        code, said = refused_start(settings(listening(path)))
        assert code == 1 and str(path) in said
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(settings, path):
    path.write_text("precious")
    code, said = refused_start(settings(listening(path)))
    assert code == 1 and str(path) in said
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_a_configuration_error(settings, tmp_path):
    code, said = refused_start(settings(listening(tmp_path / ("x" * 120))))
    assert code == 2
    assert "listeners[0].bind" in said


def test_a_folder_that_is_not_there(settings, tmp_path):
    code, said = refused_start(settings(listening(tmp_path / "nowhere" / "s")))
    assert code in (1, 2) and "nowhere" in said
