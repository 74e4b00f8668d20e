"""A Flask application with `sslmode=require` in its URL works when only the host is changed."""

import contextlib
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from applications.guestbook import create_app
from harness.door import Door
from harness.roachpin import Roachpin
from harness.waiting import PATIENCE

TLS_LISTENER = {"bind": "127.0.0.1:0", "tls": {"auto": True}}


class Quiet(WSGIRequestHandler):
    def log(self, *arguments):
        pass


class Site:
    """The application behind its web server, asked over HTTP."""

    def __init__(self, base):
        self.base = base

    def ask(self, path, **body):
        request = urllib.request.Request(
            self.base + path, json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, None


@contextlib.contextmanager
def served(door):
    app, engine = create_app(door.url("postgresql+psycopg2"))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        engine.dispose()


@pytest.fixture(autouse=True)
def empty_guestbook(postgres):
    postgres.do("DROP TABLE IF EXISTS guestbook")


@pytest.fixture(params=["straight to the database", "through roachpin"])
def door(request, settings, postgres):
    if request.param.startswith("straight"):
        yield Door("127.0.0.1", postgres.port)
        return
    with Roachpin(settings([TLS_LISTENER])) as proxy:
        yield Door("localhost", proxy.port)


def test_it_reads_and_writes(door):
    with served(door) as site:
        assert site.ask("/connection") == (200, {"tls": True, "user": "app"})
        assert site.ask("/entries/ada")[0] == 404
        assert site.ask("/entries", name="ada", text="hello")[0] == 201
        assert site.ask("/entries", name="ada", text="again")[0] == 409
        assert site.ask("/entries/ada") == (200, {"text": "hello"})
        assert site.ask("/entries", name="long", text="é" * 300_000)[0] == 201
        assert site.ask("/entries/long") == (200, {"text": "é" * 300_000})


def test_many_visitors_at_once_are_all_served(door):
    visitors = [f"visitor {number}" for number in range(120)]
    with served(door) as site, ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda name: site.ask("/entries", name=name, text=name), visitors))
        assert [status for status, _ in answers] == [201] * len(visitors)
        assert site.ask("/entries")[1]["entries"] == len(visitors)


def test_pre_ping_carries_it_over_a_restart_of_roachpin(settings):
    first = Roachpin(settings([TLS_LISTENER], drain={"timeout": "100ms"}))
    with contextlib.ExitStack() as stack:
        with first:
            port = first.port
            site = stack.enter_context(served(Door("localhost", port)))
            assert site.ask("/entries", name="before", text="x")[0] == 201
        # Its pooled connections were open until the end of the drain.
        assert first.wait_event("drained")
        again = settings([TLS_LISTENER | {"bind": f"127.0.0.1:{port}"}])
        stack.enter_context(Roachpin(again))
        assert site.ask("/entries/before") == (200, {"text": "x"})
