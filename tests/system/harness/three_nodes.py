"""A cluster of three fake nodes that come and go at ports of their own, and a proxy that looks at
them often."""

from .certificates import NODE
from .fake_cockroach import FakeCockroach
from .roachpin import configuration, node

COUNT = 3
HEALTH = {"interval": "300ms", "timeout": "300ms", "fall": 2}
TIMEOUTS = {"dial": "500ms", "establish": "15s"}


class ThreeNodes:
    """`certificate` is what all present. As a context manager, its end stops those that run."""

    def __init__(self, certificate, **options):
        self._certificate = certificate
        self._options = options
        self._instances = 0
        self.nodes = [self._new("127.0.0.1:0") for _ in range(COUNT)]
        self.ports = [one.port for one in self.nodes]
        self.killed = set()
        """The instances of those that ended without a word to anybody."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for one in self.nodes:
            one.__exit__(*error)

    def __getitem__(self, index):
        return self.nodes[index]

    def address(self, index):
        return f"127.0.0.1:{self.ports[index]}"

    def kill(self, index):
        self.killed.add(self.instance(index))
        self.nodes[index].kill()

    def start(self, index, certificate=None):
        """Anew, at its port."""
        self.nodes[index] = self._new(self.address(index), certificate)

    def instance(self, index):
        """What its cancel keys name."""
        return self.nodes[index].instance

    def settings(self, ca_file, cluster=None, **sections):
        entries = [node(NODE, port) for port in self.ports]
        sections = {"health": HEALTH, "timeouts": TIMEOUTS,
                    "log": {"level": "info", "format": "json"}, **sections}
        return configuration(ca_file, entries, cluster=cluster, **sections)

    def _new(self, bind, certificate=None):
        self._instances += 1
        made = FakeCockroach(
            certificate or self._certificate, bind=bind, instance=self._instances, **self._options)
        made.instance = self._instances
        return made
