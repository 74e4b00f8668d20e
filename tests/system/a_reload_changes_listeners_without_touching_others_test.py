"""A reload opens, closes and changes listeners, nodes and the log; sessions that are still allowed do
not notice. What waits for a restart is said."""

import copy
import shutil
import signal
import ssl
import stat
from pathlib import Path

import pytest

from harness import wire
from harness.certificates import NODE, Pki
from harness.control import post
from harness.drivers import LOGIN, Load, read_end
from harness.roachpin import Roachpin, node
from harness.three_nodes import ThreeNodes
from harness.waiting import until
from harness.wire import Wire, probe_refused

STORM = 200


@pytest.fixture(scope="module")
def local_pki(tmp_path_factory):
    """Of the listener's certificate, where it is none of the cluster's."""
    return Pki(tmp_path_factory.mktemp("local"))


@pytest.fixture
def nodes(pki):
    with ThreeNodes(pki.node) as three:
        yield three


@pytest.fixture
def settings(pki, nodes):
    return nodes.settings(pki.ca, workers=2, drain={"timeout": "60s"})


def logged_in(port):
    client = Wire(port)
    client.login("", **LOGIN)
    return client


def refusal(port):
    with Wire(port) as client:
        client.send(wire.startup(**LOGIN))
        return client.refusal()


def works(client):
    return client.ask("SELECT 1") == ["SELECT 1"]


def changed(settings, **sections):
    """A copy, with whole sections replaced."""
    return {**copy.deepcopy(settings), **sections}


def reload(proxy, settings):
    """Its event, once these are in force."""
    with proxy.expecting("reloaded"):
        proxy.reconfigure(settings)
    return proxy.events("reloaded")[-1]


def fixed(proxy, **more):
    """The first listener, by the port it has."""
    return {"bind": f"127.0.0.1:{proxy.port}", **more}


def with_fixed_port(proxy, settings):
    """The same with the port in place of 0, which would be another listener."""
    made = changed(settings, listeners=[fixed(proxy)])
    reload(proxy, made)
    return made


def certificate_of(port):
    """What the listener shows in a handshake."""
    with Wire(port) as client:
        assert client.request_tls() == b"S"
        client.start_tls()
        return client.socket.getpeercert(binary_form=True)


def der(path):
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


def test_a_listener_is_added_and_removed(settings, tmp_path):
    path = tmp_path / "added.sock"
    with Roachpin(settings) as proxy, Load(proxy.port, 10) as load:
        before = settings["listeners"]
        reload(proxy, changed(settings, listeners=[*before, {"bind": f"unix:{path}"}]))
        with logged_in(path) as idle, logged_in(path) as busy, logged_in(proxy.port) as other:
            assert works(idle)
            busy.ask("BEGIN")
            reload(proxy, settings)
            proxy.wait_event("listener_closed", listener=f"unix:{path}")
            assert not path.exists()
            assert read_end(idle).startswith("57P01")
            assert works(busy)
            busy.ask("COMMIT")
            assert read_end(busy).startswith("57P01")
            assert works(other)
        load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.turned_away


def test_the_mode_of_a_unix_socket_is_changed(settings, tmp_path):
    path = tmp_path / "app.sock"
    listener = {"bind": f"unix:{path}", "unix_mode": "0660"}
    with Roachpin(changed(settings, listeners=[listener])) as proxy:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        same = path.stat().st_ino
        reload(proxy, changed(settings, listeners=[{**listener, "unix_mode": "0600"}]))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_ino == same


def test_a_removed_listeners_sessions_have_until_drain_timeout(settings, tmp_path):
    path = tmp_path / "added.sock"
    short = changed(settings, drain={"timeout": "500ms"})
    with Roachpin(changed(short, listeners=[*short["listeners"], {"bind": f"unix:{path}"}])) as proxy:
        with logged_in(path) as busy, logged_in(proxy.port) as other:
            busy.ask("BEGIN")
            other.ask("BEGIN")
            reload(proxy, short)
            proxy.wait_event("session_ended", reason="cut")
            assert works(other)


