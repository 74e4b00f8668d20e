"""The machine's clock jumps, by days and by decades, forward and back: nothing that only takes time
cares for it, and certificates are judged by what the clock says now."""

import contextlib
import datetime
from pathlib import Path

import pytest

from harness.certificates import NODE
from harness.dns_servers import HostileDns, address, says
from harness.metrics import scrape
from harness.postgres import DATABASE, USER
from harness.roachpin import Roachpin, configuration, node
from harness.wire import Wire, startup
from harness.waiting import until
from harness.work import Work

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
ZONE = "crdb.internal"
DAY = datetime.timedelta(days=1)
HEALTH = {"interval": "1s", "timeout": "1s"}


class Clock:
    """Of a program that is started `under` it: the machine's own, and so many days more. What counts
    monotonic time is left alone."""

    def __init__(self, directory):
        self._file = directory / "clock"
        self.jump(0)
        self.under = ["env", f"LD_PRELOAD={FAKETIME}", f"FAKETIME_TIMESTAMP_FILE={self._file}",
                      "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                      "DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"]

    def jump(self, days):
        beside = self._file.with_name("clock.new")
        beside.write_text(f"{days * 86400:+d}\n")
        beside.rename(self._file)


@pytest.fixture
def clock(tmp_path):
    assert FAKETIME.exists(), "libfaketime is not installed (Debian: faketime)"
    return Clock(tmp_path)


@contextlib.contextmanager
def served(clock, pki, postgres):
    """One node by its address and one by its name, spares, and applications that stay."""
    with HostileDns(says(address(NODE, "127.0.0.1"))) as dns:
        named = {"host": NODE, "port": postgres.port, "allow": ["127.0.0.0/8"]}
        nodes = [named, node("localhost", postgres.port)]
        made = configuration(
            pki.ca, nodes, health=HEALTH, spares={"per_node": 1, "max_age": "2s"}, workers=2,
            resolver={"servers": [f"{dns.host}:{dns.port}"], "refresh_min": "1s", "refresh_max": "1s",
                      "max_stale": "1h"})
        with Roachpin(made, under=clock.under) as proxy, \
                Work(postgres, proxy.port, 3) as work:
            until("spares are kept", lambda: spares(proxy) == 2)
            before = proxy.descriptors
            yield proxy, work, dns
            work.go_on()
            until("all is given back", lambda: proxy.descriptors <= before + 4)


def spares(proxy):
    return sum(value for _, value in scrape(proxy).all("roachpin_upstream_spares"))


def now_by(proxy):
    """What its log has for the time of its last event."""
    text = proxy.events()[-1]["time"]
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")


def today():
    return datetime.datetime.utcnow()


def dialled(proxy):
    return sum(value for _, value in scrape(proxy).all("roachpin_upstream_dials_total"))


def assert_all_goes_on(proxy, work, dns):
    """Sessions, probes, spares, questions: as often as before."""
    work.go_on()
    asked, dials = len(dns.queries), dialled(proxy)
    until("names are asked for", lambda: len(dns.queries) >= asked + 2)
    until("nodes are looked at", lambda: dialled(proxy) >= dials + 4)
    for mode in ("process", "any", "all"):
        assert proxy.get(f"/readyz?mode={mode}")[0] == 200
    assert proxy.get("/livez")[0] == 200


def test_within_the_certificates_time_nobody_notices(clock, pki, postgres):
    with served(clock, pki, postgres) as (proxy, work, dns):
        for days in (300, 1, 0):  # forward, back, and back to where it was
            clock.jump(days)
            until("the log has the new time", lambda: abs(now_by(proxy) - today() - days * DAY) < DAY / 24)
            assert_all_goes_on(proxy, work, dns)
            with Work(postgres, proxy.port, 0, fresh=1) as newcomers:
                newcomers.go_on()
        assert not proxy.events("address_not_proved") and not proxy.events("names_stale")
        assert not proxy.events("session_ended", reason="node_lost")


@pytest.mark.parametrize("days, fault", [(365 * 30, "expired"), (-365, "not_yet_valid")])
def test_certificates_are_judged_by_the_time_that_is_now(clock, pki, postgres, days, fault):
    with served(clock, pki, postgres) as (proxy, work, dns):
        clock.jump(days)
        for host in (NODE, "localhost"):
            said = proxy.wait_event("address_not_proved", node=host, state="hostile")
            assert said["level"] == "error" and said["reason"] == fault, said
        until("no spare is left of the time before", lambda: spares(proxy) == 0)
        with Wire(proxy.port) as client:
            client.send(startup(user=USER, database=DATABASE))
            refusal = client.refusal()
        assert refusal.code == "08004"
        counted = scrape(proxy).value("roachpin_upstream_verification_failures_total", node=NODE,
                                      reason=fault)
        assert counted >= 1
        until("it is not ready", lambda: proxy.get("/readyz")[0] == 503)
        work.go_on(5)  # who is in stays in
        assert proxy.get("/livez")[0] == 200
        clock.jump(0)
        for host in (NODE, "localhost"):
            proxy.wait_event("address_admitted", node=host, count=2)
        until("it is ready", lambda: proxy.get("/readyz")[0] == 200)
        assert_all_goes_on(proxy, work, dns)
        assert not proxy.events("names_stale") and not proxy.events("session_ended")
