"""The cluster's authority is replaced while applications work: the bundle of both, new certificates
for the nodes, the new authority alone. Nobody loses a connection or a statement; sessions that the
old authority let in end between two statements. What cannot be applied changes nothing."""

import copy
import shutil
import signal

import pytest

from harness.certificates import Pki
from harness.drivers import LOGIN, Load, read_end
from harness.roachpin import Roachpin, replace
from harness.three_nodes import ThreeNodes
from harness.wire import Wire


@pytest.fixture(scope="module")
def new_pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("new-pki"))


class Renamed:
    """A file that is replaced by a rename, as certificate managers do."""

    def __init__(self, directory, text):
        self.path = directory / "ca.crt"
        self.path.write_text(text)

    def write(self, text):
        replace(self.path, text)


class Mounted:
    """A file of a Kubernetes secret: its folder is reached by a link that is swapped."""

    def __init__(self, directory, text):
        self._directory = directory
        self._count = 0
        self.path = directory / "ca.crt"
        self.write(text)
        self.path.symlink_to("..data/ca.crt")

    def write(self, text):
        link = self._directory / "..data"
        before = link.resolve()
        self._count += 1
        folder = self._directory / f"..version_{self._count}"
        folder.mkdir()
        (folder / "ca.crt").write_text(text)
        (self._directory / "..data_tmp").symlink_to(folder.name)
        (self._directory / "..data_tmp").rename(link)
        if self._count > 1:
            shutil.rmtree(before)


def logged_in(proxy):
    client = Wire(proxy.port)
    client.login("", **LOGIN)
    return client


def present(nodes, pki):
    for node in nodes.nodes:
        node.command(f"present {pki.node.cert} {pki.node.key}")


@pytest.mark.parametrize("way", ["a rename", "a rename and SIGHUP", "a link of Kubernetes'"])
def test_old_then_both_then_new(pki, new_pki, tmp_path, way):
    old_ca, new_ca = pki.ca.read_text(), new_pki.ca.read_text()
    bundle = (Mounted if "link" in way else Renamed)(tmp_path, old_ca)

    def apply(proxy, text):
        why = "SIGHUP" if "SIGHUP" in way else "a file changed"
        with proxy.expecting("reloaded", why=why):
            bundle.write(text)
            if "SIGHUP" in way:
                proxy.process.send(signal.SIGHUP)

    with ThreeNodes(pki.node) as nodes:
        settings = nodes.settings(bundle.path, drain={"timeout": "60s"})
        with Roachpin(settings) as proxy, Load(proxy.port, 30) as load, \
                logged_in(proxy) as idle, logged_in(proxy) as busy:
            busy.ask("BEGIN")
            apply(proxy, old_ca + new_ca)
            load.go_on()
            present(nodes, new_pki)
            load.go_on(10)  # with both kinds of sessions
            assert idle.ask("SELECT 1") == ["SELECT 1"]
            assert not proxy.events("session_ended", reason="retired")

            apply(proxy, new_ca)
            assert read_end(idle).startswith("57P01")
            load.go_on()
            assert busy.ask("SELECT 2") == ["SELECT 2"]
            assert busy.ask("COMMIT") == []
            assert read_end(busy).startswith("57P01")
            load.go_on()
            load.stop()
            load.assert_no_harm()
            assert not load.lost and not load.ended_idle
            assert max(event["retiring"] for event in proxy.events("reloaded")) >= 2
            assert not proxy.events("session_ended", reason="cut")
            assert not proxy.events("reload_failed")
            assert not proxy.events("dial_failed") and not proxy.events("address_not_proved")


def test_what_cannot_be_applied_changes_nothing(pki, new_pki, tmp_path):
    good_ca = pki.ca.read_text()
    bundle = Renamed(tmp_path, good_ca)
    (tmp_path / "garbage.pem").write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    with ThreeNodes(pki.node) as nodes:
        settings = nodes.settings(bundle.path)
        with_crl = copy.deepcopy(settings)
        with_crl["cluster"]["crl_file"] = str(tmp_path / "garbage.pem")

        with Roachpin(settings) as proxy, Load(proxy.port, 15) as load, logged_in(proxy) as lasting:
            def is_refused(change, because):
                with proxy.expecting("reload_failed"):
                    change()
                said = proxy.events("reload_failed")[-1]["reason"]
                assert all(part in said for part in because), said
                load.go_on()
                assert lasting.ask("SELECT 1") == ["SELECT 1"]

            def is_applied(change):
                with proxy.expecting("reloaded"):
                    change()
                load.go_on()

            is_refused(lambda: bundle.write("no certificate\n"), ["ca.crt"])
            is_refused(lambda: bundle.path.unlink(), ["ca.crt"])
            is_refused(lambda: bundle.write(new_pki.ca.read_text()),
                       ["no node can be used with it", *map(nodes.address, range(3))])
            is_applied(lambda: bundle.write(good_ca))
            is_refused(lambda: proxy.reconfigure("cluster: [\n"), ["roachpin.yaml"])
            is_refused(lambda: proxy.reconfigure(with_crl), ["garbage.pem"])
            is_applied(lambda: proxy.reconfigure(settings))
            is_applied(lambda: bundle.write(new_pki.ca.read_text() + good_ca))
            load.stop()
            load.assert_no_harm()
            assert not load.lost and not load.turned_away


def test_a_drain_during_a_reload_is_clean(pki):
    """The reload waits for nodes that do not answer when SIGTERM comes."""
    with ThreeNodes(pki.node) as nodes:
        settings = nodes.settings(pki.ca, health={"interval": "2s", "timeout": "2s", "fall": 100})
        with Roachpin(settings) as proxy, logged_in(proxy) as client:
            for node in nodes.nodes:
                node.command("play before-init")
            proxy.process.send(signal.SIGHUP)
            proxy.process.send(signal.SIGTERM)
            assert read_end(client).startswith("57P01")
            assert proxy.wait() == 0
            assert proxy.events("drained") and not proxy.events("reloaded")


def test_at_whatever_moment_of_a_reload_a_drain_comes(pki):
    with ThreeNodes(pki.node) as nodes:
        for reloads_before in range(4):
            with Roachpin(nodes.settings(pki.ca)) as proxy:
                for _ in range(reloads_before):
                    with proxy.expecting("reloaded"):
                        proxy.process.send(signal.SIGHUP)
                proxy.process.send(signal.SIGHUP)
                assert proxy.stop() == 0
