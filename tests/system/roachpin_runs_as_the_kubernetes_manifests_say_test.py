"""What config/kubernetes says of probes, mounts, discovery and ends, done with the real program: the
rendered roachpin.yaml, the rendered container's arguments and environment, and the folders as
kubelet mounts them."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from harness import kubernetes, wire
from harness.certificates import Pki
from harness.dns_servers import Dnsmasq
from harness.fake_cockroach import FakeCockroach
from harness.health_port import HealthPort, serving
from harness.kubernetes import SQL, Volume, container, of_kind
from harness.process import Process
from harness.psql import psql
from harness.roachpin import BINARY, Roachpin, refused_start
from harness.waiting import PATIENCE, until
from harness.wire import Wire

NAMESPACE = "cockroachdb.svc.cluster.local"
PUBLIC, HEADLESS = f"cockroachdb-public.{NAMESPACE}", f"cockroachdb.{NAMESPACE}"
NODES = ["127.0.30.1", "127.0.30.2"]
POD_NETWORK = "127.0.30.0/24"
LOGIN = {"user": "app", "database": "bank"}


@pytest.fixture(scope="module")
def cluster_pki(tmp_path_factory):
    """With the names that the Helm chart and the operator write into node certificates."""
    return Pki(tmp_path_factory.mktemp("cluster"), [
        "localhost", "127.0.0.1", "cockroachdb-public", "cockroachdb-public.cockroachdb", PUBLIC,
        "*.cockroachdb", "*.cockroachdb.cockroachdb", f"*.{HEADLESS}"])


class Cluster:
    """CockroachDB behind its services: two nodes, and the DNS that lists them."""

    def __init__(self, pki, stack):
        self.pki = pki
        self._stack = stack
        self.nodes = [FakeCockroach(pki.node, bind=f"{address}:0") for address in NODES]
        self.ports = [node.port for node in self.nodes]
        for node in self.nodes:
            stack.callback(node.__exit__)
        first = HealthPort(NODES[0], 0, pki.node)
        self.web_port = first.server_address[1]
        self.web = [first, HealthPort(NODES[1], self.web_port, pki.node)]
        for one in self.web:
            stack.enter_context(serving(one))
        pods = [f"cockroachdb-{number}.{HEADLESS}" for number in range(len(NODES))]
        self.dns = stack.enter_context(Dnsmasq(
            srv_host=[f"_grpc._tcp.{HEADLESS},{pod},{port}" for pod, port in zip(pods, self.ports)],
            host_record=[f"{pod},{address}" for pod, address in zip(pods, NODES)] +
                        [f"{HEADLESS},{address}" for address in NODES]))

    def kill(self):
        for node in self.nodes:
            node.kill()

    def start(self):
        for number, (address, port) in enumerate(zip(NODES, self.ports)):
            self.nodes[number] = FakeCockroach(self.pki.node, bind=f"{address}:{port}")
            self._stack.callback(self.nodes[number].__exit__)


@pytest.fixture
def cluster(cluster_pki):
    with contextlib.ExitStack() as stack:
        yield Cluster(cluster_pki, stack)


class Pod(Roachpin):
    """The container "roachpin" of an overlay's pod, at an address of its own. What is marked "yours"
    is this test's own, and so are the DNS server and the web port; all else is as rendered."""

    def __init__(self, overlay, cluster, *flags, **popen):
        self.template = kubernetes.pod_template(overlay)
        self.address = kubernetes.free_pod_address()
        self.environment = {**os.environ, "POD_IP": self.address}
        self._cluster = cluster
        self._text = kubernetes.configuration_text(overlay)
        self._directory = tempfile.TemporaryDirectory(prefix="roachpin-pod-")
        self.root = Path(self._directory.name)
        self.root.chmod(0o755)
        self.program = shutil.copy(BINARY, self.root)  # where its user can read it, too
        (self.root / "run/roachpin").mkdir(parents=True)
        self.settings = self.made()
        self.config = Volume(
            self.root / "etc/roachpin/config", roachpin_yaml=yaml.safe_dump(self.settings))
        self.ca = Volume(self.root / "etc/roachpin/ca", ca_crt=cluster.pki.ca.read_text())
        self._flags = flags
        self._popen = popen

    def __enter__(self):
        arguments = [self.here(word) for word in container(self.template)["args"]]
        self.process = Process([self.program, *arguments, *self._flags], env=self.environment,
                               **self._popen)
        return super().__enter__()

    def here(self, text):
        """With a pod's folders beneath this test's own."""
        for name in ("etc/roachpin", "run/roachpin"):
            text = text.replace(f"/{name}", f"{self.root}/{name}")
        return text

    def made(self, **sections):
        settings = yaml.safe_load(self.here(self._text))
        (node,) = settings["cluster"]["nodes"]
        assert node["allow"] == ["10.244.0.0/16"]
        node["allow"] = [POD_NETWORK]
        assert node.pop("network") == "private"  # which loopback is not
        assert settings["resolver"]["servers"] == "system"
        settings["resolver"]["servers"] = [self._cluster.dns.tcp]
        settings["health"]["http"]["port"] = self._cluster.web_port
        return {**settings, **sections}

    def probe(self, name):
        return kubernetes.probe(self.template, name, self.address)

    def patience(self, name):
        """Seconds until kubelet gives up on it."""
        probe = container(self.template)[name]
        return probe["periodSeconds"] * probe.get("failureThreshold", 3)


