"""The log's reader may hang: sessions go on, the eldest lines are dropped and counted, and the
process ends when it is told to."""

import fcntl
import os
import signal
import subprocess
import threading

import pytest
import yaml

from harness.postgres import DATABASE, PASSWORD, USER, free_port
from harness.roachpin import BINARY, parse_line
from harness.waiting import until
from harness.wire import Wire, probe_refused

LINES = 3000  # some of them are in the pipe, some in the queue, the others are lost


@pytest.fixture
def unread(settings, tmp_path):
    """A roachpin, its port, and the end of its log that nobody reads."""
    port = free_port()
    file = tmp_path / "roachpin.yaml"
    file.write_text(yaml.safe_dump(settings([{"bind": f"127.0.0.1:{port}"}])))
    log, stderr = os.pipe()
    fcntl.fcntl(stderr, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen([BINARY, "run", "-c", file], stdin=subprocess.DEVNULL,
                               stderr=stderr)
    os.close(stderr)
    until("it listens", lambda: not probe_refused(("127.0.0.1", port)))
    yield process, port, log
    if process.poll() is None:
        process.kill()
        process.wait()
    os.close(log)


def make_noise(port):
    for _ in range(LINES):
        with Wire(port) as client:
            client.send(b"noise" * 10)
            client.refusal()


def log_in(port):
    with Wire(port) as client:
        client.login(PASSWORD, user=USER, database=DATABASE)
        assert client.ask("SELECT 'served'") == ["served"]


def test_sessions_go_on_and_it_ends_in_time(unread):
    process, port, _ = unread
    make_noise(port)
    log_in(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_what_was_lost_is_counted(unread):
    process, port, log = unread
    make_noise(port)
    lost = []

    def read_all():
        with open(os.dup(log), encoding="utf-8") as reader:
            lost.extend(event["lost"] for event in map(parse_line, reader) if "lost" in event)

    reading = threading.Thread(target=read_all)
    reading.start()
    log_in(port)  # the next event, once there is room, brings the count
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    reading.join(20)
    assert len(lost) == 1 and 0 < lost[0] < LINES
