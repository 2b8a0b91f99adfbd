# SPDX-License-Identifier: Apache-2.0
"""An API that keeps the books: what it accepted, when, of whom, and when the answer went out.

An answer whose status line says 2xx counts as accepted, also if its body breaks off; what the API
refused, or did not answer, is not a repeat when it comes again.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Iterable

from .http_server import Hold, Reply, Request
from .receiver import Receiver

# What becomes of attempt A of event N: None is accepted.
Answer = Callable[[int, int], Reply | None]


@dataclass
class Entry:
    """One request that was accepted."""

    n: int
    key: int
    instance: str     # the value of X-Api-Key
    partition: int
    at: float         # monotonic
    answered: float = float("inf")  # never, when the client had gone


def _accepts(reply: Reply) -> bool:
    """Is it a whole head with 2xx, of which only the body breaks off?"""
    return 200 <= reply.status < 300 and reply.cut is not None and reply.cut < 0


class _Later(Hold):
    """Answers an entry after a time, and notes when it did."""

    def __init__(self, entry: Entry, delay: float):
        super().__init__()
        self._entry, self._delay = entry, delay

    def add(self, action: Callable[[], object]) -> None:
        def answer() -> None:
            now = time.monotonic()
            if action():
                self._entry.answered = now

        asyncio.get_running_loop().call_later(self._delay, answer)


class DeliveryLog:
    def __init__(self, receiver: Receiver, path: str, delay: float = 0.02,
                 answer: Answer = lambda n, attempt: None):
        self.path, self.delay, self.answer = path, delay, answer
        self.url = receiver.url(path)
        self._entries: list[Entry] = []
        self._attempts: Counter[int] = Counter()
        self._seen: set[int] = set()
        self._lock = threading.Lock()
        self.refused = 0
        receiver.on(path, self._take)

    def _take(self, request: Request) -> Reply:
        detail = json.loads(request.body)["detail"]
        n = detail["n"]
        with self._lock:
            self._attempts[n] += 1
            reply = self.answer(n, self._attempts[n])
            if reply and not _accepts(reply):
                self.refused += 1
                return reply
            # <topic>-<partition>-<offset>-<rule>-<target>
            key = request.header("Idempotency-Key") or ""
            entry = Entry(n, detail.get("key", n), request.header("X-Api-Key") or "",
                          int(key.rsplit("-", 4)[1]), request.at)
            self._entries.append(entry)
            self._seen.add(n)
        if reply:
            entry.answered = time.monotonic()
        return reply or Reply(hold=_Later(entry, self.delay))

    @property
    def accepted(self) -> int:
        """How many different events."""
        return len(self._seen)

    def entries(self, start: int = 0) -> list[Entry]:
        with self._lock:
            return self._entries[start:]

    def mark(self) -> int:
        """A position for `start`."""
        return len(self._entries)

    def numbers(self) -> Counter[int]:
        return Counter(entry.n for entry in self.entries())

    def repeats(self) -> int:
        return len(self._entries) - len(self._seen)

    def repeated_after(self, moment: float) -> list[Entry]:
        """The entries before the moment whose event was accepted again after it."""
        before, after = split(self.entries(), moment)
        again = {entry.n for entry in after}
        return [entry for entry in before if entry.n in again]

    def disorder(self) -> list[tuple[int, int]]:
        """Pairs of one key where the later event was first accepted before the earlier."""
        last: dict[int, int] = {}
        wrong = []
        for entry in first_of_each(self.entries()):
            if entry.n < last.get(entry.key, -1):
                wrong.append((last[entry.key], entry.n))
            last[entry.key] = max(entry.n, last.get(entry.key, -1))
        return wrong


def split(entries: Iterable[Entry], moment: float) -> tuple[list[Entry], list[Entry]]:
    before, after = [], []
    for entry in entries:
        (before if entry.at < moment else after).append(entry)
    return before, after


def since(entries: list[Entry], moment: float) -> int:
    """The index of the first that came at the moment or later."""
    return bisect.bisect_left(entries, moment, key=lambda entry: entry.at)


def first_of_each(entries: Iterable[Entry]) -> list[Entry]:
    seen: set[int] = set()
    return [e for e in entries if not (e.n in seen or seen.add(e.n))]


def histogram(values: list[int], width: int = 10) -> str:
    """How many values lie in each band: "0-9: 3  10-19: 5"."""
    bands = Counter(value // width for value in values)
    return "  ".join(f"{band * width}-{band * width + width - 1}: {bands[band]}"
                     for band in sorted(bands))
