"""What happens to roachpin, its nodes, their names and certificates, each at its own time: several
lanes, each one thing after the other."""

import contextlib
import random
import shutil
import threading
import time
import traceback
import urllib.error
import urllib.request
from dataclasses import dataclass

from harness import dns_servers as dns
from harness import wire
from harness.control import post
from harness.dns_servers import address, alias, message, says
from harness.roachpin import replace
from harness.waiting import until
from harness.wire import Wire
from impostors import Impostor

from cluster import COUNT, OUTSIDE, PATIENCE, home, host, trap


@dataclass(frozen=True)
class Happened:
    lane: str
    kind: str
    detail: str
    begin: float
    end: float


class Lane(threading.Thread):
    """One thing after the other: at first each kind once, then by chance. `lock` is held meanwhile,
    so that who wants calm can have it."""

    def __init__(self, name, stage, kinds, pause, lock=None):
        super().__init__(name=name, daemon=True)
        self.stage, self.kinds, self._pause = stage, kinds, pause
        self.lock = lock or threading.Lock()
        self.chance = random.Random(f"{stage.seed}-{name}")
        self.happened = []
        self.through = threading.Event()
        """Each kind has been once."""

    def run(self):
        order = list(self.kinds)
        self.chance.shuffle(order)
        while not self.stage.stopping.is_set():
            if not order:
                self.through.set()
            kind = order.pop() if order else self.chance.choice(list(self.kinds))
            try:
                with self.lock:
                    if self.stage.stopping.is_set():
                        return
                    begin = self.stage.clock()
                    detail = self.kinds[kind](self.chance) or ""
                self.happened.append(Happened(self.name, kind, detail, begin, self.stage.clock()))
            except Exception:
                self.stage.wrong(f"{kind}, at {begin:.0f} s: {traceback.format_exc()}")
            self.stage.stopping.wait(self.chance.uniform(*self._pause))
        if not order:
            self.through.set()


