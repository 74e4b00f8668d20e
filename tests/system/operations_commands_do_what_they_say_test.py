"""config/operations.md, followed by somebody who types what it says, while applications work: every
section with commands is a test here, and every command of it is run against a real proxy."""

import contextlib
import os
import re
import resource
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from harness import wire
from harness.certificates import GEN_CERTS, NODE, Pki
from harness.dns_servers import Dnsmasq
from harness.documents import ROOT, Document, Walk
from harness.drivers import LOGIN, Load, read_end
from harness.names import HOME, named, resolved
from harness.postgres import free_port
from harness.roachpin import BINARY, Roachpin, refused_start, replace, select
from harness.three_nodes import ThreeNodes
from harness.waiting import until
from harness.wire import Wire

DOCUMENT = "config/operations.md"
HEADINGS = list(dict.fromkeys(block.heading for block in Document(DOCUMENT).shell))


@dataclass
class Site:
    """A machine as the document has it: where it says /etc/roachpin, this is there."""

    pki: Pki
    nodes: ThreeNodes
    proxy: Roachpin
    next_admin: str

    def walk(self, heading, directory):
        control = directory / "run"
        # In this order: the longer first, and `status` where there is no address beside it.
        return Walk(DOCUMENT, heading, directory, {
            "/etc/roachpin/certs": self.pki.directory,
            "/etc/roachpin": self.proxy.config_file.parent,
            "/run/roachpin": control,
            "roachpin status": f"roachpin status --admin {self.proxy.admin}",
            "127.0.0.1:9257": self.proxy.admin,
            "127.0.0.1:9258": self.next_admin,
        })

    def login(self):
        client = Wire(self.proxy.port)
        client.login("", **LOGIN)
        return client

    def refusal(self):
        with Wire(self.proxy.port) as client:
            client.send(wire.startup(**LOGIN))
            return client.refusal()

    def present(self, certificate):
        for node in self.nodes.nodes:
            node.command(f"present {certificate.cert} {certificate.key}")


@contextlib.contextmanager
def site(tmp_path, lock=False, **sections):
    pki = Pki(tmp_path / "certs")
    (tmp_path / "run").mkdir()
    with ThreeNodes(pki.node) as nodes:
        sections["admin"] = {"control": f"unix:{tmp_path}/run/${{ROACHPIN_CONTROL:-control}}.sock"}
        settings = nodes.settings(pki.ca, **sections)
        settings["listeners"] = [{"bind": f"127.0.0.1:{free_port()}"}]
        if lock:
            settings["lock"] = {"file": str(tmp_path / "roachpin.lock")}
            file = tmp_path / "first.yaml"
            file.write_text(yaml.safe_dump(settings))
            subprocess.run([BINARY, "pin", "-c", file], check=True, timeout=30,
                           stdout=subprocess.DEVNULL)
        with Roachpin(settings) as proxy:
            (proxy.config_file.parent / "certs").symlink_to(pki.directory)
            yield Site(pki, nodes, proxy, f"127.0.0.1:{free_port()}")


def watch(tmp_path):
    with site(tmp_path) as here:
        walk = here.walk("Watch", tmp_path)
        assert walk.run("status").startswith("Ready: 3 of 3 addresses")
        walk.run("curl", "readyz")
        walk.run("check")
        # And all three say so where it is not well.
        again = here.walk("Watch", tmp_path)
        for node in here.nodes.nodes:
            node.command("play before-init")
        here.proxy.wait_event("address_not_proved", state="down", count=3)
        until("not ready", lambda: here.proxy.get("/readyz")[0] == 503)
        assert not again.run("status").startswith("Ready")
        again.run("curl", "readyz", code=22)
        again.run("check", code=1)
        again.assert_done()
        return walk


def test_what_is_to_be_watched_exists():
    """A test holds config/metrics.md to the program."""
    named_here = set(re.findall(r"`(roachpin_\w+)[`{]", Document(DOCUMENT).text))
    existing = set(re.findall(r"^\| `(\w+)` ", Document("config/metrics.md").text, re.M))
    assert len(named_here) >= 5 and named_here <= existing


def read_a_refusal(tmp_path):
    with site(tmp_path) as here:
        walk = here.walk("Read a refusal", tmp_path)
        stranger = Pki(tmp_path / "stranger")
        here.present(stranger.node)
        here.proxy.wait_event("address_not_proved", state="hostile", count=3)
        refusal = here.refusal()
        walk.run("cd")
        said = walk.run("openssl")
        octets = re.search(r"^ *((?:[0-9A-F]{2}:)+[0-9A-F]{2})$", said, re.M)[1].lower().split(":")
        assert f"expected a chain to CN=Cockroach CA,O=Cockroach (key {''.join(octets[:8])})" in \
            refusal["D"]
        (shown,) = [one.text for one in Document(DOCUMENT).blocks if "FATAL" in one.text]
        assert f"FATAL:  {refusal['M']}\n" in shown and refusal.code == "08004"
        for words in re.findall(r"[a-z][a-z ]{12,}[a-z]", shown):  # the words around what differs
            assert words in refusal["M"] + refusal.text, words
        event = re.search(r"event ([0-9a-f]{16})", refusal["H"])[1]
        assert here.proxy.wait_event("client_refused", id=event)["user"] == LOGIN["user"]
        return walk


