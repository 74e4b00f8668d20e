"""A program under test: started, read line by line, stopped by its own pid."""

import signal
import subprocess
import threading
import time

from .waiting import PATIENCE


class Process:
    """One started program whose lines on `stream` are kept as they come, and can be waited for."""

    def __init__(self, argv, stream="stderr", **popen):
        self.argv = [str(argument) for argument in argv]
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._asked = 0
        other = "stdout" if stream == "stderr" else "stderr"
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault(other, subprocess.DEVNULL)
        popen[stream] = subprocess.PIPE
        self._popen = subprocess.Popen(self.argv, **popen)
        self._pipe = getattr(self._popen, stream)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._popen.pid

    @property
    def exit_code(self):
        """None while it runs."""
        return self._popen.poll()

    @property
    def output(self):
        with self._changed:
            return "\n".join(self.lines)

    def wait_for(self, what, find, within=PATIENCE):
        """The first true `find(lines)`; looked at again whenever a line comes. Fails at once when
        the program has ended, and at the deadline."""
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                found = find(self.lines)
                if found:
                    return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else f"not within {within:g} s"
                    raise AssertionError(
                        f"{self.argv[0]}: {what}: {why}; it said:\n" + "\n".join(self.lines[-60:])
                    )
                self._changed.wait(left)

    def wait_line(self, text, within=PATIENCE):
        return self.wait_for(
            f"no line with {text!r}",
            lambda lines: next((line for line in lines if text in line), None),
            within,
        )

    def write(self, text):
        """To its standard input, where that was asked for."""
        self._popen.stdin.write(text.encode())
        self._popen.stdin.flush()

    def ask(self, line, within=PATIENCE):
        """Of a program that answers every line, in their order, with a line: asks, and returns what
        waits for the answer."""
        number = self._asked
        self._asked += 1
        self.write(line + "\n")
        return lambda: self.wait_for(
            "no answer", lambda lines: lines[number] if len(lines) > number else None, within)

    def send(self, signal_number):
        """Nothing happens when it has ended already."""
        self._popen.send_signal(signal_number)

    def wait(self, within=PATIENCE):
        """Its exit code, once it has ended by itself and all it said has been read."""
        try:
            code = self._popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.argv[0]} still runs after {within:g} s; it said:\n{self.output[-6000:]}"
            ) from None
        self._reader.join(within)
        return code

    def stop(self, signal_number=signal.SIGTERM, within=PATIENCE):
        """Asks it to end and returns its exit code. What does not listen is killed, and that is a
        failure."""
        self.send(signal_number)
        try:
            return self.wait(within)
        except AssertionError:
            self.kill()
            raise

    def kill(self):
        self.send(signal.SIGKILL)
        self._popen.wait()
        self._reader.join(PATIENCE)

    def _read(self):
        for line in self._pipe:
            with self._changed:
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._pipe.close()
        if self._popen.stdin:
            self._popen.stdin.close()
