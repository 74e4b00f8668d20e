"""How much of everything is done."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Amounts:
    scale: int
    """pgbench's: 100,000 rows each."""
    transactions: int
    copied: int
    """Bytes."""
    slices: int
    """The latency through a proxy and without one is taken in turns, so many times."""
    timed_transactions: int
    """In each of them."""
    connects: int
    active: tuple
    """Connections that are busy at once, in growing numbers."""
    active_transactions: int
    sessions: tuple
    """Sessions that are idle, in growing numbers."""
    settling_seconds: float
    idle_seconds: float


FULL = Amounts(scale=10, transactions=60_000, copied=1_000_000_000, slices=3,
               timed_transactions=4_000, connects=150, active=(1, 8, 64),
               active_transactions=24_000, sessions=(1, 100, 1_000, 9_500),
               settling_seconds=1, idle_seconds=5)
QUICK = Amounts(scale=1, transactions=4_000, copied=20_000_000, slices=1, timed_transactions=500,
                connects=15, active=(1, 8), active_transactions=2_000,
                sessions=(1, 30), settling_seconds=0.1, idle_seconds=0.5)
