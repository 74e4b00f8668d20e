"""Certificates, keys and revocation lists that are replaced while roachpin looks at them: half of a
file, none, or a key without its certificate change nothing, and an event says which file it is. What
is whole is taken. Nobody loses a statement."""

import shutil
import time

import pytest

from harness.certificates import NODE, Pki
from harness.door import Door
from harness.metrics import scrape
from harness.psql import psql
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.work import Work


@pytest.fixture(scope="module")
def next_pki(tmp_path_factory, pki):
    """Another authority, as another certificate for the same names."""
    return Pki(tmp_path_factory.mktemp("next-pki"))


@pytest.fixture
def files(tmp_path, pki):
    """What a proxy reads, each file its own to write."""
    client = pki.client("certified")
    for name, source in (("ca.crt", pki.ca), ("local.crt", pki.node.cert), ("local.key", pki.node.key),
                         ("client.crt", client.cert), ("client.key", client.key)):
        shutil.copy(source, tmp_path / name)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def put(file, text):
    """In place, as `cp` and careless programs do."""
    file.write_text(text)


@pytest.fixture
def served(files, pki, next_pki, postgres):
    """Verified by its clients, who trust both authorities, and by the node, as user certified."""
    both = files / "both.crt"
    both.write_text(pki.ca.read_text() + next_pki.ca.read_text())
    tls = {"cert_file": str(files / "local.crt"), "key_file": str(files / "local.key")}
    made = configuration(
        files / "ca.crt", [node(NODE, postgres.port)], [{"bind": "127.0.0.1:0", "tls": tls}],
        {"client_cert_file": str(files / "client.crt"), "client_key_file": str(files / "client.key")})
    with Roachpin(made) as proxy:
        until("spares are there", lambda: scrape(proxy).value("roachpin_upstream_spares", node=NODE) == 2)
        with Work(postgres, proxy.port, 2, fresh=1, sslmode="verify-ca", sslrootcert=str(both)) as work:
            yield proxy, work


def assert_works(proxy, ca_file):
    """New clients verify the listener, and the node knows roachpin's certificate."""
    door = Door("localhost", proxy.port, "verify-full", str(ca_file))
    done = psql("SELECT current_user", **{**door.options, "user": "certified"})
    assert done.stdout == "certified\n", done.stderr


def halves(text):
    """What of a file may be there at some time: nothing, its head, all but its last line."""
    lines = text.splitlines(keepends=True)
    return {"empty": "", "first line": lines[0], "half": text[:len(text) // 2],
            "without its end": "".join(lines[:-1])}


@pytest.mark.parametrize("name", ["ca.crt", "local.crt", "local.key", "client.crt", "client.key"])
def test_a_part_is_refused_and_the_whole_is_taken(served, files, pki, name):
    proxy, work = served
    file = files / name
    whole, descriptors = file.read_text(), proxy.descriptors
    parts = halves(whole)
    for part in parts.values():
        with proxy.expecting("reload_failed", level="error", why="a file changed"):
            put(file, part)
        assert name in proxy.events("reload_failed")[-1]["reason"]
    work.go_on()
    assert_works(proxy, pki.ca)
    counted = scrape(proxy)
    assert counted.value("roachpin_config_reloads_total", result="failure") == len(parts)
    assert counted.value("roachpin_config_reloads_total", result="success") == 0
    with proxy.expecting("reloaded"):
        put(file, whole)
    work.go_on()
    assert_works(proxy, pki.ca)
    until("all is given back", lambda: proxy.descriptors <= descriptors + 4)


def test_a_file_that_is_being_written_is_waited_for(served, files, pki):
    """Nobody reads it while somebody writes on."""
    proxy, work = served
    lines = (files / "ca.crt").read_text().splitlines(keepends=True)
    with proxy.expecting("reloaded"):
        with open(files / "ca.crt", "w", encoding="ascii") as writer:
            for line in lines:
                writer.write(line)
                writer.flush()
                time.sleep(0.05)  # less than the silence that roachpin waits for
    assert not proxy.events("reload_failed")
    work.go_on()
    assert_works(proxy, pki.ca)


def test_a_pair_is_taken_when_both_are_there(served, files, next_pki, pki):
    proxy, work = served
    with proxy.expecting("reload_failed", level="error"):
        put(files / "local.key", next_pki.node.key.read_text())
    said = proxy.events("reload_failed")[-1]["reason"]
    assert "listeners[0].tls" in said and "local." in said
    work.go_on()
    assert_works(proxy, pki.ca)  # the old pair
    with proxy.expecting("reloaded"):
        put(files / "local.crt", next_pki.node.cert.read_text())
    assert_works(proxy, next_pki.ca)
    work.go_on()
