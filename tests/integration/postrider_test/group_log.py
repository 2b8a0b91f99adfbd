# SPDX-License-Identifier: Apache-2.0
"""Every commit that a group ever made, as the broker wrote it into __consumer_offsets.

An admin client sees the last commit alone; what moved an offset back, and when a commit was
made, stands only here.
"""

from __future__ import annotations

import bisect
import struct
import time
from dataclasses import dataclass

from .client import Client, Record

_OFFSETS_TOPIC = "__consumer_offsets"

# Between an answer at the receiver and the program's knowing lie a socket and a thread of another
# process, on a machine that the tests keep busy.
SLACK_S = 0.05


@dataclass(frozen=True)
class Commit:
    topic: str
    partition: int
    offset: int
    metadata: str
    at: float  # monotonic, in seconds, cut off to milliseconds: when the broker took it


class _Reader:
    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def number(self, code: str) -> int:
        [value] = struct.unpack_from(f">{code}", self._data, self._at)
        self._at += struct.calcsize(code)
        return value

    def text(self) -> str:
        length = self.number("h")
        self._at += length
        return self._data[self._at - length:self._at].decode()


def _commit(group: str, record: Record, boot_s: float) -> Commit | None:
    """None for other groups, for a group's own metadata, and for an offset that was removed."""
    assert record.key is not None
    key = _Reader(record.key)
    if key.number("h") > 1 or key.text() != group or record.value is None:
        return None
    topic, partition = key.text(), key.number("i")
    value = _Reader(record.value)
    version, offset = value.number("h"), value.number("q")
    if version >= 3:
        value.number("i")  # the leader's epoch
    metadata, wall_ms = value.text(), value.number("q")
    return Commit(topic, partition, offset, metadata, wall_ms / 1000 - boot_s)


def commits(broker: Client, group: str) -> list[Commit]:
    """In the order in which the broker took them (a group's commits are in one partition)."""
    boot_s = time.time() - time.monotonic()
    found = [_commit(group, record, boot_s) for record in broker.consume(_OFFSETS_TOPIC)]
    return [commit for commit in found if commit]


def steps_back(history: list[Commit]) -> list[tuple[Commit, Commit]]:
    """Commits that moved an offset back, each with the one before."""
    last: dict[tuple[str, int], Commit] = {}
    back = []
    for commit in history:
        place = (commit.topic, commit.partition)
        if place in last and commit.offset < last[place].offset:
            back.append((last[place], commit))
        last[place] = commit
    return back


def last_before(history: list[Commit], moment: float) -> float:
    """When the last commit before that moment was taken; 0: there was none."""
    behind = bisect.bisect_right(history, moment + 0.001, key=lambda c: c.at)
    return history[behind - 1].at if behind else 0.0


def told_before(history: list[Commit], moment: float) -> float:
    """What was settled by then is told by the last commit before that moment: the program gathers
    what a commit says once it has the answer to the one before."""
    first = bisect.bisect_left(history, last_before(history, moment), key=lambda c: c.at)
    return history[first - 1].at if first else 0.0
