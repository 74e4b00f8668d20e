"""What roachpin costs beside others. Started by scripts/bench, which explains the arguments."""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "system"))  # for the harness of those tests

import psycopg2
from amounts import FULL, QUICK
from crowd import fake_node
from database import Database
from harness.certificates import NODE, Pki
from machine import facts
from measures import measures
from peers import PEERS, Stage
from picture import picture
from report import Results, aims


def main():
    wanted = arguments()
    with suppress(PermissionError):
        os.nice(-10)  # other work on the machine costs those that are measured their caches
    # A proxy needs two descriptors for a session.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's
            signal.signal(number, end)

    results = Results(wanted.measures, aims(wanted.amounts), facts(wanted.program))
    with ExitStack() as stack:
        stage = set_up(stack, wanted)
        stack.callback(report, results, wanted)  # also of what was measured before it was ended
        for measure in wanted.measures:
            measure_in_turns(measure, stage, wanted, results)


def report(results, wanted):
    print(results.text())
    if wanted.json:
        Path(wanted.json).write_text(results.json())
    if wanted.svg:
        Path(wanted.svg).write_text(picture(results.data()))


def end(number, _):
    """Stops what was started, as an exception does."""
    say(f"scripts/bench: {signal.Signals(number).name}")
    sys.exit(128 + number)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("program")
    wanted = parser.parse_args()
    wanted.rounds = wanted.rounds or (1 if wanted.quick else 5)
    wanted.amounts = QUICK if wanted.quick else FULL
    wanted.peers = [name for name in PEERS if name in wanted.only] or list(PEERS)
    every = measures(wanted.amounts)
    wanted.measures = [one for one in every if one.name in wanted.only] or every
    return wanted


def set_up(stack, wanted):
    """The database, its certificates, and a copy of the program: builds may go on."""
    work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roachpin-bench-")))
    work.chmod(0o755)  # for PostgreSQL's and PgBouncer's own user
    say("Starting PostgreSQL")
    (work / "certs").mkdir(mode=0o755)
    pki = Pki(work / "certs", hosts=(NODE, "127.0.0.1"))
    database = stack.enter_context(Database(work / "database", pki.node))
    database.fill(wanted.amounts.scale)
    program = shutil.copy(wanted.program, work / "roachpin")
    return Stage(work, pki, NODE, database, database, 1_000, program, wanted.amounts)


def measure_in_turns(measure, stage, wanted, results):
    """Every proxy once, then every proxy again: what slows the machine for a while slows all of
    them. Each is started afresh, so that none carries an earlier load's memory."""
    rounds = min(wanted.rounds, measure.max_rounds)
    for number in range(rounds):
        for name in wanted.peers:
            for label, options in measure.variants(name):
                say(f"{measure.name}: round {number + 1} of {rounds}, {label}")
                with ExitStack() as stack:
                    if measure.fake_node:
                        node = stack.enter_context(fake_node(stage.pki.node))
                        stage = replace(stage, server=node, most=wanted.amounts.sessions[-1] + 100)
                    peer = stack.enter_context(PEERS[name](stage, **options))
                    results.add(measure, label, measure.run(peer, stage))
                    if not measure.fake_node:
                        results.add_encryption(name, peer.encryption())
                stage.database.wait_quiet()


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (AssertionError, OSError, RuntimeError, psycopg2.Error) as problem:
        say(f"scripts/bench: {problem}")
        sys.exit(1)