def sidecar(overlay, cluster):
    """Its listener is 127.0.0.1:26257, which is one for the whole machine."""
    return Pod(overlay, cluster, "--listen", "127.0.0.1:0")


def logged_in(pod):
    client = Wire(pod.port)
    client.login("", **LOGIN)
    return client


class TestSidecar:
    def test_every_pod_of_the_service_is_found_and_proved(self, cluster):
        with sidecar("sidecar", cluster) as pod:
            for address, port in zip(NODES, cluster.ports):
                pod.wait_event("address_admitted", address=f"{address}:{port}")
            until("the nodes' health to be asked", lambda: all(one.asked for one in cluster.web))
            with logged_in(pod) as client:
                assert client.ask("SELECT 1") == ["SELECT 1"]
                assert pod.wait_event("session_established")["node"] == PUBLIC

    def test_the_headless_name_is_in_no_certificate(self, cluster):
        """As README.md says: the chart writes `*.` before it, never the name itself."""
        pod = Pod("sidecar", cluster)
        settings = pod.made(start="fail_fast")
        pod.discard()
        settings["listeners"][0]["bind"] = "127.0.0.1:0"
        settings["admin"]["bind"] = "127.0.0.1:0"
        settings["cluster"]["ca_file"] = str(cluster.pki.ca)
        settings["cluster"]["nodes"] = [
            {"host": HEADLESS, "port": cluster.ports[0], "allow": [POD_NETWORK]}]
        code, said = refused_start(settings)
        assert code == 1 and f"expected {HEADLESS}" in said, said

    def test_the_application_starts_when_a_node_has_proved_itself(self, cluster):
        cluster.kill()
        with sidecar("sidecar", cluster) as pod:
            assert pod.probe("startupProbe") == 503
            assert pod.probe("livenessProbe") == 200
            with Wire(pod.port) as client:
                client.send(wire.startup(**LOGIN))
                assert client.refusal().code == "57P03"
            cluster.start()
            until("it has started", lambda: pod.probe("startupProbe") == 200,
                  within=pod.patience("startupProbe") / 10)
            with logged_in(pod) as client:
                assert client.ask("SELECT 1") == ["SELECT 1"]

    def test_an_outage_of_the_database_takes_no_pod_out(self, cluster):
        with sidecar("sidecar", cluster) as pod:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            health = {**pod.settings["health"], "interval": "300ms", "timeout": "300ms"}
            with pod.expecting("reloaded"):  # so that this does not last
                pod.config.write(roachpin_yaml=yaml.safe_dump(pod.made(health=health)))
            cluster.kill()
            until("it has noticed", lambda: pod.get("/readyz?mode=any")[0] == 503)
            assert pod.probe("readinessProbe") == 200 and pod.probe("livenessProbe") == 200
            cluster.start()
            until("it is over", lambda: pod.get("/readyz?mode=any")[0] == 200)

    def test_new_versions_of_the_mounts_are_read(self, cluster, tmp_path):
        with sidecar("sidecar", cluster) as pod:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            with logged_in(pod) as client:
                with pod.expecting("reloaded"):
                    pod.config.write(roachpin_yaml=yaml.safe_dump(pod.made(balance="random")))
                other = Pki(tmp_path / "other", [PUBLIC])
                both = cluster.pki.ca.read_text() + other.ca.read_text()
                with pod.expecting("reloaded"):
                    pod.ca.write(ca_crt=both)
                with pod.expecting("reload_failed"):
                    pod.config.write(roachpin_yaml="listeners: nonsense\n")
                with pod.expecting("reload_failed"):
                    pod.ca.write(ca_crt=other.ca.read_text())
                pod.config.write(roachpin_yaml=yaml.safe_dump(pod.made()))
                pod.ca.write(ca_crt=both)
                assert client.ask("SELECT 1") == ["SELECT 1"]

    def test_it_ends_within_the_grace_period(self, cluster):
        """A transaction that nobody ends is cut at drain.timeout."""
        with sidecar("sidecar", cluster) as pod:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            with logged_in(pod) as client:
                client.ask("BEGIN")
                began = time.monotonic()
                pod.process.send(signal.SIGTERM)
                pod.wait_event("draining")
                assert pod.probe("readinessProbe") == 503
                assert pod.probe("livenessProbe") == 200
                # The application's own time comes first, and is the rest of the grace period.
                assert pod.wait(within=30) == 0
                assert 9 < time.monotonic() - began < 30


