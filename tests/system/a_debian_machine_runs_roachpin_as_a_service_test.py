"""On a Debian made for it, the package is installed, its service runs in its sandbox, is reloaded,
watched over and upgraded, and the package is purged: the life of one machine, in this order, and
with the commands of config/systemd/README.md."""

import re
import resource
import socket
import threading
from pathlib import Path

import psycopg2
import pytest

from harness.certificates import NODE
from harness.containers import only_as_root
from harness.dns_servers import Nsd
from harness.door import Door
from harness.drivers import Load
from harness.fake_cockroach import FakeCockroach
from harness.machine import Machine
from harness.postgres import free_port
from harness.psql import psql
from harness.release import checkout, commit, package
from harness.signed_zone import SignedZone
from harness.waiting import until

UNITS = ["roachpin.service", "roachpin.socket"]
CONFIG = "/etc/roachpin/roachpin.yaml"

README = Path(__file__).parents[2] / "config" / "systemd" / "README.md"
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", README.read_text(), re.M | re.S)
            for line in block.splitlines()]
not_run = set(COMMANDS)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return checkout(tmp_path_factory.mktemp("release") / "tree")


@pytest.fixture(scope="module")
def first(tree):
    return package(tree, tree.parent / "first")


@pytest.fixture(scope="module")
def second(first, tree):
    """The same program in a newer package, whose configuration file is another too."""
    file = tree / "config" / "debian" / "roachpin.yaml"
    file.write_text(file.read_text() + "\n# of the second package\n")
    commit(tree)
    return package(tree, tree.parent / "second", "--revision", "2")


@pytest.fixture(scope="module")
def machine(first):
    only_as_root()
    with Machine([*first.depends, "systemd", "apt"]) as made:
        made.path("/etc/apt/apt.conf.d/yes").write_text('APT::Get::Assume-Yes "true";\n')
        made.before = made.files()
        yield made


@pytest.fixture(scope="module")
def ports():
    return {"roachpin": free_port(), "admin": free_port()}


@pytest.fixture
def door(ports):
    return Door("127.0.0.1", ports["roachpin"])


@pytest.fixture(scope="module")
def filled_in(pki, postgres, ports, machine):
    """The package's own configuration with what its operator has to say, and the test's ports."""
    text = machine.path(CONFIG).read_text()
    for old, new in (("192.0.2.1", "127.0.0.1"), ("port: 26257", f"port: {postgres.port}"),
                     ("127.0.0.1:26257", f"127.0.0.1:{ports['roachpin']}"),
                     ("127.0.0.1:9257", f"127.0.0.1:{ports['admin']}")):
        assert old in text
        text = text.replace(old, new)
    assert NODE in text
    return text


def as_documented(machine, *beginnings):
    """Runs the README's commands that begin so."""
    for beginning in beginnings:
        [command] = [one for one in COMMANDS if one.startswith(beginning)]
        not_run.discard(command)
        machine.run("sh", "-c", f"cd /root && {command}")


def asks(door):
    done = psql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", **door.options)
    assert done.stdout == "t\n", done.stderr


def main_pid(machine):
    return machine.shown("roachpin", "MainPID")


def test_it_is_installed_where_no_systemd_runs(machine, first):
    """Nothing is started, nor will be at the next boot: nobody has said where the database is."""
    machine.bring(first.deb)
    as_documented(machine, "apt install")
    assert machine.run("roachpin", "version").stdout.startswith("roachpin ")
    assert not machine.run("dpkg", "--verify", "roachpin").stdout
    for unit in UNITS:
        assert machine.run("systemctl", "is-enabled", unit, check=False).stdout == "disabled\n"
    user = machine.run("getent", "passwd", "roachpin").stdout.split(":")
    assert user[5:] == ["/nonexistent", "/usr/sbin/nologin\n"]
    machine.run("setpriv", "--reuid=roachpin", "--regid=roachpin", "--clear-groups", "head", CONFIG)


def test_the_units_hold_no_mistake(machine):
    """systemd-analyze ends with 0 whatever it says of unknown keys."""
    files = [f"/lib/systemd/system/{unit}" for unit in UNITS]
    done = machine.run("systemd-analyze", "verify", "--man=no", *files)
    assert not done.stdout + done.stderr


def test_the_sandbox_is_as_narrow_as_it_was(machine):
    """Its exposure, by systemd's count, is below 1.3 of 10; most of it is the network."""
    machine.run("systemd-analyze", "security", "--offline=true", "--threshold=13", "--no-pager",
                "/lib/systemd/system/roachpin.service")