def test_a_tcp_port_is_given_up(settings):
    with Roachpin(settings) as proxy:
        old_port = proxy.port
        reload(proxy, changed(settings, listeners=[{"bind": "127.0.0.2:0"}]))
        proxy.wait_event("listener_closed")
        assert probe_refused(("127.0.0.1", old_port))
        bound = proxy.events("listening")[-1]["listener"]
        with logged_in(("127.0.0.2", int(bound.rpartition(":")[2]))) as client:
            assert works(client)


def test_a_listener_that_cannot_be_opened_changes_nothing(settings, tmp_path):
    with Roachpin(settings) as proxy, logged_in(proxy.port) as lasting:
        wanted = [*settings["listeners"], {"bind": f"unix:{tmp_path}/fine.sock"},
                  {"bind": "192.0.2.1:0", "allow_from": ["10.0.0.0/8"],
                   "dangerous_plaintext_beyond_loopback": True}]
        with proxy.expecting("reload_failed"):
            proxy.reconfigure(changed(settings, listeners=wanted))
        assert "192.0.2.1" in proxy.events("reload_failed")[-1]["reason"]
        assert not (tmp_path / "fine.sock").exists()
        assert works(lasting)
        with logged_in(proxy.port) as client:
            assert works(client)


def test_allow_from_is_narrowed(settings):
    """Who is shut out ends when idle; nobody new comes from there."""
    with Roachpin(settings) as proxy:
        settings = with_fixed_port(proxy, settings)
        with logged_in(proxy.port) as idle:
            told = reload(proxy, changed(
                settings, listeners=[fixed(proxy, allow_from=["127.9.0.0/16"])]))
            assert told["retiring"] == 1
            assert read_end(idle).startswith("57P01")
            assert refusal(proxy.port).code == "28000"
            reload(proxy, settings)
            with logged_in(proxy.port) as client:
                assert works(client)


def test_max_connections_is_changed(settings):
    """Those that are above it stay."""
    with Roachpin(settings) as proxy:
        settings = with_fixed_port(proxy, settings)
        with logged_in(proxy.port) as first, logged_in(proxy.port) as second:
            reload(proxy, changed(settings, listeners=[fixed(proxy, max_connections=1)]))
            assert refusal(proxy.port).code == "53300"
            assert works(first) and works(second)
            reload(proxy, changed(settings, listeners=[fixed(proxy, max_connections=3)]))
            with logged_in(proxy.port) as third:
                assert works(third)
                assert refusal(proxy.port).code == "53300"
            reload(proxy, changed(settings, limits={"max_connections": 2}))
            assert refusal(proxy.port).code == "53300"


def test_the_listeners_certificate_is_replaced(settings, pki, local_pki, tmp_path):
    """The next handshakes see the new one, sessions go on inside the old one's TLS."""
    cert, key = tmp_path / "local.crt", tmp_path / "local.key"

    def install(certificate):
        # The key first: a pair that does not match is refused, and the next change tried again.
        for source, target in ((certificate.key, key), (certificate.cert, cert)):
            beside = target.with_suffix(".new")
            shutil.copy(source, beside)
            beside.chmod(0o600)
            beside.rename(target)

    install(pki.node)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    with Roachpin(changed(settings, listeners=[{"bind": "127.0.0.1:0", "tls": tls}])) as proxy:
        assert certificate_of(proxy.port) == der(pki.node.cert)
        with Wire(proxy.port) as lasting:
            lasting.request_tls()
            lasting.start_tls().login("", **LOGIN)
            with proxy.expecting("reloaded"):
                install(local_pki.node)
            assert certificate_of(proxy.port) == der(local_pki.node.cert)
            assert works(lasting)


def test_a_certificate_of_its_own_is_kept(settings, tmp_path):
    exported = tmp_path / "roachpin.crt"
    listeners = [{"bind": "127.0.0.1:0", "tls": {"auto": True, "export_file": str(exported)}}]
    with Roachpin(changed(settings, listeners=listeners)) as proxy:
        before = certificate_of(proxy.port)
        reload(proxy, changed(settings, listeners=listeners, log={"level": "info",
                                                                 "format": "json"},
                              limits={"max_connections": 100}))
        assert certificate_of(proxy.port) == before == der(exported)
        assert len(proxy.events("local_certificate_made")) == 1