class TestJobBefore129:
    """Without native sidecars the job ends roachpin."""

    @pytest.fixture
    def pod(self, cluster):
        with sidecar("job-before-1.29", cluster) as one:
            yield one

    @contextlib.contextmanager
    def job(self, pod, work, **programs):
        """The job's container: its command, with a program "bank" that does the work."""
        folder = pod.root / "bin"
        folder.mkdir()
        for name, script in {"bank": work, **programs}.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        described = container(pod.template, "bank-interest")
        process = Process(
            [*described["command"], *map(pod.here, described["args"])], start_new_session=True,
            env={**pod.environment, "PATH": f"{folder}:{os.environ['PATH']}",
                 "DATABASE_URL": f"postgresql://app@127.0.0.1:{pod.port}/bank?sslmode=require"})
        try:
            yield process
        finally:  # whatever is left of it and of what it started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @pytest.mark.parametrize("code", [0, 3])
    def test_the_pod_ends_with_the_job(self, pod, code):
        work = f'[ "$1" = pay-interest ] && psql "$DATABASE_URL" -Atc "SELECT 1" >&2 && exit {code}'
        with self.job(pod, work) as job:
            assert job.wait() == code, job.output
            assert "SELECT 1" in job.output
            assert pod.wait() == 0
        assert pod.wait_event("drained")

    def test_a_job_that_is_told_to_end(self, pod):
        work = "trap 'echo told >&2; kill $!; exit 1' TERM; sleep 60 2>&- & echo working >&2; wait"
        with self.job(pod, work) as job:
            job.wait_line("working")
            job.send(signal.SIGTERM)
            assert job.wait() == 143
            assert "told" in job.output
            assert pod.wait() == 0

    def test_it_waits_for_the_database(self, cluster):
        cluster.kill()
        with sidecar("job-before-1.29", cluster) as pod, \
                self.job(pod, "echo working >&2") as job:
            pod.wait_event("address_not_proved")
            assert job.exit_code is None and not job.lines
            cluster.start()
            assert job.wait() == 0 and job.lines == ["working"]
            assert pod.wait() == 0

    @pytest.mark.parametrize("ended", [False, True], ids=["without a node", "without roachpin"])
    def test_it_waits_no_longer_than_the_startup_probe(self, cluster, ended):
        """Its seconds pass at once here, and each is counted."""
        cluster.kill()
        with sidecar("job-before-1.29", cluster) as pod:
            waited = pod.root / "waited"
            if ended:  # by its startup probe, and restartPolicy is Never
                assert pod.stop() == 0
            with self.job(pod, "echo working >&2", sleep=f'echo "$1" >> {waited}') as job:
                assert job.wait() == 1
                assert job.lines == ["roachpin has no node; its log says why"]
            assert len(waited.read_text().splitlines()) == pod.patience("startupProbe") - 1
            assert set(waited.read_text().split()) == {"1"}
            assert pod.wait() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a pod as the pod's user")