def test_what_was_not_filled_in_is_said_and_not_tried_again(machine):
    machine.boot()
    looked = machine.run("roachpin", "check", "-c", CONFIG, check=False)
    problems = (looked.stdout + looked.stderr).splitlines()
    assert len(problems) == 1 and "cluster.ca_file" in problems[0], problems
    started = machine.run("systemctl", "start", "roachpin", check=False)
    assert started.returncode != 0
    assert machine.shown("roachpin", "ExecMainStatus") == "2"
    assert machine.shown("roachpin", "ActiveState") == "failed"
    assert machine.shown("roachpin", "NRestarts") == "0"
    said = until("its words are in the journal", lambda: machine.journal("roachpin"))
    assert "cluster.ca_file: cannot read /etc/roachpin/certs/ca.crt" in said


def test_the_service_passes_a_session(machine, pki, filled_in, door):
    machine.bring(pki.ca)
    machine.path(CONFIG).write_text(filled_in)
    as_documented(machine, "install -m", "runuser", "systemctl enable --now roachpin.service",
                  "systemctl status")
    asks(door)
    shown = machine.run("cat", "/run/roachpin/local.crt")  # as applications do
    assert "BEGIN CERTIFICATE" in shown.stdout
    modes = machine.run("stat", "--format=%A", "/run/roachpin", "/run/roachpin/local.crt",
                        "/run/roachpin/control.sock").stdout
    assert modes.split() == ["drwxr-xr-x", "-rw-r--r--", "srw-------"]


def test_it_runs_in_its_sandbox(machine):
    pid = main_pid(machine)
    facts = dict(line.split(":\t", 1) for line in
                 machine.run("cat", f"/proc/{pid}/status").stdout.splitlines())
    uid = machine.run("id", "--user", "roachpin").stdout.strip()
    assert facts["Uid"].split() == [uid] * 4
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == \
        {"0" * 16}
    inside = ["nsenter", "--target", pid, "--mount"]
    assert machine.run(*inside, "touch", "/etc/roachpin/x", check=False).returncode != 0
    assert machine.run(*inside, "ls", "/root", check=False).stdout == ""
    machine.run(*inside, "touch", "/run/roachpin/x")
    limits = machine.run("cat", f"/proc/{pid}/limits").stdout
    files = str(min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))  # no container has more
    assert re.search(rf"^Max open files +{files} +{files} ", limits, re.M), limits


def test_a_key_of_the_service_is_taken(machine, pki, filled_in, door):
    """Its owner alone may read it, which is what roachpin demands."""
    for file in (pki.client("app").cert, pki.client("app").key):
        machine.bring(file)
    as_documented(machine, "install -o roachpin")
    machine.run("cp", "/root/client.app.crt", "/etc/roachpin/certs")
    machine.path(CONFIG).write_text(filled_in.replace("cluster:", """cluster:
  client_cert_file: certs/client.app.crt
  client_key_file: certs/client.app.key"""))
    machine.run("systemctl", "restart", "roachpin")
    asks(door)


def test_names_are_resolved_and_validated_in_it(machine, filled_in, door, tmp_path):
    """By the libraries too, with threads of their own; none of their calls is refused."""
    zone = SignedZone(tmp_path / "zone", "crdb.internal")
    with Nsd({"crdb.internal": zone.signed("crdb-0 A 127.0.0.1")}) as nsd:
        machine.path("/etc/roachpin/anchor.ds").write_bytes(zone.anchor_file.read_bytes())
        text = filled_in.replace("addresses: [127.0.0.1]", "allow: [127.0.0.1/32]") + f"""
resolver:
  servers: ["{nsd.tcp}"]
  dnssec: validate
  trust_anchor_file: anchor.ds
"""
        machine.path(CONFIG).write_text(text)
        machine.run("systemctl", "restart", "roachpin")
        asks(door)
    machine.path(CONFIG).write_text(filled_in)
    machine.run("systemctl", "restart", "roachpin")
    asks(door)


def test_a_reload_is_one_of_systemds(machine, filled_in, door):
    pid = main_pid(machine)
    reloads = machine.journal("roachpin").count(" reloaded ")
    as_documented(machine, "systemctl reload", "journalctl")
    until("it has reloaded", lambda: machine.journal("roachpin").count(" reloaded ") > reloads)
    assert main_pid(machine) == pid
    assert machine.shown("roachpin", "ActiveState") == "active"
    asks(door)


def drop_in(machine, unit, text):
    """As `systemctl edit` makes it."""
    folder = machine.path(f"/etc/systemd/system/{unit}.d")
    folder.mkdir(exist_ok=True)
    (folder / "override.conf").write_text(text)
    machine.run("systemctl", "daemon-reload")


def test_one_that_hangs_is_started_anew(machine, door):
    drop_in(machine, "roachpin.service", "[Service]\nWatchdogSec=1\nRestartSec=100ms\n")
    machine.run("systemctl", "restart", "roachpin")
    pid = main_pid(machine)
    machine.signal(pid, "SIGSTOP")
    until("another runs", lambda: main_pid(machine) not in (pid, "0"))
    until("it is ready", lambda: machine.shown("roachpin", "ActiveState") == "active")
    asks(door)
    assert machine.shown("roachpin", "NRestarts") == "1"
    drop_in(machine, "roachpin.service", "")
    machine.run("systemctl", "restart", "roachpin")


