"""Whatever the kernel refuses for a while, whoever has a session keeps it, statement for statement;
it is said and counted, and afterwards all is as before."""

import contextlib
import signal
import subprocess
from pathlib import Path

import psycopg2
import pytest

from harness.metrics import scrape
from harness.postgres import DATABASE, PASSWORD, USER
from harness.roachpin import Roachpin
from harness.strace import Failing
from harness.waiting import until
from harness.wire import Wire, message, startup
from harness.work import Work

NO_SPARES = {"per_node": 0}  # they come and go by themselves
RARELY = {"interval": "60s"}  # likewise
HERE = "crdb-0.crdb.internal"


@pytest.fixture
def served(settings, postgres):
    """A proxy, and applications that go on whatever happens, in the clear and in TLS; in the end
    nothing of it is left."""
    listener = {"bind": "127.0.0.1:0", "tls": {"auto": True}}
    made = settings([listener], workers=2, spares=NO_SPARES, health=RARELY)
    with Roachpin(made) as proxy:
        before = proxy.descriptors, threads(proxy)
        with Work(postgres, proxy.port, 2, sslmode="disable") as clear, \
                Work(postgres, proxy.port, 2, sslmode="require") as encrypted:
            memory = proxy.rss

            def go_on(each=5):
                clear.go_on(each)
                encrypted.go_on(each)

            yield proxy, clear, go_on
            go_on()
            psycopg2.connect(**encrypted.options).close()
            assert proxy.rss - memory < 8 << 20
        until("all is given back", lambda: (proxy.descriptors, threads(proxy)) == before)
        assert not proxy.events("session_ended", reason="node_lost")
        assert not proxy.events("session_ended", reason="client_lost")


def threads(proxy):
    return len(list(Path(f"/proc/{proxy.process.pid}/task").iterdir()))


def counted(proxy, name, **labels):
    return scrape(proxy).value(name, **labels)


@pytest.mark.parametrize("error", ["EMFILE", "ENOBUFS", "ENOMEM"])
def test_what_it_lacks_for_a_new_client_makes_that_one_wait(served, postgres, error):
    proxy, _, go_on = served
    times = 5
    with Failing(proxy.process.pid, f"accept4:error={error}:when=1..{times}"), \
            Work(postgres, proxy.port, 0, fresh=2) as newcomers:
        newcomers.go_on()
        go_on()
    assert counted(proxy, "roachpin_accept_failures_total", listener=proxy.listeners[0]) == times
    said = proxy.events("accept_failed", level="error", listener=proxy.listeners[0])
    assert len(said) == times
    assert said[0]["reason"].startswith("accept: ") and said[-1]["retry_after"] > said[0]["retry_after"]


@pytest.mark.parametrize("error", ["ECONNABORTED", "EPROTO", "EINTR"])
def test_a_client_that_left_too_early_is_nobodys_fault(served, postgres, error):
    proxy, _, go_on = served
    with Failing(proxy.process.pid, f"accept4:error={error}:when=1+2") as failing, \
            Work(postgres, proxy.port, 0, fresh=2) as newcomers:
        newcomers.go_on()
        go_on()
        assert failing.count >= 3
    assert not proxy.events("accept_failed")
    assert counted(proxy, "roachpin_accept_failures_total", listener=proxy.listeners[0]) == 0


def test_a_storm_of_interruptions_is_gone_through(served, postgres):
    proxy, _, go_on = served
    # Strides that do not fall in step with how often a loop calls: no kernel does that for ever.
    storm = [f"{call}:error=EINTR:when=1+{every}" for call, every in (
        ("recvfrom", 3), ("sendto", 2), ("read", 3), ("write", 2), ("epoll_wait", 5), ("accept4", 2),
        ("poll", 3))]
    with Failing(proxy.process.pid, *storm) as failing, \
            Work(postgres, proxy.port, 0, fresh=2) as newcomers:
        go_on(10)
        newcomers.go_on(5)
        failing.wait(500)
    assert not proxy.events("client_gone")
    assert counted(proxy, "roachpin_log_lines_lost_total") == 0


