"""Much data through COPY, made and hashed on the way."""

import hashlib

LINE = 1024


class Lines:
    """What COPY ... FROM STDIN reads: so many lines of 1 KiB that are all different."""

    _filler = b"0123456789abcdefghijklmnopqrstuvwxyz" * (LINE // 36 + 2)

    def __init__(self, count):
        self.hash = hashlib.sha256()
        self._next = 0
        self._count = count

    def read(self, size):
        first, self._next = self._next, min(self._next + size // LINE, self._count)
        lines = b"".join(self._line(number) for number in range(first, self._next))
        self.hash.update(lines)
        return lines

    def _line(self, number):
        # Each begins elsewhere in the filler, so that bytes lost or repeated cannot fit.
        start = number % 36
        return b"%010d%b\n" % (number, self._filler[start:start + LINE - 11])


class Hashed:
    """What COPY ... TO STDOUT writes to."""

    def __init__(self):
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
