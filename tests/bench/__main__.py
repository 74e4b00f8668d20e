"""What roachpin costs beside others. Started by scripts/bench, which explains the arguments."""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "system"))  # for the harness of those tests

from database import Database
from harness.certificates import NODE, Pki
from measures import FULL, MEASURES, QUICK
from peers import PEERS, Stage
from report import Results


def main():
    wanted = arguments()
    with suppress(PermissionError):
        os.nice(-10)  # other work on the machine costs those that are measured their caches
    # A proxy needs two descriptors for a session.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))

    results = Results()
    with ExitStack() as stack:
        stage = set_up(stack, wanted)
        for measure in wanted.measures:
            measure_in_turns(measure, stage, wanted, results)
    print(results.text(wanted.measures))
    if wanted.json:
        Path(wanted.json).write_text(results.json())


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("program")
    wanted = parser.parse_args()
    wanted.rounds = wanted.rounds or (1 if wanted.quick else 5)
    wanted.amounts = QUICK if wanted.quick else FULL
    wanted.peers = [name for name in PEERS if name in wanted.only] or list(PEERS)
    wanted.measures = [one for one in MEASURES if one.name in wanted.only] or MEASURES
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
    return Stage(work, pki.ca, NODE, database, program, wanted.amounts)


def measure_in_turns(measure, stage, wanted, results):
    """Every proxy once, then every proxy again: what slows the machine for a while slows all of
    them. Each is started afresh, so that none carries an earlier load's memory."""
    rounds = min(wanted.rounds, measure.max_rounds)
    for number in range(rounds):
        for name in wanted.peers:
            for label, options in measure.variants(name):
                say(f"{measure.name}: round {number + 1} of {rounds}, {label}")
                with PEERS[name](stage, **options) as peer:
                    results.add(measure, label, measure.run(peer, stage), peer.encryption())
                stage.database.wait_quiet()


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (AssertionError, OSError, RuntimeError) as problem:
        say(f"scripts/bench: {problem}")
        sys.exit(1)
