"""A real Prometheus with the rules of config/prometheus asks a running roachpin, and its alert fires
when something else answers at a node's address."""

from harness.certificates import NODE, Pki
from harness.fake_cockroach import FakeCockroach
from harness.prometheus import Prometheus
from harness.roachpin import Roachpin, configuration, node
from harness.waiting import until

QUICK = {"interval": "200ms", "timeout": "200ms", "fall": 2}


def test_the_alert_fires_and_ends(pki, tmp_path):
    with FakeCockroach(pki.node) as database:
        address = f"127.0.0.1:{database.port}"
        settings = configuration(pki.ca, [node(NODE, database.port)], health=QUICK)
        with Roachpin(settings) as proxy, Prometheus(proxy.admin) as prometheus:
            until("it is asked", lambda: prometheus.value("roachpin_ready") == 1)
            assert prometheus.value("up") == 1
            assert not prometheus.firing("RoachpinNodeHostile")
            left = "certificate:roachpin_certificate_seconds:left"
            assert until("rules are evaluated", lambda: prometheus.value(left)) > 86400

            database.kill()
            with FakeCockroach(Pki(tmp_path).node, bind=address):
                fired = until("it fires", lambda: prometheus.firing("RoachpinNodeHostile"))
                assert len(fired) == 1
                assert fired[0]["node"] == NODE and fired[0]["address"] == address
                assert fired[0]["severity"] == "critical"
            with FakeCockroach(pki.node, bind=address):
                until("it ends", lambda: not prometheus.firing("RoachpinNodeHostile"))
