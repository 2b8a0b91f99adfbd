# SPDX-License-Identifier: Apache-2.0
"""Hours of a daemon's life in ten minutes: everything goes on at once, and nothing grows."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from postrider_test.all_ways import AllWays
from postrider_test.events import number, numbers, record
from postrider_test.kafka import Kafka
from postrider_test.postrider import SANITIZED, Postrider, command
from postrider_test.receiver import Receiver, Reply
from postrider_test.tls import Authority
from postrider_test.wait import elapse, wait_until

SECONDS = int(os.environ.get("SOAK_SECONDS", "600"))
A_SECOND = {"limited": 10}  # of each way's events; this one is held to 20
OTHERS_A_SECOND = 150


@dataclass
class Sample:
    resident: int
    descriptors: int
    threads: int
    lag: int


class Life:
    """A daemon, what is published for it second by second, and what its APIs have seen."""

    def __init__(self, ways: AllWays, daemon: Postrider):
        self.ways, self.daemon = ways, daemon
        self.group = ways.config["consumers"]["shop"]["group_id"]
        self.published: Counter[str] = Counter()
        self.seen: dict[str, set[int]] = {name: set() for name in ways.names()}

    def publish(self) -> None:
        records = []
        for name in self.ways.names():
            first, count = self.published[name], A_SECOND.get(name, OTHERS_A_SECOND)
            records += [record(name, n) for n in range(first, first + count)]
            self.published[name] += count
        self.ways.broker.produce(self.ways.topic, records)

    def collect(self) -> None:
        """What came in; the receivers need not keep it."""
        for server in (self.ways.receiver, self.ways.secure):
            for request in server.forget():
                if (name := request.path[1:]) in self.seen:
                    self.seen[name] |= numbers([request]).keys()

    def disturb(self, second: int) -> None:
        receiver = self.ways.receiver
        if second % 10 == 3:
            receiver.reset_connections()
        if second % 10 == 7:
            receiver.close_connections()
        if second % 60 == 20:
            receiver.on("/good", Reply(503))
        if second % 60 == 23:
            receiver.on("/good", Reply())
        if second % 30 == 15:
            good = self.ways.config["destinations"]["good"]
            good["max_concurrency"] = 96 - good.get("max_concurrency", 64)
            self.daemon.configure(self.ways.config)
            done = command("reload", "-c", self.daemon.file)
            assert done.returncode == 0, done.stderr

    def sample(self) -> Sample:
        assert "postrider_invocations_total" in self.daemon.admin("/metrics")
        return Sample(self.daemon.resident_bytes(), self.daemon.descriptors(),
                      len(list(Path(f"/proc/{self.daemon.pid}/task").iterdir())),
                      self.ways.broker.lag(self.group, self.ways.topic))

    def is_done(self) -> bool:
        self.collect()
        return (all(len(self.seen[name]) == count for name, count in self.published.items())
                and self.ways.broker.lag(self.group, self.ways.topic) == 0)


@pytest.fixture
def ways(kafka: Kafka, receiver: Receiver, secure: Receiver, authority: Authority, unique) -> AllWays:
    made = AllWays(kafka, receiver, secure, unique, authority.ca_file)
    made.tokens.expires_in = 20
    # Were all of them bad, the guard of the dead letters would hold them.
    receiver.on("/bad", lambda request: Reply(400 if number(request) % 2 else 200))
    return made


def in_the_middle(samples: list[Sample], what: str) -> float:
    return statistics.median(getattr(s, what) for s in samples)


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_hours_of_work_and_trouble_leave_memory_descriptors_and_commits_where_they_were(
        ways: AllWays, postrider) -> None:
    daemon = postrider(ways.config, readable=True)
    daemon.wait_for_log("id=admin_listening")
    life = Life(ways, daemon)
    begun, samples = time.monotonic(), []
    for second in range(SECONDS):
        elapse(begun + second - time.monotonic())
        life.publish()
        life.disturb(second)
        life.collect()
        samples.append(life.sample())
    wait_until(life.is_done, 60, lambda: f"{ {n: len(s) for n, s in life.seen.items()} } of {life.published}")
    letters = ways.broker.count(ways.letters)

    warm = samples[len(samples) // 5:]
    early, late = warm[:len(warm) // 4], warm[-len(warm) // 4:]
    print(f"\n{sum(life.published.values())} events in {SECONDS} s, and at their end, in medians:")
    for what in ("resident", "descriptors", "threads", "lag"):
        print(f"{what}: {in_the_middle(early, what):.0f} -> {in_the_middle(late, what):.0f}")
    assert letters == life.published["bad"] // 2
    # AddressSanitizer keeps what is freed.
    assert SANITIZED or in_the_middle(late, "resident") <= 1.02 * in_the_middle(early, "resident")
    assert max(s.descriptors for s in late) <= max(s.descriptors for s in early)
    assert in_the_middle(late, "threads") == in_the_middle(early, "threads")
    # The lag is what a second publishes and its retries, not what the day has left behind.
    assert in_the_middle(late, "lag") <= 2 * max(in_the_middle(early, "lag"), OTHERS_A_SECOND)
    assert daemon.terminate() == 0