def test_an_upgrade_keeps_the_configuration_and_lets_statements_finish(machine, filled_in, second,
                                                                       door, postgres):
    pid = main_pid(machine)
    answers = []

    def work():
        with psycopg2.connect(door.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(3), 'while it is upgraded'")
            answers.append(cursor.fetchone()[1])

    worker = threading.Thread(target=work)
    worker.start()
    postgres.wait_running("while it is upgraded")
    machine.install(second.deb, "--force-confold")
    worker.join()
    assert answers == ["while it is upgraded"]

    assert machine.run("dpkg-query", "--show", "roachpin").stdout.split()[1] == \
        second.control("Version")
    assert machine.path(CONFIG).read_text() == filled_in
    assert "of the second package" in machine.path(CONFIG + ".dpkg-dist").read_text()
    assert main_pid(machine) not in (pid, "0")
    assert machine.run("systemctl", "is-enabled", "roachpin").stdout == "enabled\n"
    asks(door)


def test_with_the_socket_an_upgrade_refuses_nobody(machine, filled_in, pki, first, second, ports):
    """Applications wait a moment for their new connection, and no more."""
    port = ports["roachpin"]
    drop_in(machine, "roachpin.socket",
            f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
    with FakeCockroach(pki.node) as node:
        line = next(line for line in filled_in.splitlines() if "  port:" in line)
        machine.path(CONFIG).write_text(filled_in.replace(line, f"      port: {node.port}"))
        as_documented(machine, "systemctl stop", "systemctl enable --now roachpin.socket")
        assert machine.shown("roachpin.service", "ActiveState") == "inactive"
        with Load(port, count=10, work=(1, 3)) as load:  # the first connection starts it
            for release in (first, second):
                pid = main_pid(machine)
                machine.install(release.deb, "--force-confold", "--force-downgrade")
                assert main_pid(machine) not in (pid, "0")
                load.go_on(20)
            machine.run("systemctl", "stop", "roachpin.service")
            as_documented(machine, "systemctl start roachpin.service")
            load.go_on(20)
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle
        assert load.turned_away, "nobody was connected while it was restarted"


def test_a_socket_of_a_service_that_cannot_start_is_closed(machine, filled_in, door):
    """Who connects is told soon, and the service is not started for ever."""
    machine.path(CONFIG).write_text(filled_in.replace("ca_file:", "ca_fil:"))
    machine.run("systemctl", "stop", "roachpin.service")
    with socket.create_connection((door.host, door.port), 20) as waiting:
        with pytest.raises(ConnectionResetError):
            waiting.recv(1)
    assert machine.shown("roachpin.socket", "ActiveState") == "failed"
    assert machine.shown("roachpin.socket", "Result") == "service-start-limit-hit"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((door.host, door.port), 20)
    machine.path(CONFIG).write_text(filled_in)
    as_documented(machine, "systemctl reset-failed", "systemctl start roachpin.socket")
    asks(door)


def test_a_unix_socket_is_held_as_well(machine, filled_in):
    """In the service's own folder, which is still there when the service is not."""
    place = "/run/roachpin/.s.PGSQL.26257"
    drop_in(machine, "roachpin.socket", "[Socket]\nListenStream=\n"
            f"ListenStream={place}\nSocketUser=roachpin\nSocketMode=0666\n")
    before, _, after = filled_in.partition("listeners:")
    listener = f'listeners: [{{bind: "unix:{place}", unix_mode: "0666"}}]\n\ncluster:'
    machine.path(CONFIG).write_text(before + listener + after.partition("\ncluster:")[2])
    machine.run("systemctl", "stop", *UNITS)
    machine.run("systemctl", "start", "roachpin.socket")
    inside = Door(machine.seen("/run/roachpin"), 26257, "disable")
    asks(inside)
    machine.run("systemctl", "restart", "roachpin.service")
    asks(inside)


def test_nothing_is_left_of_a_purged_one_but_its_user(machine):
    machine.run("dpkg", "--remove", "roachpin")
    assert machine.shown("roachpin.service", "ActiveState") in ("inactive", "failed")
    assert machine.path(CONFIG).exists()
    as_documented(machine, "apt purge")
    own = ("/root/", "/etc/systemd/system/roachpin.service.d", "/etc/systemd/system/roachpin.socket.d")
    left = {file for file in machine.files() - machine.before if not file.startswith(own)}
    assert not [file for file in left if "roachpin" in file], left
    assert machine.run("getent", "passwd", "roachpin").stdout
    assert not not_run, "no test runs these"
