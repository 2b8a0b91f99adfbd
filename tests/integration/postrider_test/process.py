# SPDX-License-Identifier: Apache-2.0
"""A child process that never outlives the tests, with its output in a file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from .wait import wait_until


class Process:
    """One run of a program. Standard error and output go to `log`, one after another run."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None):
        self.command = command
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None
        self._paused = False

    def start(self) -> None:
        assert not self.running, f"{self.command[0]} runs already"
        with self.log.open("ab") as log:
            # The kernel kills it when this process ends, however it ends.
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_status(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._child.poll() if self._child else None

    def signal(self, number: int) -> None:
        if self.running:
            os.kill(self.pid, number)

    def pause(self) -> None:
        """Neither dead nor answering: its sockets stay open."""
        self._paused = True
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._paused = False
        self.signal(signal.SIGCONT)

    def wait(self, timeout: float = 60.0) -> int:
        """The exit status, once it has ended."""
        assert self._child is not None, "not started"
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(
                f"{self.command[0]} (pid {self.pid}) did not end in {timeout:g} s; "
                f"its log ends:\n{self.tail()}") from None

    def terminate(self, timeout: float = 60.0) -> int:
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone. Does no harm to one that has ended."""
        if self._child is None:
            return
        if self.running:
            self._child.kill()
        self._child.wait()
        self._paused = False

    def stop(self, timeout: float = 60.0) -> None:
        """End it in an orderly way if it will, by force if not."""
        if not self.running:
            return
        if self._paused:
            self.resume()
        try:
            self.terminate(timeout)
        except TimeoutError:
            self.kill()

    # The log

    def log_text(self, start: int = 0) -> str:
        """What it wrote, from byte `start` of the file on."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")

    def log_mark(self) -> int:
        """A position for `start`: what is written from now on."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_lines(self, pattern: str, start: int = 0) -> list[str]:
        """The lines in which the regular expression is found."""
        return [line for line in self.log_text(start).splitlines() if re.search(pattern, line)]

    def wait_for_log(self, pattern: str, timeout: float = 60.0, start: int = 0) -> str:
        """The first line in which the regular expression is found."""
        def found() -> list[str]:
            lines = self.log_lines(pattern, start)
            if not lines and not self.running:
                raise AssertionError(
                    f"{self.command[0]} ended with status {self.exit_status} before it wrote "
                    f"{pattern!r}; its log ends:\n{self.tail()}")
            return lines

        return wait_until(found, timeout, lambda: f"{pattern!r} in the log:\n{self.tail()}")[0]

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])
