"""Deadlines. Every wait in these tests ends by what it waits for, or fails saying what that was."""

import time

PATIENCE = 20.0
"""Seconds after which what should have happened is said not to have: long, for loaded machines."""


def until(what, condition, within=PATIENCE):
    """The first true value of `condition()`. For facts that only asking can tell, such as another
    server's statistics; where there is an event, wait for the event."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.02)
