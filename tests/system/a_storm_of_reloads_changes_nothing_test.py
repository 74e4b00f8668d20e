"""Thousands of SIGHUPs, and files that are replaced all the time: no session is lost, reloads are few,
memory and descriptors come back, and what was written last is in force."""

import contextlib
import shutil
import signal
import time
from pathlib import Path

import pytest

from harness.certificates import NODE
from harness.control import post
from harness.metrics import scrape
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until
from harness.work import Work

SIGNALS = 5000
WRITES = 100


@pytest.fixture
def served(tmp_path, pki, postgres):
    """With every file in a folder of its own."""
    for name, source in (("ca.crt", pki.ca), ("local.crt", pki.node.cert), ("local.key", pki.node.key)):
        shutil.copy(source, tmp_path / name)
    tls = {"cert_file": str(tmp_path / "local.crt"), "key_file": str(tmp_path / "local.key")}
    made = configuration(
        tmp_path / "ca.crt", [node(NODE, postgres.port)], [{"bind": "127.0.0.1:0", "tls": tls}],
        admin={"control": f"unix:{tmp_path}/control.sock"}, workers=2)
    with Roachpin(made) as proxy, Work(postgres, proxy.port, 3, fresh=1) as work:
        with proxy.expecting("reloaded"):  # its first one makes what all others have
            proxy.process.send(signal.SIGHUP)
        work.go_on()
        until("spares are kept", lambda: scrape(proxy).value("roachpin_upstream_spares", node=NODE) == 2)
        yield proxy, work


def replaced(file, text):
    """At one stroke, and readable by nobody else."""
    beside = file.with_name("beside")
    beside.touch(0o600)
    beside.write_text(text)
    beside.rename(file)


def threads(proxy):
    return len(list(Path(f"/proc/{proxy.process.pid}/task").iterdir()))


def reloads(proxy, result="success"):
    return scrape(proxy).value("roachpin_config_reloads_total", result=result)


@contextlib.contextmanager
def nothing_left_of_it(proxy, work):
    """And at the end the configuration that was written last is in force."""
    descriptors, memory, before = proxy.descriptors, proxy.rss, threads(proxy)
    yield
    limit = 100 + proxy.settings.get("limits", {}).get("max_opening", 256)
    with proxy.expecting("reloaded"):
        proxy.reconfigure({**proxy.settings, "limits": {"max_connections": 4096 - limit}})
    until("it is in force", lambda: scrape(proxy).value("roachpin_connections_limit") == 4096 - limit)
    work.go_on(5)
    until("all is given back",
          lambda: proxy.descriptors <= descriptors + 4 and threads(proxy) == before)
    assert proxy.rss - memory < 24 << 20
    assert not proxy.events("reload_failed") and reloads(proxy, "failure") == 0
    for reason in ("client_lost", "node_lost", "retired", "cut"):
        assert not proxy.events("session_ended", reason=reason)
    assert len(proxy.events("reloaded")) == reloads(proxy)


def test_a_storm_of_signals(served):
    proxy, work = served
    with nothing_left_of_it(proxy, work):
        done, before = reloads(proxy), work.done
        for number in range(SIGNALS):
            proxy.process.send(signal.SIGHUP)
            if number % 50 == 0:
                time.sleep(0.02)  # else it is one reload, and no storm
        work.go_on()
        assert work.done > before
        # One at a time, and what is asked for meanwhile is one more.
        assert 1 <= reloads(proxy) - done < SIGNALS / 5


def test_a_storm_of_everything(served, tmp_path):
    """Signals, the control socket, files that change, and files beside them that are nobody's."""
    proxy, work = served
    texts = {name: (tmp_path / name).read_text() for name in ("ca.crt", "local.crt", "local.key")}
    with nothing_left_of_it(proxy, work):
        done = reloads(proxy)
        for number in range(WRITES):
            name = sorted(texts)[number % 3]
            replaced(tmp_path / name, texts[name])
            (tmp_path / f"other{number % 7}").write_text(str(number))
            proxy.reconfigure(proxy.config_file.read_text() + f"# {number}\n")
            proxy.process.send(signal.SIGHUP)
            if number % 20 == 0:
                assert post(tmp_path / "control.sock", "/reload")[0] == 202
                time.sleep(0.05)  # likewise
        work.go_on(5)
        assert 1 <= reloads(proxy) - done <= 2 * WRITES