def test_a_client_that_says_more_than_it_must_is_not_taken_for_gone(served):
    """It is looked at while a node is dialled, and that look is interrupted."""
    proxy, _, go_on = served
    with Failing(proxy.process.pid, "poll:error=EINTR", "connect:delay_exit=500000") as failing, \
            Wire(proxy.port) as client:
        client.send(startup(user=USER, database=DATABASE, application_name="eager"))
        proxy.wait_event("client_opened", application_name="eager")
        client.send(message(b"p", PASSWORD.encode() + b"\0"))
        failing.wait(call="poll")
        assert client.read()[0] == b"R"
        client.send(message(b"X"))
        go_on()
    assert not proxy.events("client_gone")


def test_what_cannot_be_had_just_now_is_waited_for(served):
    """As under memory pressure; that of `write` meets the log, too."""
    proxy, _, go_on = served
    storm = [f"{call}:error=EAGAIN:when=1+3" for call in ("recvfrom", "sendto", "read", "write")]
    with Failing(proxy.process.pid, *storm) as failing:
        go_on(10)
        failing.wait(200)
    assert counted(proxy, "roachpin_log_lines_lost_total") == 0


@pytest.mark.parametrize("failure", [
    "socket:error=EMFILE", "socket:error=ENOMEM", "connect:error=ENOBUFS"])
def test_what_it_lacks_for_a_node_is_no_fault_of_the_node(served, failure):
    proxy, work, go_on = served
    with Failing(proxy.process.pid, failure):
        with pytest.raises(psycopg2.OperationalError, match="roachpin itself has run out"):
            psycopg2.connect(**work.options)
        go_on()
    refused = proxy.wait_event("client_refused", reason="out_of_resources")
    assert refused["sqlstate"] == "53300"
    assert proxy.events("dial_failed", reason="out_of_resources", hostile=False)
    assert counted(proxy, "roachpin_upstream_dials_total", node=HERE, result="not_dialled") >= 1
    states = scrape(proxy).all("roachpin_node_state", node=HERE)
    assert [has["state"] for has, value in states if value] == ["ready"]
    assert not proxy.events("address_not_proved")


@pytest.mark.parametrize("call", ["read", "openat"])
def test_a_file_that_cannot_be_read_changes_nothing(served, call):
    proxy, _, go_on = served
    for file in (proxy.config_file, Path(proxy.settings["cluster"]["ca_file"])):
        with Failing(proxy.process.pid, f"{call}:error=EIO", path=file):
            with proxy.expecting("reload_failed"):
                proxy.process.send(signal.SIGHUP)
            go_on()
        assert file.name in proxy.events("reload_failed")[-1]["reason"]
    assert counted(proxy, "roachpin_config_reloads_total", result="failure") == 2
    with proxy.expecting("reloaded"):
        proxy.process.send(signal.SIGHUP)


REFUSING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
/* Only EPOLL_CTL_ADD allocates and can fail in life; what strace does it does to all. */
int epoll_ctl(int in, int how, int fd, struct epoll_event *what) {
    static int (*real)(int, int, int, struct epoll_event *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    if (how == EPOLL_CTL_ADD && access(getenv("REFUSE_WATCHES"), F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return real(in, how, fd, what);
}
"""


def test_without_a_watch_a_new_client_ends_and_no_other(settings, postgres, tmp_path):
    """fs.epoll.max_user_watches, which is the machine's and no test's to change."""
    source, library, refuse = tmp_path / "w.c", tmp_path / "w.so", tmp_path / "refuse"
    source.write_text(REFUSING)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    environment = ["env", f"LD_PRELOAD={library}", f"REFUSE_WATCHES={refuse}"]
    made = settings(workers=2, spares=NO_SPARES, health=RARELY)
    with Roachpin(made, under=environment) as proxy:
        before = proxy.descriptors
        with Work(postgres, proxy.port, 3) as work:
            refuse.touch()
            for _ in range(3):
                with pytest.raises(psycopg2.OperationalError):
                    psycopg2.connect(**work.options)
            work.go_on(5)
            refuse.unlink()
            psycopg2.connect(**work.options).close()
            work.go_on()
        until("all is given back", lambda: proxy.descriptors == before)
        said = proxy.events("internal_error")
        assert len(said) == 3 and all("No space left on device" in one["reason"] for one in said)
        with contextlib.suppress(AssertionError):  # the harness takes internal_error for a bug
            proxy.stop()
