"""What the applications were told, held against what the databases have: a row whose INSERT was
answered is there, once; one that was turned away is not."""

import hashlib
import threading
from collections import Counter, deque

from judge import CUT, KILLED, TURNED_AWAY, verdict

TABLE = "CREATE TABLE ledger (client text, number bigint, body text, PRIMARY KEY (client, number))"
INSERT = "INSERT INTO ledger VALUES ('{}', {}, '{}')"
MUST, MAY = 0x40, 0x80  # beside the node's index


def body(client, number):
    return hashlib.md5(f"{client}:{number}".encode()).hexdigest()


class Page:
    """One client's rows. Only that client writes here, and the one who settles its losses."""

    def __init__(self, client):
        self.client = client
        self._state = bytearray(1)  # by number; there is no row 0
        self._open = set()
        self._lock = threading.Lock()

    def take(self):
        """The number of a new row."""
        with self._lock:
            self._state.append(0)
            number = len(self._state) - 1
            self._open.add(number)
            return number

    def settle(self, numbers, node=None, flag=0):
        with self._lock:
            for number in numbers:
                self._state[number] = flag | (node or 0)
                self._open.discard(number)

    def answered(self, numbers, node):
        self.settle(numbers, node, MUST)

    @property
    def settled(self):
        """The last number up to which everything is known."""
        with self._lock:
            return min(self._open, default=len(self._state)) - 1

    def compare(self, node, first, last, found):
        """Numbers that should be on the node and are not, and the other way around."""
        state = self._state
        missing = [number for number in range(first, last + 1)
                   if state[number] == MUST | node and number not in found]
        ghosts = [number for number in found if state[number] not in (MUST | node, MAY | node)]
        return missing, ghosts


MOST_KEPT = 200
"""Of each kind of problem: more say no more."""


class Ledger:
    def __init__(self, run, downs, drain_timeout):
        self._run, self._downs, self._drain_timeout = run, downs, drain_timeout
        self._pages = []
        self._losses = deque()
        self._seen = {}  # (client, node) → the last number that was looked for
        self.verdicts = Counter()

    def page(self, client):
        page = Page(client)
        self._pages.append(page)
        return page

    def lose(self, loss, page=None, rows=()):
        """`rows` may be there, according to what became of the session."""
        self._losses.append((loss, page, tuple(rows)))

    def settle(self, ends_of, now, patience):
        """Decides on losses, once the log has told how the session ended, or will not."""
        for _ in range(len(self._losses)):
            loss, page, rows = self._losses.popleft()
            ends = ends_of(loss.session)
            if not ends and now < loss.lost + patience:
                self._losses.append((loss, page, rows))
                continue
            what = verdict(loss, ends, self._downs(), self._drain_timeout)
            self.verdicts[what] += 1
            if what not in (KILLED, CUT, TURNED_AWAY) and len(self._run.lost) < MOST_KEPT:
                self._run.lost.append((loss, what))
            if page:
                # Of a session that was turned away, no row may be there: it is looked for.
                page.settle(rows, loss.node, MAY if what != TURNED_AWAY else 0)

    @property
    def undecided(self):
        return len(self._losses)

    def audit(self, number, connection):
        """Looks at what a node has of all that is settled, and removes it there: it does not grow."""
        with connection.cursor() as cursor:
            for page in list(self._pages):
                last = page.settled
                first = self._seen.get((page.client, number), 0) + 1
                if last < first:
                    continue
                cursor.execute("SELECT number, body FROM ledger WHERE client = %s"
                               " AND number BETWEEN %s AND %s", (page.client, first, last))
                found = dict(cursor.fetchall())
                self._note(page, number, first, last, found)
                self._seen[page.client, number] = last
                cursor.execute("DELETE FROM ledger WHERE client = %s AND number <= %s",
                               (page.client, last))

    def _note(self, page, node, first, last, found):
        run = self._run
        missing, ghosts = page.compare(node, first, last, found)
        wrong = [one for one, text in found.items() if text != body(page.client, one)]
        run.rows += len(found)
        for kept, numbers, what in ((run.missing, missing, ""), (run.ghosts, ghosts, ""),
                                    (run.wrong, wrong, "another content: ")):
            kept += [f"{what}row {one} of {page.client} on node {node}"
                     for one in numbers[:MOST_KEPT - len(kept)]]