class Disturbances:
    """`hurry`: with hardly a pause, for a short run."""

    def __init__(self, stage, impostors, hurry, strangers=None):
        self.stage, self.cluster, self.proxy = stage, stage.cluster, stage.proxy
        self._counts = impostors
        self._strangers = strangers or self.cluster.strangers
        self._rotation = threading.Lock()
        slow = 0.02 if hurry else 1.0
        self.lanes = [
            Lane("nodes", stage, {
                "node killed": self.kill, "node restarted": self.restart,
                "node not ready": self.not_ready, "impostor at a node's address": self.replace,
                "certificates renewed": self.renew, "authority rotated": self.rotate,
            }, (5 * slow, 25 * slow)),
            Lane("names", stage, {
                f"name: {what}": lambda chance, what=what: self.poison(chance, what)
                for what in POISONS
            }, (3 * slow, 15 * slow)),
            Lane("roachpin", stage, {
                "reload": self.reload, "SIGHUP": self.hang_up, "broken reload": self.broken,
                "listener opened and closed": self.listener, "lifetime": self.lifetime,
            }, (5 * slow, 20 * slow)),
            Lane("strangers", stage, {
                "hostile openings": self.openings, "admin requests": self.admin,
            }, (2 * slow, 10 * slow)),
        ]
        self.handovers = []
        self.replaced = set()
        """Where somebody else is, or was: the log may call these hostile."""

    @property
    def happened(self):
        return sorted((one for lane in self.lanes for one in lane.happened),
                      key=lambda one: one.begin) + self.handovers

    @property
    def wanted(self):
        return tuple(kind for lane in self.lanes for kind in lane.kinds) + ("takeover",)

    def start(self):
        for lane in self.lanes:
            lane.start()

    @property
    def through(self):
        return all(lane.through.is_set() for lane in self.lanes) and bool(self.handovers)

    def join(self):
        for lane in self.lanes:
            lane.join(4 * PATIENCE)
            if lane.is_alive():
                self.stage.wrong(f"{lane.name}: what was begun did not end")

    def explained(self, event):
        """Whether a log line of an error is what is to be said of this."""
        if event["event"] in ("dial_failed", "address_not_proved"):
            return event.get("address") in self.replaced
        return event["event"] == "reload_failed" and (
            "roachpin.yaml" in event["reason"] or is_stall(event))

    def rest(self, chance, least=0.3, most=1.5):
        self.stage.stopping.wait(chance.uniform(least, most))

    def take_over(self):
        """A new process starts only when all is in order: until then it would say what is not. No
        authority is rotated while the old one drains: which of the two has read it is not asked."""
        nodes, names = self.lanes[:2]
        with contextlib.ExitStack() as rotation:
            with nodes.lock, names.lock:
                self.all_proved()
                rotation.enter_context(self._rotation)
                begin = self.stage.clock()
                old = self.proxy.begin_take_over()
            self.proxy.end_take_over(old)
        self.handovers.append(Happened(
            "roachpin", "takeover", f"process {self.proxy.current.number}", begin, self.stage.clock()))

    def all_proved(self):
        self.wait_states([self.cluster.address(index) for index in range(COUNT)], {"ready"})

    def wait_states(self, addresses, wanted):
        def are():
            time.sleep(0.2)
            return self.proxy.current.states(addresses) == wanted

        until(f"{addresses} are {wanted}", are, PATIENCE)

    # --- nodes

    def one_node(self, chance):
        return chance.randrange(COUNT)

    @contextlib.contextmanager
    def back(self, index):
        """Until roachpin uses the node again."""
        yield
        self.wait_states([self.cluster.address(index)], {"ready"})

    def kill(self, chance):
        index = self.one_node(chance)
        with self.back(index), self.cluster.away(index, lambda node: node.kill()):
            self.rest(chance, 0.5, 4)
        return host(index)

    def restart(self, chance):
        index = self.one_node(chance)
        with self.back(index), self.cluster.away(index, lambda node: node.shut_down(2)):
            self.rest(chance)
        return host(index)

    def not_ready(self, chance):
        index = self.one_node(chance)
        node = self.cluster.address(index)
        with self.back(index):
            with self.proxy.log.expecting("address_not_proved", address=node, state="not_ready"):
                self.cluster.set_ready(index, False)
            self.rest(chance, 1, 4)
            self.cluster.set_ready(index, True)
        return host(index)

    def replace(self, chance):
        """Its machine is gone, and somebody else has its address."""
        index = self.one_node(chance)
        node = self.cluster.nodes[index]
        self.replaced.add(self.cluster.address(index))
        certificates = self._strangers(index)
        with self.back(index), self.cluster.away(index, lambda node: node.kill()):
            with self.proxy.log.expecting("address_not_proved", address=self.cluster.address(index),
                                          hostile=True):
                impostor = Impostor(home(index), node.port, certificates, self._counts,
                                    chance.random())
            with impostor:
                self.rest(chance, 1, 4)
        self.forget(certificates)
        return host(index)

    def forget(self, certificates):
        for one in certificates:
            shutil.rmtree(one.cert.parent)

    def renew(self, chance):
        for index in range(COUNT):
            self.cluster.present(index, self.cluster.authority)
            self.rest(chance, 0.1, 0.5)

    def rotate(self, chance):
        """Both, the nodes' certificates one by one, the new one alone."""
        cluster = self.cluster
        with self._rotation:
            old, new = cluster.authority, cluster.other_authority
            self.trust(old.text + new.text)
            for index in range(COUNT):
                cluster.present(index, new)
            cluster.authority, cluster.other_authority = new, old
            self.rest(chance)
            self.trust(new.text)

    def trust(self, text):
        with self.proxy.config_lock:
            process = self.proxy.current
            with self.proxy.log.expecting("reloaded", process=process.number):
                # Where the machine stands still for seconds, no node proves itself in time.
                for _ in range(5):
                    with self.proxy.log.expecting(
                            "reloaded", "reload_failed", process=process.number) as said:
                        replace(self.cluster.bundle, text)
                    if not is_stall(said.event):
                        break

    # --- names

    def poison(self, chance, what):
        index = self.one_node(chance)
        behave, reason = POISONS[what](index)
        if reason == "impostor":
            self.lead_astray(chance, index, behave)
            return host(index)
        log = self.proxy.log
        with log.expecting("dns_answers_again", host=host(index)), contextlib.ExitStack() as stack:
            with log.expecting("dns_answer_refused", host=host(index), reason=reason):
                stack.enter_context(self.cluster.poisoned(index, behave))
            self.rest(chance, 0.2, 3)
        return host(index)

    def lead_astray(self, chance, index, behave):
        """To an address that no rule forbids."""
        port = self.cluster.nodes[index].port
        where = f"{trap(index)}:{port}"
        self.wait_states([where], set())  # of an earlier time
        self.replaced.add(where)
        certificates = self._strangers(index)
        with Impostor(trap(index), port, certificates, self._counts, chance.random()), \
                contextlib.ExitStack() as stack:
            with self.proxy.log.expecting("address_not_proved", address=where):
                stack.enter_context(self.cluster.poisoned(index, behave))
            self.rest(chance, 0.5, 8)
        self.forget(certificates)

    # --- roachpin

    def reload(self, chance):
        changed = {"spares": chance.choice([0, 1, 2, 4]),
                   "balance": chance.choice(["least_connections", "round_robin", "random"]),
                   "interval": chance.choice(["3s", "4s", "5s"]),
                   "refresh_max": chance.choice(["1s", "2s"])}
        self.proxy.change(**changed)
        return ", ".join(f"{name}: {value}" for name, value in changed.items())

    def hang_up(self, chance):
        how = chance.choice(["SIGHUP", "control socket"])
        with self.proxy.config_lock:
            self.proxy.current.ask_to_reload(how)
        return how

    def broken(self, chance):
        with self.proxy.config_lock:
            process = self.proxy.current
            process.reload(chance.choice(["cluster: [\n", "listeners: []\n", ""]), "reload_failed")
            process.reload(self.proxy.settings())

    def listener(self, chance):
        self.proxy.change(extra=True)
        with Wire(self.proxy.extra) as client:
            client.send(b"noise" * 20)
            client.ended() or client.receive(1 << 16)
        self.proxy.change(extra=False)

    def lifetime(self, chance):
        self.proxy.change(lifetime="2s")
        self.rest(chance, 2, 6)
        self.proxy.change(lifetime="0s")

    # --- strangers

    def openings(self, chance):
        proxy = self.proxy
        doors = [proxy.plain, proxy.tls]
        clients = []
        for _ in range(20):
            made = chance.choice(OPENINGS)
            with contextlib.suppress(OSError):
                client = Wire(chance.choice(doors))
                clients.append((client, made))
                client.send(made(chance))
        for client, made in clients:
            client.socket.settimeout(PATIENCE)
            with client:
                end_of(client, made)

    def admin(self, chance):
        process = self.proxy.current
        for target in ("/", "/status", "/metrics", "/livez", "/readyz", "/readyz?mode=all", "/nothing",
                       "/%00", "/" + "a" * 4000):
            with contextlib.suppress(urllib.error.HTTPError):
                process.get(target)
        for method, target in (("POST", "/reload"), ("DELETE", "/"), ("GET", "/drain")):
            request = urllib.request.Request(f"http://{process.admin}{target}", method=method)
            try:
                urllib.request.urlopen(request, timeout=PATIENCE).close()
            except urllib.error.HTTPError as error:
                assert error.code in (404, 405), (method, target, error.code)
            else:
                raise AssertionError(f"{method} {target} was done")
        assert post(process.control, "/quitquitquit", "GET")[0] == 405