class TestDaemonSet:
    @pytest.fixture(scope="class")
    def local_pki(self, tmp_path_factory):
        """What cert-manager would make of the Certificate."""
        return Pki(tmp_path_factory.mktemp("local"), self.names())

    def names(self):
        return of_kind(kubernetes.rendered("daemonset"), "Certificate")["spec"]["dnsNames"]

    @pytest.fixture
    def pod(self, cluster, local_pki):
        """With its Secret mounted as kubelet does where there is an fsGroup: root's, 0440."""
        user = self.user()
        one = Pod("daemonset", cluster, **user)
        one.secret = Volume(one.root / "etc/roachpin/tls", 0o440, *user["extra_groups"],
                            **self.secret_of(local_pki))
        one.settings = one.made()
        (listener,) = one.settings["listeners"]
        assert listener["allow_from"] == ["10.244.0.0/16"]
        listener["allow_from"] = ["127.0.0.1/32"]
        one.config.write(roachpin_yaml=yaml.safe_dump(one.settings))
        yield one
        one.discard()

    def user(self):
        security = kubernetes.pod_template("daemonset")["spec"]["securityContext"]
        return {"user": security["runAsUser"], "group": security["runAsGroup"],
                "extra_groups": [security["fsGroup"]]}

    def secret_of(self, pki):
        return {"tls_crt": pki.node.cert.read_text(), "tls_key": pki.node.key.read_text()}

    def ask(self, pod, local_pki):
        """As an application that verifies: it looks for the service's name."""
        return psql("SELECT 1", host="roachpin.roachpin.svc.cluster.local", hostaddr=pod.address,
                    port=SQL, sslmode="verify-full", sslrootcert=local_pki.ca)

    def refused(self, pod, source):
        """Why a client without TLS is, from an address."""
        with socket.create_connection((pod.address, SQL), PATIENCE, (source, 0)) as sock:
            sock.sendall(wire.startup(**LOGIN))
            said = b""
            while more := sock.recv(4096):
                said += more
            return said.decode()

    def test_a_key_that_everybody_can_read_is_refused(self, pod):
        """`defaultMode: 0444`, as the page says."""
        (pod.root / "etc/roachpin/tls/tls.key").resolve().chmod(0o444)
        file = pod.root / "etc/roachpin/config/roachpin.yaml"
        done = subprocess.run([pod.program, "check", "--offline", "-c", file],
                              env=pod.environment, capture_output=True, text=True, timeout=60,
                              check=False, **self.user())
        assert done.returncode == 2 and "open to other users (mode 0444)" in done.stderr

    def test_a_renewed_certificate_needs_no_restart(self, pod, local_pki, tmp_path):
        renewed = Pki(tmp_path, self.names())
        with pod:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            assert self.ask(pod, local_pki).returncode == 0
            with pod.expecting("reloaded"):
                pod.secret.write(**self.secret_of(renewed))
            assert self.ask(pod, renewed).returncode == 0
            assert self.ask(pod, local_pki).returncode != 0

    def test_applications_verify_it_and_it_verifies_the_nodes(self, pod, local_pki):
        with pod:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            assert pod.probe("readinessProbe") == 200 and pod.probe("livenessProbe") == 200
            done = self.ask(pod, local_pki)
            assert done.returncode == 0, done.stderr
            assert pod.wait_event("session_established")["node"] == PUBLIC
            in_clear, stranger = self.refused(pod, "127.0.0.1"), self.refused(pod, "127.0.0.2")
            assert "28000" in in_clear and "TLS" in in_clear
            assert "28000" in stranger and "allow_from" in stranger

    def test_after_its_prestop_it_drains_at_once(self, pod):
        """kubelet has slept then, and the service has left it out."""
        with pod, Wire((pod.address, SQL)) as client:
            until("it has started", lambda: pod.probe("startupProbe") == 200)
            client.request_tls()
            client.start_tls().login("", **LOGIN)
            client.ask("BEGIN")
            pod.process.send(signal.SIGTERM)
            pod.wait_event("draining")
            until("nobody new gets in", lambda: wire.probe_refused((pod.address, SQL)))
            assert pod.probe("readinessProbe") == 503 and pod.probe("livenessProbe") == 200
            assert client.ask("SELECT 1") == ["SELECT 1"]
            client.ask("COMMIT")
            assert pod.wait() == 0