def test_every_sqlstate_has_its_row():
    header = (ROOT / "proxy" / "pgwire" / "error_response.hpp").read_text()
    known = set(re.findall(r'constexpr const char\* \w+ = "(\w{5})";', header))
    rows = re.findall(r"^\| (\w{5}) \|", Document(DOCUMENT).text, re.M)
    assert len(rows) == len(set(rows)) and set(rows) == known


def change_the_configuration(tmp_path):
    with site(tmp_path) as here, Load(here.proxy.port, 5) as load:
        walk = here.walk("Change the configuration", tmp_path)
        walk.run("cd")
        walk.run("cp", ".before")
        walk.run("cp", "next.yaml")
        file = here.proxy.config_file.parent / "next.yaml"
        file.write_text(file.read_text() + "limits: {max_connections: 777}\n")
        walk.run("check")
        with here.proxy.expecting("reloaded"):
            walk.run("mv")
        assert "of 777" in walk.run("status")
        with here.proxy.expecting("reloaded", why="a file changed"):
            walk.run("mv", ".before")
        with here.proxy.expecting("reloaded", why="POST /reload"):
            walk.run("curl", "reload")
        again = here.walk("Change the configuration", tmp_path)
        while "status" not in (command := again.next()):
            pass
        assert "of 4096" in again.type(command)
        load.stop()
        load.assert_no_harm()
        assert not load.lost and not load.turned_away
        return walk


def add_replace_and_remove_nodes(tmp_path):
    def walk():
        return Walk(DOCUMENT, "Add, replace and remove nodes", tmp_path, {"/etc/roachpin": tmp_path})

    with Dnsmasq(host_record=f"crdb.db.internal,{HOME}") as dns:
        settings = resolved(Pki(tmp_path / "certs").ca, [named(26257, host="crdb.db.internal")],
                            dns.tcp)
        (tmp_path / "roachpin.yaml").write_text(yaml.safe_dump(settings))
        followed = walk()
        assert HOME in followed.run("resolve")
        dns.serve(host_record="crdb.db.internal,10.66.66.66")
        assert "not_allowed" in walk().run("resolve", code=1)
        return followed


def rotate_the_authority(tmp_path):
    """With a lock, which has to know of it."""
    new = Pki(tmp_path / "new")
    with site(tmp_path, lock=True, drain={"timeout": "60s"}) as here, \
            Load(here.proxy.port, 10) as load, here.login() as idle:
        (here.pki.directory / "ca-new.crt").write_text(new.ca.read_text())
        walk = here.walk("Rotate the authority", tmp_path)
        for words in (["cd"], ["cp"], ["cat"]):
            walk.run(*words)
        with here.proxy.expecting("reloaded"):
            walk.run("mv")
        pin = walk.run("openssl").strip()
        lock = tmp_path / "roachpin.lock"
        with here.proxy.expecting("reloaded"):
            replace(lock, lock.read_text().replace("next_spki: []", f"next_spki: [{pin}]"))
        here.present(new.node)
        load.go_on(10)
        walk.run("cd")
        walk.run("sed")
        walk.run("check")
        assert idle.ask("SELECT 1") == ["SELECT 1"]
        walk.run("cd")
        walk.run("cp")
        with here.proxy.expecting("reloaded"):
            walk.run("mv")
        assert read_end(idle).startswith("57P01")
        walk.run("rm")
        load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle
        assert not here.proxy.events("reload_failed")
        assert not here.proxy.events("address_not_proved", state="hostile")
        return walk


def test_the_question_before_the_last_step_finds_who_is_late(tmp_path):
    new = Pki(tmp_path / "new")
    with site(tmp_path) as here:
        both = here.pki.ca.read_text() + new.ca.read_text()
        (here.pki.directory / "ca-new.crt").write_text(new.ca.read_text())
        with here.proxy.expecting("reloaded"):
            replace(here.pki.ca, both)
        for late in (here.nodes[1], here.nodes[2]):
            late.command(f"present {new.node.cert} {new.node.key}")
        walk = here.walk("Rotate the authority", tmp_path)
        while not (command := walk.next()).startswith("sed"):
            pass
        walk.directory = here.proxy.config_file.parent
        walk.type(command)
        assert here.nodes.address(0) in walk.run("check", code=1)


