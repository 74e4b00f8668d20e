"""What docker/compose.yaml puts together works: an application that reaches its database through
roachpin goes on when the DNS server leads elsewhere, and Prometheus sees it refused. Here without
Docker, in a network of its own, with the services' own commands and files; PostgreSQL and
Debian's Prometheus stand for the images of others."""

import contextlib
import shutil
import signal
import urllib.error
import urllib.parse
import urllib.request
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from harness.certificates import Pki
from harness.containers import (
    Compose, Container, debian_root, image_root, instruction, only_as_root)
from harness.documents import Walk
from harness.enter_root import USER
from harness.impostor import Impostor
from harness.network import private_network
from harness.postgres import Postgres
from harness.roachpin import select
from harness.waiting import PATIENCE, until

NAME = "crdb.demo.internal"
ELSEWHERE = "172.30.57.66"  # where docker/README.md has the name led
COCKROACH = "CockroachDB CCL v26.2.3 (x86_64-pc-linux-gnu, built 2026/06/30 10:26:04, go1.25.5)"


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    only_as_root()
    return Compose(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def network(compose):
    with private_network(*(f"{address}/24" for address in compose.addresses.values()),
                         f"{ELSEWHERE}/32"):
        yield


@pytest.fixture(scope="module")
def certificates(compose):
    """As docker/cluster/certificates.sh lays them."""
    folder = compose.folder / "pki"
    folder.mkdir()
    cluster = Pki(folder / "cluster", [NAME, "crdb-0", "crdb-1", "crdb-2", "localhost", "127.0.0.1"])
    proxy = Pki(folder / "proxy", ["roachpin", "localhost"])
    for source, volume, name in (
            (cluster.ca, "proxy-certificates", "cluster-ca.crt"),
            (proxy.node.cert, "proxy-certificates", "roachpin.crt"),
            (proxy.node.key, "proxy-certificates", "roachpin.key"),
            (proxy.ca, "app-certificates", "ca.crt")):
        there = compose.volume(volume) / name
        shutil.copy(source, there)
        shutil.chown(there, USER, USER)
    return cluster


@pytest.fixture(scope="module")
def url(compose):
    """The application's."""
    return make_url(compose.services["app"]["environment"]["DATABASE_URL"])


@pytest.fixture(scope="module")
def database(compose, network, certificates, url):
    """One server at the addresses of the three nodes; after docker/cluster/database.sh."""
    nodes = [compose.addresses[f"crdb-{number}"] for number in range(3)]
    server = Postgres(certificates.ca, certificates.node, nodes, 26257)
    server.do(f"ALTER ROLE {url.username} PASSWORD '{url.password}'",
              f"CREATE DATABASE {url.database} OWNER {url.username}")
    with server.direct(url.database) as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA public OWNER TO {url.username}")
        # As a CockroachDB says it.
        cursor.execute("ALTER FUNCTION pg_catalog.version() RENAME TO postgresql_version")
        cursor.execute("CREATE FUNCTION pg_catalog.version() RETURNS text LANGUAGE sql AS"
                       f" $$ SELECT '{COCKROACH}' $$")
    yield server
    server.stop()


def hosts(root, compose):
    lines = [f"{address} {name}\n" for name, address in compose.addresses.items()]
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
    return root


@pytest.fixture(scope="module")
def roots(compose):
    made = {}
    for name in ("dns", "app", "prometheus"):
        (compose.folder / f"{name}-root").mkdir(mode=0o755)
        made[name] = hosts(debian_root(compose.folder / f"{name}-root"), compose)
    made["roachpin"] = image_root(compose.folder / "roachpin-root")
    shutil.copy(compose.docker / "dns/dnsmasq.conf", made["dns"] / "etc/dnsmasq.conf")
    (made["app"] / "srv/app").mkdir(parents=True)
    shutil.copy(compose.docker / "app/guestbook.py", made["app"] / "srv/app")
    return made


@pytest.fixture(scope="module")
def demo(compose, roots, database):
    """Everything, started in compose.yaml's order."""
    dns = Container(compose, "dns", roots["dns"], "dns/Dockerfile")
    roachpin = Container(compose, "roachpin", roots["roachpin"], "Dockerfile")
    app = Container(compose, "app", roots["app"], "app/Dockerfile")
    prometheus = Container(compose, "prometheus", roots["prometheus"])
    with contextlib.ExitStack() as stack:

        def start(container, argv):
            process = container.start(argv)
            stack.callback(process.stop)  # gunicorn ends its workers
            return process

        dns_process = start(dns, instruction(dns.dockerfile, "ENTRYPOINT"))
        awaited(dns, dns_process)
        proxy = start(roachpin, [*instruction(roachpin.dockerfile, "ENTRYPOINT"),
                                 *instruction(roachpin.dockerfile, "CMD")])
        awaited(roachpin, proxy)
        awaited(app, start(app, gunicorn(app)))
        start(prometheus, ["/usr/bin/prometheus", "--storage.tsdb.path=/prometheus",
                           "--config.file=/etc/prometheus/prometheus.yml",
                           "--web.listen-address=127.0.0.1:9090"])
        until("Prometheus has asked roachpin", lambda: series('up{job="roachpin"} == 1'))
        yield SimpleNamespace(compose=compose, dns=dns_process, roachpin=roachpin, proxy=proxy)


def awaited(container, process):
    """Until its health check says so."""
    def healthy():
        assert process.exit_code is None, process.output
        return container.health() == 0
    until(f"{process.argv[-1]} is healthy", healthy)


def gunicorn(app):
    """Its entry point; a container runtime starts it in WORKDIR."""
    program, *arguments = instruction(app.dockerfile, "ENTRYPOINT")
    return [program, "--chdir", instruction(app.dockerfile, "WORKDIR"), *arguments]


def ask(path, port=8000, **form):
    body = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def series(query):
    status, text = ask("/api/v1/query?" + urllib.parse.urlencode({"query": query}), 9090)
    return status == 200 and '"result":[]' not in text


def change_the_zone(demo, walk):
    """The next two commands of docker/README.md: one that is typed, and the signal that Docker would
    pass on."""
    walk.run("sed -i", "docker/dns/zone/hosts")
    signalled = walk.next("kill")
    assert signalled == "docker compose -f docker/compose.yaml kill -s HUP dns"
    demo.dns.send(signal.SIGHUP)


def said(demo, event):
    return select(demo.proxy.lines, event, {"host": NAME})


def test_its_configuration_is_in_order(demo):
    done = demo.roachpin.run("/usr/bin/roachpin", "check", "--offline", "-c",
                             "/etc/roachpin/roachpin.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    done = demo.roachpin.run("/usr/bin/roachpin", "check", "-c", "/etc/roachpin/roachpin.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_sqlalchemys_own_dialect_stops_at_cockroachdbs_version(demo, database, url):
    """With or without roachpin: why the application brings a dialect."""
    there = url.set(host="172.30.57.11", query={"sslmode": "require"})
    with pytest.raises(AssertionError, match="Could not determine version"):
        create_engine(there).connect()
    assert COCKROACH in ask("/")[1], "and the application has none of it"


def test_it_goes_on_when_the_name_is_poisoned(demo):
    assert ask("/", name="ada", said="before <all> this")[0] == 200
    assert "before &lt;all&gt; this" in ask("/")[1]
    walk = Walk("docker/README.md", "Poison its DNS", demo.compose.folder)
    with Impostor(ELSEWHERE, 26257) as impostor:
        change_the_zone(demo, walk)
        until("the answer is refused", lambda: said(demo, "dns_answer_refused"))
        assert ELSEWHERE in said(demo, "dns_answer_refused")[0]["detail"]
        until("Prometheus knows", lambda: series("roachpin_dns_answers_refused_total > 0"))
        for number in range(20):
            assert ask("/", name="bob", said=f"number {number}")[0] == 200
        assert ask("/healthz") == (200, '{"database":"ok"}\n')
        page = ask("/")[1]
        assert "number 19" in page and "before &lt;all&gt; this" in page
        change_the_zone(demo, walk)
        walk.assert_done()
        until("it is believed again", lambda: said(demo, "dns_answers_again"))
        assert impostor.connections == 0


def test_it_ends_with_a_drain(demo):
    assert demo.roachpin.health() == 0
    assert demo.proxy.stop() == 0, demo.proxy.output
    assert select(demo.proxy.lines, "drained", {})
    assert demo.roachpin.health() == 1
    status, text = ask("/healthz")
    assert status == 503 and "roachpin" in text, "the application says so"
