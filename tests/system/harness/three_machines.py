"""A client's machine, roachpin's and a node's, joined by cables."""

import contextlib

from .certificates import NODE
from .containers import only_as_root
from .network import Machine, SlowCable, cable
from .postgres import Postgres
from .roachpin import Roachpin, configuration, node

PROXY = "10.77.1.1"
"""Where roachpin listens."""
NODES = "10.77.2.2", "10.77.2.3"
"""Addresses of the one database."""
CLIENTS = "10.77.1.2"
PORT = 26257


class ThreeMachines:
    """`slow`: SlowCable's options, for the cable to the node. A context manager."""

    def __init__(self, pki, slow=None):
        self._pki, self._slow = pki, slow

    def __enter__(self):
        only_as_root()
        self._undone = contextlib.ExitStack()
        with self._undone:
            self.client, self.proxy, self.node = (self._machine() for _ in range(3))
            cable(self.client, CLIENTS + "/24", self.proxy, PROXY + "/24")
            if self._slow:
                self.slow = self._undone.enter_context(
                    SlowCable(self.proxy, "10.77.2.1/24", self.node, NODES[0] + "/24", **self._slow))
            else:
                cable(self.proxy, "10.77.2.1/24", self.node, [one + "/24" for one in NODES])
            with self.node.inside():
                addresses = NODES[:1] if self._slow else NODES
                self.postgres = Postgres(self._pki.ca, self._pki.node, addresses, PORT)
                self._undone.callback(self.postgres.stop)
            self._undone = self._undone.pop_all()
        return self

    def __exit__(self, *error):
        self._undone.close()

    def _machine(self):
        made = Machine()
        self._undone.callback(made.close)
        return made

    def settings(self, **sections):
        """One node for each of the database's addresses, the second only where the first fails."""
        nodes = [node(NODE, PORT, NODES[:1])]
        if not self._slow:
            nodes.append(node("localhost", PORT, NODES[1:], tier=1))
        listener = {"bind": f"{PROXY}:{PORT}", "allow_from": ["10.77.1.0/24"],
                    "tls": {"auto": True, "required": True}}
        return configuration(self._pki.ca, nodes, [listener], **{"spares": {"per_node": 0}, **sections})

    @contextlib.contextmanager
    def roachpin(self, **sections):
        """At work on its machine; its admin server is asked from there."""
        with self.proxy.inside():
            proxy = Roachpin(self.settings(**sections))
            with proxy:
                yield proxy
