# SPDX-License-Identifier: Apache-2.0
"""An event's whole way: what is published arrives as a rule says, and nothing that happens loses it."""

from __future__ import annotations

import os
import platform
import re
import signal
import time
from typing import Any, Callable

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import Config
from postrider_test.events import event, number, numbers, record, wants
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.postrider import Postrider
from postrider_test.receiver import Hold, Receiver, Reply
from postrider_test.wait import holds_for, wait_until

TOTAL = 10_000
# Kafka is away for a minute in CI; for a person at work a quarter must do.
OUTAGE_S = 60 if os.environ.get("CI") == "true" else 15


class Pipeline:
    """One topic, one destination "crm" at /crm that wants every event of kind "sale"."""

    def __init__(self, broker: Client, receiver: Receiver, unique: Callable[[str], str],
                 target: dict[str, Any] | None = None, partitions: int = 4,
                 **destination: Any):
        self.broker, self.receiver = broker, receiver
        self.topic, self.letters = unique("sales"), unique("letters")
        self.consumer_group = unique("group")
        self.group = f"{self.consumer_group}.crm"
        broker.create_topic(self.topic, partitions)
        broker.create_topic(self.letters)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=self.consumer_group,
                             dead_letter_topic=self.letters)
        self.config.destination("crm", receiver.url("/crm"), **destination)
        self.config.rule("sales", "shop", wants("sale"),
                         {"destination": "crm", **(target or {})})

    def publish(self, count: int, first: int = 0) -> None:
        self.broker.produce(self.topic, [record("sale", n) for n in range(first, first + count)])

    def arrived(self) -> int:
        """How many different events have come."""
        return len(numbers(self.receiver.requests("/crm")))

    def wait_for_all(self, count: int, timeout: float = 60.0) -> None:
        wait_until(lambda: self.receiver.count("/crm") >= count and self.arrived() == count,
                   timeout, lambda: f"{count} events at the receiver, there are {self.arrived()}")

    def committed(self) -> dict[int, int]:
        return {p: c.offset for p, c in self.broker.committed(self.group, self.topic).items()}

    def wait_for_lag(self, lag: int = 0, timeout: float = 30.0) -> None:
        self.broker.wait_for_lag(self.group, self.topic, lag, timeout)


def text(letter: Record, header: str) -> str | None:
    value = letter.header(header)
    return None if value is None else value.decode()


def test_ten_thousand_events_reach_exactly_the_destinations_that_rules_name(
        every_broker: Client, receiver: Receiver, unique, postrider) -> None:
    topic, group = unique("orders"), unique("group")
    every_broker.create_topic(topic, partitions=4)
    config = Config(every_broker.bootstrap)
    config.consumer("shop", topic, group_id=group)
    config.destination("crm", receiver.url("/crm"))
    config.destination("chat", receiver.url("/chat"))
    config.rule("customers", "shop", wants("customer"), {"destination": "crm"})
    config.rule("alerts", "shop", wants("alert"), {"destination": "chat"})
    config.rule("sales", "shop", wants("sale"), {"destination": "crm"}, {"destination": "chat"})
    kinds = ["customer", "alert", "sale", "nobody's"]
    every_broker.produce(topic, [record(kinds[n % 4], n) for n in range(TOTAL)])
    wanted = {"/crm": {n for n in range(TOTAL) if n % 4 in (0, 2)},
              "/chat": {n for n in range(TOTAL) if n % 4 in (1, 2)}}

    daemon = postrider(config)
    for path, expected in wanted.items():
        got = numbers(receiver.wait_for(len(expected), path))
        assert got.keys() == expected
        assert set(got.values()) == {1}
    for destination in ("crm", "chat"):
        every_broker.wait_for_lag(f"{group}.{destination}", topic)
        if isinstance(every_broker, Kafka):
            rows = every_broker.describe_group(f"{group}.{destination}")
            assert [row["LAG"] for row in rows if row["TOPIC"] == topic] == ["0"] * 4
    keys = {request.header("Idempotency-Key") for request in receiver.requests()}
    assert len(keys) == len(receiver.requests()) == TOTAL
    assert daemon.terminate() == 0


