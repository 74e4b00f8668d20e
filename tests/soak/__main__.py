"""Everything at once, for a while. Started by scripts/soak, which explains the arguments."""

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "system"))  # for the harness of those tests

from cluster import PATIENCE, Cluster
from disturbances import Disturbances
from harness.waiting import until
from judge import Run, judge
from ledger import Ledger
from load import Idle, Stage, cast
from proxy import DRAIN_SECONDS, Log, Proxy
from report import Results

MINUTES_PER_TAKEOVER = 12
FEWEST_SECONDS_BETWEEN_SAMPLES = 1.0
MOST_SAMPLES = 7200


def main():
    wanted = arguments()
    # A session takes two descriptors here, and two there.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    with ExitStack() as stack:
        soak = Soak(stack, wanted)
        soak.go()
        results = soak.results()
    print(results.text())
    if wanted.json:
        Path(wanted.json).write_text(results.json())
    if wanted.svg:
        Path(wanted.svg).write_text(results.svg())
    return 1 if results.problems else 0


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("program")
    wanted = parser.parse_args()
    if wanted.seed is None:
        wanted.seed = random.SystemRandom().randrange(1 << 32)
    return wanted


class Soak:
    def __init__(self, stack, wanted):
        self._wanted = wanted
        self._seconds = 60.0 * wanted.minutes
        self._faults = os.environ.get("ROACHPIN_SOAK_FAULT", "").split()
        """Things that must be found; for those who want to see it."""
        self._origin = time.monotonic()
        self.run = Run()
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roachpin-soak-")))
        directory.chmod(0o755)
        program = shutil.copy(wanted.program, directory / "roachpin")  # builds may go on
        say(f"Seed {wanted.seed}. Starting three PostgreSQL nodes")
        impostors = self.run.impostors
        (directory / "cluster").mkdir()
        self.cluster = Cluster(directory / "cluster", stack, self.clock, impostors)
        self.log = Log(self.clock, self.cluster, lambda event: self.disturbances.explained(event))
        self.proxy = Proxy(program, directory, self.cluster, self.log, self.run)
        stack.callback(self.proxy.kill)
        self.ledger = Ledger(self.run, lambda: self.cluster.downs, DRAIN_SECONDS)
        self.stage = Stage(self.run, self.ledger, self.proxy, self.cluster, self.clock, wanted.seed)
        stack.callback(self.stage.stopping.set)
        self.disturbances = Disturbances(
            self.stage, impostors, hurry=wanted.minutes <= 3,
            strangers=self._believed if "impostor" in self._faults else None)
        self.applications = cast(self.stage)
        self.throughput = []  # (at, statements so far)
        self._sampling = threading.Event()
        self._held = []

    def clock(self):
        return time.monotonic() - self._origin

    def go(self):
        self.disturbances.all_proved()
        before = self._at_rest()
        self._origin = time.monotonic()
        for one in self.applications:
            one.start()
        helpers = [threading.Thread(target=run, daemon=True) for run in (self._sample, self._audit)]
        for one in helpers:
            one.start()
        self.disturbances.start()
        self._take_turns()
        say("Ending")
        self.stage.stopping.set()
        self.disturbances.join()
        self._end_applications()
        self._sampling.set()
        for one in helpers:
            one.join(PATIENCE)
        self._come_to_rest(before)
        self.proxy.stop()
        self._look_at_everything()

    def _take_turns(self):
        """The new processes; and a word now and then for whoever waits."""
        takeovers = max(1, self._wanted.minutes // MINUTES_PER_TAKEOVER)
        moments = [self._seconds * (number + 1) / (takeovers + 1) for number in range(takeovers)]
        said, problems = 0, set()
        # A slow machine has more time to see each kind of trouble once.
        while self.clock() < self._seconds or (
                not self.disturbances.through and self.clock() < self._seconds + 60):
            if moments and self.clock() >= moments[0]:
                moments.pop(0)
                try:
                    self.disturbances.take_over()
                except Exception as error:
                    self.stage.wrong(f"a takeover failed: {error!r}")
            if self.clock() // 60 > said:
                said = self.clock() // 60
                say(f"{said:.0f} of {self._wanted.minutes} min: {self.stage.counts['statements']:,}"
                    f" statements, {len(self.disturbances.happened)} disturbances,"
                    f" {len(problems)} problems")
            for one in judge(self._so_far()):
                if one not in problems:
                    problems.add(one)
                    say(f"{self.clock():.0f} s: {one}")
            if "leak" in self._faults:
                self._leak()
            if self.proxy.current.exit_code is not None:
                self.stage.wrong(f"process {self.proxy.current.number} is gone")
                return
            time.sleep(0.25)

    def _so_far(self):
        """Without what only the end can tell."""
        return Run(lost=list(self.run.lost), wrong=list(self.run.wrong), rows=1,
                   missing=list(self.run.missing), ghosts=list(self.run.ghosts),
                   impostors=replace(self.run.impostors, asked=1), said=list(self.log.unexplained))

    def _end_applications(self):
        for one in self.applications:
            one.join(2 * PATIENCE)
            if one.is_alive():
                self.stage.wrong(f"{one.name} hangs")

    def _sample(self):
        step = max(FEWEST_SECONDS_BETWEEN_SAMPLES, self._seconds / MOST_SAMPLES)
        while not self._sampling.wait(step):
            process = self.proxy.current
            self.throughput.append((self.clock(), self.stage.counts["statements"]))
            sample = process.sample(self.clock())
            if sample and not self.stage.stopping.is_set():
                self.run.samples[process.number].append(sample)

    def _audit(self):
        """Settles losses, and looks at the nodes' rows."""
        last = 0.0
        while not self._sampling.wait(0.5):
            self.ledger.settle(self.log.ends, self.clock(), PATIENCE / 3)
            if self.clock() - last >= 5:
                last = self.clock()
                for node in self.cluster.nodes:
                    with contextlib.suppress(Exception), node.direct() as connection:
                        # One that is killed now is looked at another time.
                        self.ledger.audit(node.index, connection)

    def _at_rest(self):
        """The least of some moments: proofs come and go."""
        time.sleep(2)
        samples = []
        for _ in range(12):
            samples.append(self.proxy.current.sample(self.clock()))
            time.sleep(0.25)
        return {name: min(getattr(one, name) for one in samples)
                for name in ("sessions", "descriptors", "threads")}

    def _come_to_rest(self, before):
        self.proxy.options.clear()
        self.proxy.change()
        with contextlib.suppress(AssertionError):
            until("no session is left",
                  lambda: self.proxy.current.sample(0).sessions == 0, PATIENCE / 2)
        after = self._at_rest()
        self.run.rest = {name: (before[name], after[name]) for name in before}

    def _look_at_everything(self):
        self.ledger.settle(self.log.ends, self.clock() + PATIENCE, 0)
        if "ledger" in self._faults:
            page = self.ledger.page("a client that lies")
            page.answered([page.take()], 0)
        for node in self.cluster.nodes:
            with node.direct() as connection:
                self.ledger.audit(node.index, connection)
            if not node.consistent():
                self.run.wrong.append(f"node {node.index}: pgbench's books do not balance")
        self.run.said = self.log.unexplained
        self.run.wanted = self.disturbances.wanted
        for one in self.disturbances.happened:
            self.run.done[one.kind] = self.run.done.get(one.kind, 0) + 1
        for name in ("statements", "transactions", "cancels", "slow_answers", "copies",
                     "pgbench_transactions"):
            self.run.wanted += (name,)
            self.run.done[name] = self.stage.counts[name]

    def results(self):
        return Results(self, judge(self.run), self._wanted)

    # --- faults that have to be found

    def _believed(self, index):
        return [self.cluster.authority.node(f"crdb-{index}.crdb.internal")]

    def _leak(self):
        """Sessions that are never given back."""
        if len(self._held) < 40 * self.clock() / 10:
            one = Idle(self.stage, f"held-{len(self._held)}")
            one.session = f"held-{len(self._held)}"
            with contextlib.suppress(Exception):
                self._held.append(one.connect())


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    except (AssertionError, OSError, RuntimeError) as problem:
        say(f"scripts/soak: {problem}")
        code = 3
    sys.stdout.flush()
    sys.exit(code)