def is_stall(event):
    return event["event"] == "reload_failed" and "no node can be used with it" in event["reason"] \
        and event["reason"].count(" in time") == COUNT


def end_of(client, made):
    """Roachpin has to end it, and may say why; it never goes on to a log-in."""
    said = b""
    try:
        while more := client.socket.recv(65536):
            said += more
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"{made.__name__} was left waiting") from None
    assert b"R\0\0\0" not in said[:5], f"{made.__name__} was let in: {said[:40]!r}"


def noise(chance):
    return b"\xff" + chance.randbytes(chance.randrange(8, 3000))


def broken_off(chance):
    whole = wire.startup(user="soak-stranger", database="appdb")
    return whole[:chance.randrange(1, len(whole))]


def too_long(chance):
    return wire.startup(user="x" * 20_000)


def twice(chance):
    return wire.opening(wire.SSL) * 2


def stuffed(chance):
    return wire.opening(wire.SSL) + wire.startup(user="stranger")


def forged_cancel(chance):
    return wire.opening(wire.CANCEL, chance.randbytes(8))


def hello(chance):
    return b"\x16\x03\x01\x02\x00\x01" + chance.randbytes(100)


def old_protocol(chance):
    return wire.startup(version=131072, user="stranger")


def another_servers_parameter(chance):
    return wire.startup(user="stranger", **{"crdb:remote_addr": "10.0.0.1"})


OPENINGS = (noise, broken_off, too_long, twice, stuffed, forged_cancel, hello, old_protocol,
            another_servers_parameter)


def other(index, text):
    return says(address(host(index), text))


POISONS = {
    "another address": lambda index: (other(index, OUTSIDE), "address_class"),
    "a network of its own": lambda index: (other(index, "10.9.9.9"), "not_allowed"),
    "the metadata service": lambda index: (other(index, "169.254.169.254"), "address_class"),
    "a foreign alias": lambda index: (
        says(alias(host(index), "db.attacker.example"),
             address("db.attacker.example", OUTSIDE)), "alias"),
    "another beside the right one": lambda index: (
        says(address(host(index), home(index)), address(host(index), OUTSIDE)), "address_class"),
    "200 addresses": lambda index: (
        says(*(address(host(index), f"{home(index)[:-1]}{last}") for last in range(1, 201))),
        "too_many"),
    "NXDOMAIN": lambda index: (says(rcode=dns.NXDOMAIN), "nxdomain"),
    "SERVFAIL": lambda index: (says(rcode=dns.SERVFAIL), "servfail"),
    "silence": lambda index: (dns.silent, "unreachable"),
    "half an answer": lambda index: (
        lambda query: message(query, [address(host(index), OUTSIDE)])[:-3], "malformed"),
    "an impostor alone": lambda index: (other(index, trap(index)), "impostor"),
    "an impostor beside the right one": lambda index: (
        says(address(host(index), home(index)), address(host(index), trap(index))), "impostor"),
}