def review_the_lock(tmp_path):
    with site(tmp_path, lock=True) as here:
        subprocess.run([GEN_CERTS, tmp_path / "renewed", "--ca", here.pki.directory,
                        "--host", NODE], check=True, capture_output=True)
        for node in here.nodes.nodes:
            node.command(f"present {tmp_path}/renewed/node.crt {tmp_path}/renewed/node.key")
        walk = here.walk("Review the lock", tmp_path)
        walk.run("cd")
        assert f"{NODE}: leaf_spki: +" in walk.run("--verify", code=1)
        with here.proxy.expecting("reloaded"):
            assert f"{NODE}: leaf_spki: +" in walk.run("--update")
        again = here.walk("Review the lock", tmp_path)
        again.run("cd")
        again.run("--verify", code=0)
        return walk


def upgrade(tmp_path):
    with site(tmp_path, drain={"delay": "1s", "timeout": "60s"}) as here, \
            Load(here.proxy.port, 10, work=(1, 3)) as load:
        walk = here.walk("Upgrade", tmp_path)
        walk.run("check")
        new = walk.start("ROACHPIN_CONTROL", "--admin")
        try:
            walk.run("readyz")
            new.wait_for("a session", lambda lines: select(lines, "session_established", {}))
            walk.run("curl", "drain")
            assert here.proxy.wait() == 0
            load.go_on()
            load.stop()
            load.assert_no_harm()
            assert not load.lost and not load.ended_idle
            assert new.stop() == 0
        finally:
            new.kill()
        return walk


def test_a_second_process_cannot_have_the_control_socket(tmp_path):
    with site(tmp_path) as here:
        code, said = refused_start(here.proxy.settings, "--admin", here.next_admin)
        assert code == 1 and "admin.control: cannot listen" in said, said


def test_a_second_process_at_the_same_admin_address_is_refused(tmp_path):
    """Whoever asks would be answered by either."""
    with site(tmp_path) as here:
        environment = {**os.environ, "ROACHPIN_CONTROL": "next"}
        code, said = refused_start(here.proxy.settings, "--admin", here.proxy.admin,
                                   env=environment)
        assert code == 1 and here.proxy.admin in said
        assert "beside another roachpin: --admin 127.0.0.1:0" in said


def capacity(tmp_path):
    seldom = {"interval": "60s"}  # so that no proof is counted
    with site(tmp_path, spares={"per_node": 0}, health=seldom) as here:
        walk = here.walk("Capacity", tmp_path)
        assert re.fullmatch(r"\d+|unlimited", walk.run("ulimit").strip())
        told = walk.run("curl", "metrics")
        assert {line.split()[0] for line in told.splitlines()} == {
            "process_open_fds", "process_max_fds", "roachpin_connections_active",
            "roachpin_connections_limit"}
        before = here.proxy.descriptors
        with contextlib.ExitStack() as sessions:
            for _ in range(20):
                sessions.enter_context(here.login())
            until("two for each session", lambda: 39 <= here.proxy.descriptors - before <= 41)
        _, said = refused_start(here.proxy.settings, "--admin", "127.0.0.1:0", preexec_fn=lambda:
                                resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500)))
        needed = int(re.search(r"need (\d+) file descriptors", said)[1])
        assert needed < 10_000 and "10,000 are ample" in Document(DOCUMENT).text
        return walk


def test_commands_in_sentences(tmp_path):
    """Of other documents, too."""
    with site(tmp_path) as here:
        walk = here.walk("Watch", tmp_path)
        for command, answer in {
            "curl --unix-socket /run/roachpin/control.sock -X POST http://localhost/reload": "",
            "curl http://INSTANCE/livez": "ok",
            "openssl x509 -noout -enddate -in FILE": "notAfter=",
            "ulimit -Hn": "",
        }.items():
            typed = command.replace("/run/roachpin", f"{tmp_path}/run").replace(
                "INSTANCE", here.proxy.admin).replace("FILE", str(here.pki.ca))
            assert answer in walk.type(typed)
        here.proxy.wait_event("reloaded", why="POST /reload")


SECTIONS = {
    "Watch": watch,
    "Read a refusal": read_a_refusal,
    "Change the configuration": change_the_configuration,
    "Add, replace and remove nodes": add_replace_and_remove_nodes,
    "Rotate the authority": rotate_the_authority,
    "Review the lock": review_the_lock,
    "Upgrade": upgrade,
    "Capacity": capacity,
}


assert list(SECTIONS) == HEADINGS, "a section with commands has no test"


@pytest.mark.parametrize("heading", HEADINGS)
def test_its_commands(heading, tmp_path):
    SECTIONS[heading](tmp_path).assert_done()
