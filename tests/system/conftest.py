"""What every promise needs: certificates, a database, and a proxy in front of it."""

import pytest

from harness.certificates import NODE, Pki
from harness.door import Door
from harness.postgres import Postgres
from harness.roachpin import Roachpin, configuration, node
from harness.sanitizers import Reports
from harness.three_machines import ThreeMachines

REPORTS = Reports()  # before a test takes the environment for its programs


@pytest.fixture(scope="session", autouse=True)
def sanitizers_have_nothing_to_say():
    """Made first, so that it ends last: after every program has."""
    yield
    said = REPORTS.close()
    assert not said, said


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """The cluster's own authority, with a certificate for its node."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def postgres(pki):
    server = Postgres(pki.ca, pki.node)
    yield server
    server.stop()


@pytest.fixture
def settings(pki, postgres):
    """Makes configurations in front of the database."""

    def make(listeners=None, cluster=None, **sections):
        nodes = [node(NODE, postgres.port)]
        return configuration(pki.ca, nodes, listeners, cluster, **sections)

    return make


@pytest.fixture
def roachpin(settings):
    """A proxy with one plaintext listener on loopback."""
    with Roachpin(settings()) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def three(pki):
    with ThreeMachines(pki) as made:
        yield made


@pytest.fixture
def machines(three):
    """A client's, a proxy's and a node's. Of these, one test after the other has the use."""
    yield three
    for one in (three.client, three.proxy, three.node):
        one.rules("")


DOORS = ["straight to the database", "roachpin in the clear", "roachpin's own TLS"]


@pytest.fixture(params=DOORS)
def door(request, settings, postgres):
    """Where an application connects. The first shows that the test itself is right: what passes
    there and fails through roachpin is roachpin's fault."""
    if request.param == DOORS[0]:
        yield Door("127.0.0.1", postgres.port)
        return
    tls = request.param == DOORS[2]
    listener = {"bind": "127.0.0.1:0", **({"tls": {"auto": True}} if tls else {})}
    with Roachpin(settings([listener], workers=2)) as proxy:
        yield Door("localhost", proxy.port, "require" if tls else "prefer")