def test_offset_is_not_committed_while_its_delivery_is_open(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(kafka, receiver, unique, partitions=1)
    hold = Hold()
    receiver.on("/crm", lambda r: Reply(hold=hold) if number(r) == 3 else Reply())
    pipeline.publish(200)
    postrider(pipeline.config)
    pipeline.wait_for_all(200)
    wait_until(lambda: pipeline.committed() == {0: 3})
    assert holds_for(lambda: pipeline.committed() == {0: 3}, 1.0)
    hold.release()
    pipeline.wait_for_lag()
    assert set(numbers(receiver.requests("/crm")).values()) == {1}


@pytest.mark.long
def test_kill_9_loses_nothing_and_repeats_only_what_was_on_the_wire(
        broker: Client, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(broker, receiver, unique, max_concurrency=64)
    pipeline.config["consumers"]["shop"]["instance_id"] = "one"
    receiver.on("/crm", Reply(delay=0.01))
    pipeline.publish(TOTAL)
    daemon: Postrider = postrider(pipeline.config)
    receiver.wait_for(TOTAL // 3, "/crm")
    daemon.kill()
    killed_at = time.monotonic()
    before = {number(r): r.at for r in receiver.requests("/crm")}
    assert len(before) < TOTAL, "the kill came too late to be in the middle"
    daemon.start()
    pipeline.wait_for_all(TOTAL)
    pipeline.wait_for_lag()

    repeated = [n for n, times in numbers(receiver.requests("/crm")).items() if times > 1]
    # What the receiver had not read yet when it was asked was on the wire.
    oldest = max((killed_at - before.get(n, killed_at) for n in repeated), default=0.0)
    print(f"{len(repeated)} of {len(before)} were repeated, "
          f"the oldest had come {oldest * 1000:.0f} ms before the kill")
    # On the wire: 64. Not yet in the map: what came in during a commit or two.
    assert oldest < 0.5
    assert len(repeated) < len(before) / 4
    assert max(numbers(receiver.requests("/crm")).values()) == 2


def test_400_becomes_one_dead_letter_with_every_byte_of_the_record(
        every_broker: Client, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(every_broker, receiver, unique)
    receiver.on("/crm", Reply(400, b'{"error": "no such customer"}'))
    value = event("sale", 1, text="\u00e4\u4e2d") + b" \n"
    headers = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
               ("binary", b"\x00\xff\r\n"), ("twice", b"1"), ("twice", b"2"), ("empty", b"")]
    [sent] = every_broker.produce(pipeline.topic, [
        Record(value, b"k\x00\xff", headers, 2, timestamp_ms=1_700_000_000_123)])
    postrider(pipeline.config)

    [letter] = every_broker.wait_for_records(pipeline.letters, 1)
    assert (letter.value, letter.key) == (value, b"k\x00\xff")
    assert letter.headers[:len(headers)] == headers
    expected = {"HTTP_STATUS": "400", "RULE_NAME": "sales", "TARGET_ID": "crm",
                "DESTINATION": "crm", "RETRY_ATTEMPTS": "0", "SOURCE_TOPIC": pipeline.topic,
                "SOURCE_PARTITION": "2", "SOURCE_OFFSET": str(sent.offset)}
    assert {name: text(letter, name) for name in expected} == expected
    for name in ("ERROR_CODE", "ERROR_MESSAGE", "SOURCE_TIMESTAMP", "FIRST_ATTEMPT_TIME",
                 "LAST_ATTEMPT_TIME"):
        assert text(letter, name), name
    assert text(letter, "EXHAUSTED_RETRY_CONDITION") is None
    assert "no such customer" in (text(letter, "RESPONSE_BODY") or "")
    assert "k3y" not in str(letter.headers)
    pipeline.wait_for_lag()
    assert (receiver.count("/crm"), every_broker.count(pipeline.letters)) == (1, 1)


def test_503_is_tried_again_and_then_delivered(
        broker: Client, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(broker, receiver, unique)
    receiver.script("/crm", [Reply(503), Reply(503, headers={"Retry-After": "1"})])
    pipeline.publish(1)
    postrider(pipeline.config)
    first, second, third = receiver.wait_for(3, "/crm")
    assert third.at - second.at >= 0.998  # the daemon's clock counts whole milliseconds
    assert first.body == second.body == third.body
    keys = {request.header("Idempotency-Key") for request in (first, second, third)}
    assert len(keys) == 1
    pipeline.wait_for_lag()
    assert broker.count(pipeline.letters) == 0


def test_401_under_oauth_fetches_one_token_and_burns_no_attempt(
        broker: Client, receiver: Receiver, unique, postrider) -> None:
    oauth = TokenEndpoint(receiver)
    receiver.on("/crm", oauth.guard(Reply()))
    # No retry is allowed: were the 401 an attempt, the event would become a dead letter.
    pipeline = Pipeline(broker, receiver, unique, {"retry_policy": {"maximum_retry_attempts": 0}},
                connection="oauth")
    pipeline.config.connection(
        "oauth", authorization_type="OAUTH_CLIENT_CREDENTIALS", authorization_endpoint=oauth.url,
        allow_http=True, client_id="postrider", client_secret="s3cret")
    postrider(pipeline.config)
    pipeline.publish(20)
    pipeline.wait_for_all(20)
    assert oauth.issued == 1
    oauth.revoke_all()
    pipeline.publish(20, first=20)
    wait_until(lambda: sum(map(oauth.accepts, receiver.requests("/crm"))) >= 20)
    pipeline.wait_for_lag()
    assert oauth.issued == 2
    assert broker.count(pipeline.letters) == 0


def hold_the_offset(pipeline: Pipeline, daemon: Postrider) -> None:
    """One of five events becomes a dead letter that cannot be written."""
    pipeline.wait_for_all(5)
    daemon.wait_for_log("dead_letter_topic_failing.*" + re.escape(pipeline.letters))
    wait_until(lambda: pipeline.committed() == {0: 2})
    assert holds_for(lambda: pipeline.committed() == {0: 2} and daemon.running, 3.0)


def goes_on(pipeline: Pipeline, daemon: Postrider) -> None:
    """Without a restart, once the topic can be written again."""
    pipeline.wait_for_lag(timeout=60)
    [letter] = pipeline.broker.consume(pipeline.letters)
    assert letter.value is not None and number(letter.value) == 2
    assert pipeline.receiver.count("/crm") == 5
    assert daemon.terminate() == 0


def test_dead_letter_too_large_for_its_topic_holds_the_offset(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(kafka, receiver, unique, partitions=1)
    kafka.configure_topic(pipeline.letters, max_message_bytes="200")
    receiver.on("/crm", lambda r: Reply(400 if number(r) == 2 else 200))
    pipeline.publish(5)
    daemon = postrider(pipeline.config)
    hold_the_offset(pipeline, daemon)
    assert daemon.log_lines("dead_letter_topic_failing.*max.message.bytes")
    kafka.configure_topic(pipeline.letters, max_message_bytes="1000000")
    goes_on(pipeline, daemon)


@pytest.mark.long
def test_dead_letter_topic_short_of_replicas_holds_the_offset(
        own_kafka, receiver: Receiver, unique, postrider) -> None:
    kafka: Kafka = own_kafka()
    pipeline = Pipeline(kafka, receiver, unique, partitions=1)
    kafka.commit("any", pipeline.topic, {0: 0})  # the groups' offsets come to lie on the first broker
    second: Kafka = own_kafka(first=kafka)
    # A broker counts min.insync.replicas only as far as there are replicas at all.
    kafka.delete_topic(pipeline.letters)
    kafka.create_topic(pipeline.letters, 1, {"min.insync.replicas": "2"}, replicas=2)
    second.kill()
    wait_until(lambda: kafka.in_sync(pipeline.letters) == [1])
    receiver.on("/crm", lambda r: Reply(400 if number(r) == 2 else 200))
    pipeline.publish(5)
    daemon = postrider(pipeline.config)
    hold_the_offset(pipeline, daemon)
    assert daemon.log_lines("dead_letter_topic_failing.*in-sync replicas")
    second.start()
    goes_on(pipeline, daemon)


def test_poison_ends_as_dead_letters_and_the_daemon_lives(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(kafka, receiver, unique, partitions=1)
    for topic in (pipeline.topic, pipeline.letters):
        kafka.configure_topic(topic, max_message_bytes="4000000")
    poison = {
        "not JSON": b"{",
        "empty": b"",
        "2 MB": event("sale", 1, pad="x" * 2_000_000),
        "deep": b"[" * 100_000 + b"]" * 100_000,
        "invalid UTF-8": b'{"detail-type": "sale", "detail": {"n": "\xff"}}',
    }
    values = [*poison.values(), None, event("sale", 99)]
    kafka.produce(pipeline.topic, [Record(value, b"key", partition=0) for value in values])
    daemon = postrider(pipeline.config)

    pipeline.wait_for_all(1)
    pipeline.wait_for_lag()
    letters = kafka.wait_for_records(pipeline.letters, len(poison))
    assert {letter.value for letter in letters} == set(poison.values())
    for letter in letters:
        assert text(letter, "ERROR_CODE") == "INVALID_EVENT"
        assert text(letter, "ERROR_MESSAGE")
        assert letter.key == b"key"
    assert [number(r) for r in receiver.requests("/crm")] == [99]
    assert daemon.terminate() == 0


@pytest.mark.long
@pytest.mark.timeout(240)
def test_kafka_away_at_the_start_and_in_the_middle_is_waited_for(
        own_kafka, receiver: Receiver, unique, postrider) -> None:
    kafka: Kafka = own_kafka()
    pipeline = Pipeline(kafka, receiver, unique)
    pipeline.publish(100)
    kafka.stop()

    daemon: Postrider = postrider(pipeline.config)
    daemon.wait_for_log("kafka_unreachable")
    assert holds_for(lambda: daemon.running, 3.0)
    kafka.start()
    pipeline.wait_for_all(100)

    kafka.kill()
    mark = daemon.log_mark()
    assert holds_for(lambda: daemon.running, OUTAGE_S)
    assert len(daemon.log_lines("kafka_unreachable")) <= 2, "it is said once an outage"
    kafka.start()
    kafka.wait_for_topic(pipeline.topic)
    pipeline.publish(100, first=100)
    pipeline.wait_for_all(200)
    pipeline.wait_for_lag()
    daemon.wait_for_log("kafka_reachable", start=mark)
    assert daemon.terminate() == 0


def test_sigterm_under_load_loses_nothing_and_repeats_nothing(
        broker: Client, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(broker, receiver, unique)
    receiver.on("/crm", Reply(delay=0.005))
    pipeline.publish(TOTAL)
    daemon: Postrider = postrider(pipeline.config)
    receiver.wait_for(TOTAL // 4, "/crm")
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(30) == 0
    assert time.monotonic() - begin < 10
    assert pipeline.arrived() < TOTAL, "the signal came too late to be under load"

    daemon.start()
    pipeline.wait_for_all(TOTAL)
    pipeline.wait_for_lag()
    assert set(numbers(receiver.requests("/crm")).values()) == {1}


@pytest.mark.alone
def test_first_delivery_comes_within_five_seconds_of_the_start(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(kafka, receiver, unique)
    daemon: Postrider = postrider(pipeline.config)
    pipeline.publish(1)
    pipeline.wait_for_lag()
    assert daemon.terminate() == 0

    pipeline.publish(1, first=1)
    begin = time.monotonic()
    daemon.start()
    pipeline.wait_for_all(2)
    print(f"{time.monotonic() - begin:.2f} s from the start to the first delivery")
    assert time.monotonic() - begin < 5


@pytest.mark.alone
def test_idle_daemon_with_one_destination_takes_less_than_10_mb_of_its_own(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    pipeline = Pipeline(kafka, receiver, unique)
    daemon: Postrider = postrider(pipeline.config)
    pipeline.publish(1)
    pipeline.wait_for_lag()
    print(f"{daemon.own_bytes() / 1e6:.1f} MB of its own, {daemon.resident_bytes() / 1e6:.1f} MB resident")
    assert daemon.own_bytes() < 10e6
    # Beside the libraries of Debian 12. Later ones alone are larger than the difference.
    assert daemon.resident_bytes() < (20e6 if platform.libc_ver()[1] == "2.36" else 30e6)
