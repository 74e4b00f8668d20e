"""What came of it, for people and for programs."""

import json
import os
import platform
from collections import Counter, defaultdict
from dataclasses import asdict

from picture import picture


class Results:
    def __init__(self, soak, problems, wanted):
        self.problems = problems
        self._soak, self._wanted = soak, wanted
        self._happened = soak.disturbances.happened
        self._seconds = max((at for at, _ in soak.throughput), default=1)

    def summary(self):
        soak, counts = self._soak, self._soak.stage.counts
        kinds = Counter(one.kind for one in self._happened)
        losses = soak.ledger.verdicts
        return {
            "seconds": round(self._seconds),
            "seed": self._wanted.seed,
            "done": dict(sorted(counts.items())),
            "rows looked for": soak.run.rows,
            "disturbances": dict(sorted(kinds.items())),
            "statements of sessions on killed nodes": losses["killed"],
            "cut at the deadline": losses["cut"],
            "turned away while idle": losses["turned away"],
            "lost": len(soak.run.lost) + len(soak.run.missing),
            "impostors": asdict(soak.run.impostors),
            "refused by roachpin": dict(sorted(soak.log.refused.items())),
            "sessions ended": dict(sorted(soak.log.ended.items())),
            "events": dict(sorted(soak.log.events.items())),
            "exits": soak.run.exits,
            "at rest": soak.run.rest,
        }

    def text(self):
        lines = []
        for name, value in self.summary().items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {_number(one)}" for key, one in value.items()) or "none"
            lines.append(f"{name}: {_number(value)}")
        for number, samples in self._soak.run.samples.items():
            if samples:
                half = samples[len(samples) // 2:]
                lines.append(
                    f"process {number}: {samples[0].at:.0f} to {samples[-1].at:.0f} s, in its second"
                    f" half {_spread(half, 'rss')} KiB, {_spread(half, 'descriptors')} descriptors,"
                    f" {_spread(half, 'threads')} threads, {_spread(half, 'sessions')} sessions")
        lines += ["", f"{len(self.problems)} problems" if self.problems else "Nothing is amiss."]
        return "\n".join(lines + [f"  {one}" for one in self.problems])

    def json(self):
        return json.dumps({
            "machine": {"kernel": platform.release(), "cpus": os.cpu_count()},
            "minutes": self._wanted.minutes,
            "problems": self.problems,
            "summary": self.summary(),
            "disturbances": [asdict(one) for one in self._happened],
            "samples": {number: [asdict(one) for one in samples]
                        for number, samples in self._soak.run.samples.items()},
            "throughput": self._soak.throughput,
        }, indent=1, default=str) + "\n"

    def svg(self):
        def series(name):
            return [[(one.at, getattr(one, name)) for one in samples]
                    for samples in self._soak.run.samples.values() if samples]

        memory = [[(at, value / 1024) for at, value in one] for one in series("rss")]
        points = self._soak.throughput
        rate = [(at, (count - earlier) / max(at - before, 0.1))
                for (before, earlier), (at, count) in zip(points, points[1:])]
        lanes = defaultdict(list)
        for one in self._happened:
            lanes[_group(one)].append((one.begin, one.end, f"{one.kind}, {one.detail}"))
        found = f"{len(self.problems)} problems" if self.problems else "nothing lost"
        statements = self._soak.stage.counts["statements"]
        return picture(
            f"Everything at once, {self._wanted.minutes} min: {statements:,} statements,"
            f" {len(self._happened)} disturbances, {found}", self._seconds,
            [("statements a second", [rate]), ("memory (RSS), MiB", memory),
             ("descriptors", series("descriptors")), ("sessions", series("sessions"))],
            dict(sorted(lanes.items())))


def _group(one):
    return "names poisoned" if one.lane == "names" else one.kind


def _spread(samples, name):
    values = sorted(getattr(one, name) for one in samples)
    return f"{values[0]:,} – {values[-1]:,}"


def _number(value):
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
