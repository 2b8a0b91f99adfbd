# SPDX-License-Identifier: Apache-2.0
"""Events that are as costly as a producer can make them: each has its own verdict, and nobody waits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import pytest

from postrider_test.config import Config
from postrider_test.events import event
from postrider_test.kafka import Kafka
from postrider_test.postrider import SANITIZED, Postrider
from postrider_test.receiver import Receiver
from postrider_test.wait import wait_until

MIB = 1 << 20
MAX_MEMORY = 96 * MIB
# What the program itself takes, with its libraries, and what librdkafka has fetched ahead.
OWN_MEMORY = 48 * MIB
# 50 ms on a quiet machine; this one is shared with other tests. A single look at the members of an
# event for each of its members took half a minute.
LONGEST_PASS = 0.5
WHOLE = "<aws.events.event.json>"


def many_members(kind: str) -> bytes:
    """0.8 MB."""
    return b'{"detail-type":"%s","d":1,%s}' % (
        kind.encode(), b",".join(b'"k%d":1' % n for n in range(80_000)))


def swelling_form(kind: str) -> bytes:
    """50 KB that become 48 MB: the long name is repeated for each element."""
    return b'{"detail-type":"%s","%s":[%s]}' % (
        kind.encode(), b"k" * 2000, b",".join([b"1"] * 24_000))


def cloudevent(kind: str) -> bytes:
    return b'{"specversion":"1.0","id":"1","source":"/s","type":"t",' + many_members(kind)[1:]


def peak_rss(daemon: Postrider) -> int:
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


class Costly:
    def __init__(self, broker: Kafka, receiver: Receiver, unique: Callable[[str], str]):
        self.broker, self.receiver = broker, receiver
        self.calm = 0
        self.topic, self.letters = unique("costly"), unique("letters")
        broker.create_topic(self.topic)
        broker.create_topic(self.letters)
        self.config = Config(broker.bootstrap)
        self.config["max_memory"] = f"{MAX_MEMORY // MIB}MiB"
        self.config.consumer("shop", self.topic, group_id=unique("group"),
                             dead_letter_topic=self.letters, auto_offset_reset="earliest")
        self.config.connection("plain", authorization_type="NONE")
        self.rule("calm")

    def rule(self, name: str, size: str | None = None, **target: object) -> None:
        keys = {"max_request_size": size} if size else {}
        self.config.destination(name, self.receiver.url(f"/{name}"), connection="plain",
                                **keys)
        self.config.rule(name, "shop", {"detail-type": [name]}, {"destination": name, **target})

    def publish(self, values: list[bytes]) -> None:
        self.broker.produce(self.topic, values)

    def run(self, daemon: Postrider, done: Callable[[], bool]) -> float:
        """Publish one calm event after the other until `done`; the longest pass of that time."""
        longest = 0.0

        def step() -> bool:
            nonlocal longest
            if self.receiver.count("/calm") == self.calm:
                self.publish([event("calm", self.calm)])
                self.calm += 1
            longest = max(longest, daemon.metric("postrider_loop_longest_pass_seconds"))
            return done()

        wait_until(step, 60, daemon.tail)
        wait_until(lambda: self.receiver.count("/calm") == self.calm, 10)
        print(f"longest pass {longest * 1000:.0f} ms, {self.calm} calm events, "
              f"peak {peak_rss(daemon) / MIB:.0f} MiB")
        assert SANITIZED or longest < LONGEST_PASS
        assert SANITIZED or peak_rss(daemon) < MAX_MEMORY * 1.2 + OWN_MEMORY
        return longest


@pytest.fixture
def costly(kafka: Kafka, receiver: Receiver, unique: Callable[[str], str]) -> Costly:
    return Costly(kafka, receiver, unique)


def test_events_of_many_members_hold_up_nobody(costly: Costly, postrider) -> None:
    costly.rule("members", http_parameters={"body_parameters": {"order": "$.d", "k7": "$.k8"}})
    costly.rule("form", "4MiB", output_format="form")
    costly.rule("thrice", "4MiB",
                input_transformer={"input_template": f"[{WHOLE},{WHOLE},{WHOLE}]"})
    costly.rule("ce", output_format="cloudevents-structured",
                http_parameters={"body_parameters": {"order": "$.d"}})
    daemon = postrider(costly.config)
    kinds = ["members", "form", "thrice", "ce"]
    for kind in kinds:
        costly.publish([cloudevent(kind) if kind == "ce" else many_members(kind)] * 5)
    costly.run(daemon, lambda: all(costly.receiver.count(f"/{kind}") == 5 for kind in kinds))
    # None was sent twice, nor timed out before it was sent.
    assert daemon.metric("postrider_retries_total") == 0
    assert costly.receiver.requests("/members")[0].body.endswith(b'"order":1,"k7":1}')


def test_what_swells_beyond_the_limit_becomes_a_letter_and_takes_no_memory(
        costly: Costly, postrider) -> None:
    costly.rule("form", output_format="form")
    costly.rule("thrice", input_transformer={"input_template": f"[{WHOLE},{WHOLE},{WHOLE}]"})
    daemon = postrider(costly.config)
    costly.publish([swelling_form("form")] * 30 + [many_members("thrice")] * 5)
    costly.run(daemon, lambda: costly.broker.count(costly.letters) == 35)
    letters = costly.broker.consume(costly.letters)
    assert {letter.header("ERROR_CODE") for letter in letters} == {b"RESOURCE_LIMIT_EXCEEDED"}
    assert costly.receiver.count("/form") == costly.receiver.count("/thrice") == 0


def test_bodies_in_flight_are_within_the_memory_that_records_may_take(
        costly: Costly, postrider) -> None:
    """A hanging API, and bodies of 2.4 MB: 64 of them would take more than all that there is."""
    costly.rule("thrice", "4MiB",
                input_transformer={"input_template": f"[{WHOLE},{WHOLE},{WHOLE}]"})
    held = costly.receiver.hold("/thrice")
    daemon = postrider(costly.config)
    costly.publish([many_members("thrice")] * 60)
    costly.run(daemon, lambda: held.waiting > 0 and
               daemon.metric("postrider_open_bytes") > MAX_MEMORY * 0.7)
    assert held.waiting < 40
    held.release()
    costly.run(daemon, lambda: costly.receiver.count("/thrice") == 60)
