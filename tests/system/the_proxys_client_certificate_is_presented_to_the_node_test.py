"""With cluster.client_cert_file, roachpin proves itself to the node, which may then ask for no
password; without, it presents none."""

import pytest

from harness.certificates import NODE
from harness.fake_cockroach import FakeCockroach
from harness.postgres import DATABASE
from harness.roachpin import Roachpin, configuration, node, refused_start
from harness.wire import Wire, startup


@pytest.fixture
def certified(pki):
    mine = pki.client("certified")
    return {"client_cert_file": str(mine.cert), "client_key_file": str(mine.key)}


def test_the_database_believes_it(settings, certified):
    with Roachpin(settings(cluster=certified)) as proxy, Wire(proxy.port) as client:
        client.login("never asked for", user="certified", database=DATABASE)
        assert client.ask("SELECT current_user") == ["certified"]


@pytest.mark.parametrize("given", [True, False])
def test_a_node_sees_it_where_one_is_configured(pki, certified, given):
    with FakeCockroach(pki.node, ca=pki.ca) as fake:
        made = configuration(
            pki.ca, [node(NODE, fake.port)], cluster=certified if given else None,
            spares={"per_node": 0})
        with Roachpin(made) as proxy, Wire(proxy.port) as client:
            client.login("", user="certified", database=DATABASE)
        seen = next(one for one in fake.wait_finished(2) if one.startup)
    assert ("certified" in seen.client_certificate_subject) is given


def test_a_node_that_demands_one_is_not_reached_without(pki):
    with FakeCockroach(pki.node, ca=pki.ca, client_certs="require", tls_max="1.2") as fake:
        made = configuration(pki.ca, [node(NODE, fake.port)], start="wait")
        with Roachpin(made) as proxy:
            assert proxy.wait_event("address_not_proved")["reason"] == "tls_alert"
            with Wire(proxy.port) as client:
                client.send(startup(user="certified", database=DATABASE))
                assert client.refusal().code == "57P03"


def test_a_key_that_others_can_read_is_refused(settings, certified, tmp_path):
    loose = tmp_path / "loose.key"
    with open(certified["client_key_file"], "rb") as key:
        loose.write_bytes(key.read())
    loose.chmod(0o644)
    code, said = refused_start(settings(cluster={**certified, "client_key_file": str(loose)}))
    assert code == 2
    assert "cluster.client_key_file" in said and str(loose) in said