def test_nodes_are_added_and_removed(settings, nodes):
    def only(*indexes):
        made = copy.deepcopy(settings)
        made["cluster"]["nodes"] = [node(NODE, nodes.ports[index]) for index in indexes]
        return made

    with Roachpin(only(0)) as proxy, Load(proxy.port, 10) as load:
        with logged_in(proxy.port) as idle:
            assert idle.instance == nodes.instance(0)
            reload(proxy, only(0, 1))
            with proxy.expecting("session_established", address=nodes.address(1)):
                load.go_on()
            assert works(idle)
            reload(proxy, only(1, 2))
            assert read_end(idle).startswith("57P01")
        until("the removed node has no session", lambda: len(
            proxy.events("session_established", address=nodes.address(0))) == len(
                proxy.events("session_ended", address=nodes.address(0))))
        with proxy.expecting("session_established", address=nodes.address(2)):
            load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.lost and not load.ended_idle


def test_the_logs_level_is_changed(settings):
    with Roachpin(settings) as proxy:
        # With a key that needs a restart: that makes a warning of `reloaded`, which is heard then.
        reload(proxy, changed(settings, log={"level": "warning", "format": "json"}, workers=3))
        with logged_in(proxy.port) as client:
            assert works(client)
        with proxy.expecting("reload_failed"):
            proxy.reconfigure("nonsense: 1\n")
        assert not proxy.events("session_established") and not proxy.events("session_ended")
        reload(proxy, settings)
        with proxy.expecting("session_established"), logged_in(proxy.port):
            pass


@pytest.mark.parametrize("key, value", [
    ("workers", 3), ("start", "wait"), ("admin", {"control": "unix:/tmp/roachpin-of-a-test"})])
def test_what_needs_a_restart_is_said(settings, key, value):
    with Roachpin(settings) as proxy, logged_in(proxy.port) as lasting:
        for level in ("debug", "info"):  # which is said again, as long as it is so
            log = {"level": level, "format": "json"}
            told = reload(proxy, changed(settings, log=log, **{key: value}))
            assert key in told["needs_restart"] and told["level"] == "warning"
        assert works(lasting)
        assert not Path("/tmp/roachpin-of-a-test").exists()
        assert not reload(proxy, settings).get("needs_restart")


def test_by_the_control_socket(settings, tmp_path):
    control = tmp_path / "control.sock"
    with Roachpin(changed(settings, admin={"control": f"unix:{control}"})) as proxy:
        mode = control.stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
        with proxy.expecting("reloaded", why="POST /reload"):
            assert post(control, "/reload")[0] == 202
        assert post(control, "/reload", "GET")[0] == 405
        status, said = post(control, "/nonsense")
        assert status == 404 and "/reload" in said
    assert not control.exists()


def test_a_storm_of_signals(settings):
    """Each is heeded or one with others; nothing is left of them, and nobody notices."""
    quick = changed(settings, health={"interval": "50ms", "timeout": "50ms", "fall": 100})
    with Roachpin(quick) as proxy, Load(proxy.port, 10) as load, logged_in(proxy.port) as lasting:
        with proxy.expecting("reloaded"):
            proxy.process.send(signal.SIGHUP)
        before = proxy.descriptors
        for number in range(STORM):
            proxy.process.send(signal.SIGHUP)
            if number % 10 == 0:
                load.go_on(1)
        until("the storm is over", lambda: reload_is_done(proxy))
        load.go_on()
        load.stop()
        load.assert_no_harm()
        assert not load.lost and not load.turned_away
        assert works(lasting)
        assert not proxy.events("reload_failed") and not proxy.events("address_not_proved")
        until("descriptors are given back", lambda: proxy.descriptors <= before)


def reload_is_done(proxy):
    """A last one, asked for when no other was heard of for a while, is the last event of its kind."""
    count = len(proxy.events("reloaded"))
    with proxy.expecting("reloaded"):
        proxy.process.send(signal.SIGHUP)
    return len(proxy.events("reloaded")) == count + 1
