# SPDX-License-Identifier: Apache-2.0
"""Dead letters: nothing is lost or changed in them, and they can be sent again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from confluent_kafka.admin import NewTopic

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import Config, render
from postrider_test.events import event, number, numbers, record, wants
from postrider_test.kafka import Kafka
from postrider_test.postrider import BINARY, Postrider, command, environment
from postrider_test.process import Process
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.wait import holds_for, wait_until

FLOOD = 100_000 if os.environ.get("CI") == "true" else 20_000


class Office:
    """One topic, one destination "crm" at /crm that wants every event of kind "sale", and its
    dead letters, four partitions each."""

    def __init__(self, broker: Client, receiver: Receiver, unique: Callable[[str], str],
                 directory: Path, letters_config: dict[str, str] | None = None,
                 target: dict[str, Any] | None = None, **destination: Any):
        self.broker, self.receiver = broker, receiver
        self.topic, self.letters = unique("sales"), unique("letters")
        self.group = unique("group")
        broker.create_topic(self.topic, 4)
        broker.create_topic(self.letters, 4, letters_config)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=self.group,
                             dead_letter_topic=self.letters)
        self.config.destination("crm", receiver.url("/crm"), **destination)
        self.config.rule("sales", "shop", wants("sale"),
                         {"destination": "crm", **(target or {})})
        self.file = directory / "dead-letters.cfg"

    def publish(self, numbers_: range) -> None:
        self.broker.produce(self.topic, [record("sale", n) for n in numbers_])

    def fill(self, postrider, count: int, reply: Callable[[Request], Reply]) -> None:
        """`count` events, of which the letters are written, and the daemon is gone again.
        The guard is off meanwhile: here everything is to fail."""
        guarded = self.config["destinations"]["crm"].pop("dead_letter_guard", None)
        self.config["destinations"]["crm"]["dead_letter_guard"] = False
        self.receiver.on("/crm", reply)
        self.publish(range(count))
        daemon = postrider(self.config)
        self.broker.wait_for_records(self.letters, count, timeout=60)
        self.broker.wait_for_lag(f"{self.group}.crm", self.topic, timeout=60)
        assert daemon.terminate() == 0
        del self.config["destinations"]["crm"]["dead_letter_guard"]
        if guarded is not None:
            self.config["destinations"]["crm"]["dead_letter_guard"] = guarded

    def dead_letters(self, verb: str, *arguments: str,
                     timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        self.file.touch(0o600)
        self.file.write_text(render(self.config))
        return command("dead-letters", verb, "-c", self.file, *arguments, timeout=timeout)

    def list(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.dead_letters("list", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def redrive(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        done = self.dead_letters("redrive", "--json", *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)

    def redrive_process(self, log: Path, *arguments: str) -> Process:
        self.file.touch(0o600)
        self.file.write_text(render(self.config))
        return Process([str(BINARY), "dead-letters", "redrive", "-c", str(self.file),
                        *arguments], log, environment())


def by_thirds(request: Request) -> Reply:
    """Each third of the events fails in its own way."""
    return Reply([400, 404, 422][number(request) % 3], b"no: " + bytes(2000))


def ids(requests: list[Request]) -> dict[int, str]:
    return {number(r): r.header("Idempotency-Key") or "" for r in requests}


# The letter


def test_letters_hold_the_event_byte_for_byte_and_say_why(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, dead_letter_guard=False)
    receiver.on("/crm", by_thirds)
    sent = []
    for n in range(1000):
        value = bytes([n % 256, 0, 255]) if n % 4 == 3 else event("sale", n)
        sent.append(Record(value, str(n).encode() if n % 2 else None, [
            ("plain", b"text"), ("binary", bytes(range(256))), ("null", None),
            ("ERROR_CODE", b"the event's own")]))
    kafka.produce(office.topic, sent)
    daemon = postrider(office.config)
    letters = kafka.wait_for_records(office.letters, 1000, timeout=60)
    kafka.wait_for_lag(f"{office.group}.crm", office.topic)

    assert len(letters) == 1000
    place = {(s.partition, s.offset): s for s in sent}
    for letter in letters:
        own = place.pop((int(letter.header("SOURCE_PARTITION")),
                         int(letter.header("SOURCE_OFFSET"))))
        assert (letter.key, letter.value) == (own.key, own.value)
        assert letter.headers[:4] == own.headers
        assert letter.header("ERROR_CODE") != b"the event's own"
        assert letter.partition == own.partition
        for name, value in letter.headers[4:]:
            value.decode()
            assert name != "RESPONSE_BODY" or len(value) <= 1024
        assert not any(b"k3y" in (value or b"") for _, value in letter.headers)
    assert not place

    codes = Counter(letter.header("ERROR_CODE").decode() for letter in letters)
    assert codes["INVALID_EVENT"] == 250
    summary = office.list("--summary")
    told = Counter()
    for row in summary:
        told[row["code"]] += row["count"]
    assert told == codes
    assert {row["status"] for row in summary} == {400, 404, 422, None}
    for code, count in codes.items():
        assert daemon.metric("postrider_dead_letters_total", code=code) == count


def test_kafkas_own_tools_show_letters(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 5, lambda request: Reply(404, b"gone"))
    text = kafka.tool("org.apache.kafka.tools.consumer.ConsoleConsumer",
                      "--topic", office.letters, "--from-beginning", "--max-messages", "5",
                      "--property", "print.headers=true")
    assert text.count("HTTP_STATUS:404") == 5 and text.count("RESPONSE_BODY:gone") == 5
    assert all(event("sale", n).decode() in text for n in range(5))
    if shutil.which("kcat"):
        lines = subprocess.run(
            ["kcat", "-b", kafka.bootstrap, "-C", "-t", office.letters, "-e", "-q", "-J"],
            capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
        assert sorted(json.loads(line)["key"] for line in lines) == list("01234")


# list and show


def test_list_tells_what_filters_ask_for(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 90, by_thirds)
    assert len(office.list()) == 90
    assert {row["status"] for row in office.list("--code", "404")} == {404}
    assert len(office.list("--rule", "sales", "--target", "crm")) == 90
    assert office.list("--rule", "other") == []
    assert office.list("--until", "1h") == [] and len(office.list("--since", "1h")) == 90
    assert len(office.list("--limit", "7")) == 7
    done = office.dead_letters("list", "--limit", "1")
    header, row = done.stdout.splitlines()
    assert header.split()[:3] == ["WHEN", "RULE", "TARGET"] and "sales" in row
    assert not kafka.admin.list_consumer_groups().result(20).errors
    groups = {g.group_id for g in kafka.admin.list_consumer_groups().result(20).valid}
    assert f"{office.group}.redrive" not in groups


def test_list_follows_what_is_still_to_come(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    receiver.on("/crm", Reply(404))
    daemon = postrider(office.config)
    office.file.write_text(render(office.config))
    follow = Process([str(BINARY), "dead-letters", "list", "-c", str(office.file), "--follow",
                      "--json"], tmp_path / "follow.log", environment())
    follow.start()
    try:
        office.publish(range(3))
        wait_until(lambda: follow.tail().count('"status":404') == 3, 30, follow.tail)
    finally:
        follow.kill()
    assert daemon.terminate() == 0


def test_show_tells_event_request_and_reply_without_secrets(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 1, lambda request: Reply(422, b"no such customer"))
    [letter] = office.list()
    place = f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
    done = office.dead_letters("show", place)
    assert done.returncode == 0, done.stderr
    for text in (f"POST {receiver.url('/crm')}", "X-Api-Key: ***", "no such customer",
                 "HTTP 422", '"n": 0', f"Idempotency-Key: {office.topic}-"):
        assert text in done.stdout
    assert "k3y" not in done.stdout + done.stderr
    gone = office.dead_letters("show", f"{letter['topic']}/0/99999")
    assert gone.returncode == 1 and "there is no record" in gone.stderr
    assert office.dead_letters("show", "nonsense").returncode == 1


# redrive


def test_redrive_sends_exactly_the_chosen_with_their_idempotency_keys(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 300, by_thirds)
    first = receiver.requests("/crm")
    receiver.on("/crm", Reply(200))

    dry = office.redrive("--code", "404", "--dry-run")
    assert dry["would_send"] == 100 and receiver.count("/crm") == 300
    told = office.redrive("--code", "404")
    again = receiver.requests("/crm")[300:]
    assert (told["delivered"], told["left_by_filters"]) == (100, 200)
    assert numbers(again) == Counter({n: 1 for n in range(300) if n % 3 == 1})
    originals = ids(first)
    assert ids(again) == {n: originals[n] for n in range(300) if n % 3 == 1}
    assert {r.body for r in again} <= {r.body for r in first}


def test_second_redrive_sends_nothing_twice_and_finds_what_was_left(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 300, by_thirds)
    receiver.on("/crm", Reply(200))
    assert office.redrive("--code", "404")["delivered"] == 100
    told = office.redrive("--code", "404")
    assert (told["delivered"], told["left_by_filters"]) == (0, 200)
    assert office.redrive("--limit", "50")["delivered"] == 50
    assert office.redrive("--dry-run")["would_send"] == 150
    assert office.redrive()["delivered"] == 150
    assert office.redrive()["delivered"] == 0
    assert numbers(receiver.requests("/crm")[300:]) == Counter(range(300))
    kafka.wait_for_lag(f"{office.group}.redrive", office.letters)


@pytest.mark.long
def test_kill_9_of_a_redrive_loses_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, max_concurrency=16)
    office.fill(postrider, 1000, lambda request: Reply(404))
    receiver.on("/crm", Reply(200, delay=0.01))
    run = office.redrive_process(tmp_path / "redrive.log")
    for wanted in (200, 500):
        run.start()
        receiver.wait_for(1000 + wanted, "/crm", timeout=60)
        run.kill()
    told = office.redrive()
    again = numbers(receiver.requests("/crm")[1000:])
    assert set(again) == set(range(1000))
    # Only what was on the wire, or not committed yet, is sent again.
    assert sum(again.values()) < 1000 + 2 * 100
    assert told["failed_again"] == 0
    assert office.redrive()["delivered"] == 0


def test_letter_that_fails_again_is_a_new_one_with_its_count(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 10, lambda request: Reply(404))
    receiver.on("/crm", lambda r: Reply(422 if number(r) < 3 else 200))
    told = office.redrive(status=1)
    assert (told["delivered"], told["failed_again"]) == (7, 3)
    fresh = office.list("--code", "422")
    assert {row["redrives"] for row in fresh} == {1} and len(fresh) == 3
    told = office.redrive(status=1)
    assert (told["delivered"], told["failed_again"]) == (0, 3)
    assert {row["redrives"] for row in office.list("--code", "422")} == {1, 2}
    letters = [r for r in kafka.consume(office.letters) if r.header("REDRIVE_COUNT") == b"2"]
    assert all(sum(n == "ERROR_CODE" for n, _ in r.headers) == 1 for r in letters)
    receiver.on("/crm", Reply(200))
    assert office.redrive()["delivered"] == 3


def test_letter_without_target_is_left_and_named(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 4, lambda request: Reply(404))
    rule = office.config["rules"].pop("sales")
    office.config["rules"]["renamed"] = rule
    told = office.redrive(status=1)
    assert (told["delivered"], told["without_target"]) == (0, 4)
    assert "rule 'sales', target 'crm'" in told["reasons"][0]["reason"]
    office.config["rules"]["sales"] = office.config["rules"].pop("renamed")
    receiver.on("/crm", Reply(200))
    assert office.redrive()["delivered"] == 4


def test_redrive_can_be_aimed_at_other_targets_of_the_rule(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 4, lambda request: Reply(404))
    office.config.destination("spare", receiver.url("/spare"))
    target, = office.config["rules"]["sales"]["targets"]
    office.config["rules"]["sales"]["targets"] = (
        target, {"id": "spare", "destination": "spare"})
    receiver.on("/crm", Reply(200))
    assert office.redrive("--limit", "1", "--to-target", "spare")["delivered"] == 1
    assert (receiver.count("/spare"), receiver.count("/crm")) == (1, 4)
    assert office.redrive("--all-targets")["delivered"] == 3
    assert (receiver.count("/spare"), receiver.count("/crm")) == (4, 7)


def test_interrupted_redrive_goes_on_where_it_was(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 200, lambda request: Reply(404))
    receiver.on("/crm", Reply(200))
    run = office.redrive_process(tmp_path / "redrive.log", "--rate", "50")
    run.start()
    receiver.wait_for(250, "/crm")
    run.signal(signal.SIGINT)
    assert run.wait() == 1
    assert "interrupted" in run.tail()
    office.redrive()
    assert numbers(receiver.requests("/crm")[200:]) == Counter(range(200))


def test_redrive_stops_when_everything_fails_again(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path)
    office.fill(postrider, 500, lambda request: Reply(404))
    told = office.redrive(status=1)
    assert told["stopped_at"] == "crm" and told["failed_again"] <= 100
    receiver.on("/crm", Reply(200))
    assert office.redrive()["delivered"] == 500


# The guard


def test_guard_stops_a_flood_and_delivers_the_rest_after_the_mend(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, max_concurrency=64)
    office.config.connection("default", authorization_type="API_KEY",
                             api_key_name="X-Api-Key", api_key_value="wrong")
    receiver.on("/crm", lambda r: Reply(200 if r.header("X-Api-Key") == "right" else 403))
    office.publish(range(FLOOD))
    daemon: Postrider = postrider(office.config)
    daemon.wait_for_log("dead_letter_guard")
    asked = receiver.count("/crm")
    assert holds_for(lambda: receiver.count("/crm") < asked + 64 + 5, 2.0)
    letters = kafka.count(office.letters)
    assert 0 < letters < 200
    assert daemon.metric("postrider_dead_letter_guard_paused", destination="crm") == 1
    assert json.loads(daemon.admin("/status"))["destinations"][0]["dead_letter_guard_paused"]

    office.config["connections"]["default"]["api_key_value"] = "right"
    daemon.configure(office.config)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: receiver.count("/crm") >= FLOOD, 90)
    kafka.wait_for_lag(f"{office.group}.crm", office.topic, timeout=60)
    assert kafka.count(office.letters) == letters
    delivered = {number(r) for r in receiver.requests("/crm")
                 if r.header("X-Api-Key") == "right"}
    buried = {number(r.value) for r in kafka.consume(office.letters)}
    assert delivered | buried == set(range(FLOOD)) and not delivered & buried
    assert daemon.metric("postrider_dead_letter_guard_paused", destination="crm") == 0


def test_guard_lets_go_by_itself_when_the_site_is_mended(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, ordering="none")
    receiver.on("/crm", Reply(404))
    office.publish(range(1000))
    daemon: Postrider = postrider(office.config)
    daemon.wait_for_log("dead_letter_guard")
    receiver.on("/crm", Reply(200))
    daemon.wait_for_log("dead_letter_guard_released")
    receiver.wait_for(lambda _: len({number(r) for r in receiver.requests("/crm")}) == 1000, "/crm")
    kafka.wait_for_lag(f"{office.group}.crm", office.topic, timeout=60)
    assert 0 < kafka.count(office.letters) < 100


def test_guard_can_be_turned_off(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, dead_letter_guard=False)
    receiver.on("/crm", Reply(404))
    office.publish(range(500))
    postrider(office.config)
    kafka.wait_for_records(office.letters, 500)


# Topics that can't be written


def assert_holds_and_recovers(office: Office, postrider, break_it: Callable[[], None],
                              mend: Callable[[], None], word: str) -> None:
    office.receiver.on("/crm", Reply(404, b"no"))
    break_it()
    office.publish(range(20))
    daemon: Postrider = postrider(office.config)
    daemon.wait_for_log("dead_letter_topic_failing", timeout=60)

    def state() -> dict[str, Any]:
        topics = json.loads(daemon.admin("/status"))["dead_letter_topics"]
        return next((t for t in topics if t["topic"] == office.letters), {})

    wait_until(lambda: state().get("holding") and word in state()["reason"], 60, state)
    wait_until(lambda: office.receiver.count("/crm") == 20)
    lag = office.broker.lag(f"{office.group}.crm", office.topic)
    assert lag > 0
    assert holds_for(
        lambda: office.broker.lag(f"{office.group}.crm", office.topic) == lag, 1.5)
    mend()
    office.broker.wait_for_lag(f"{office.group}.crm", office.topic, timeout=60)
    assert office.receiver.count("/crm") == 20
    assert {number(r.value) for r in office.broker.consume(office.letters)} == set(range(20))
    assert daemon.terminate() == 0


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_deleted_topic_holds_the_offset_until_it_is_back(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    kafka = own_kafka(properties={"auto.create.topics.enable": "false"})
    office = Office(kafka, receiver, unique, tmp_path)
    office.config["dead_letter_create"] = {"enabled": False}  # nor by us
    assert_holds_and_recovers(
        office, postrider, lambda: kafka.delete_topic(office.letters),
        lambda: kafka.create_topic(office.letters, 4), "kafka-topics")


@pytest.mark.long
def test_missing_replicas_hold_the_offset_until_they_are_back(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    kafka = own_kafka()
    office = Office(kafka, receiver, unique, tmp_path)
    # The groups' offsets stay on the first broker: made before the second one comes.
    kafka.commit(unique("any"), office.topic, {0: 0})
    second = own_kafka(first=kafka)
    office.letters = unique("replicated")
    office.config["consumers"]["shop"]["dead_letter_topic"] = office.letters
    topic = NewTopic(office.letters, 4, 2, config={"min.insync.replicas": "2"})
    kafka.admin.create_topics([topic])[office.letters].result(20)
    kafka.wait_for_topic(office.letters)

    def lose_the_second() -> None:
        second.kill()
        wait_until(lambda: all(
            p.leader == 1 and p.isrs == [1] for p in
            kafka.admin.list_topics(office.letters, timeout=5).topics[office.letters]
            .partitions.values()))

    assert_holds_and_recovers(
        office, postrider, lose_the_second, second.start, "min.insync.replicas")


def test_letter_that_is_too_large_holds_the_offset_until_the_limit_is_raised(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, {"max.message.bytes": "300"})
    assert_holds_and_recovers(
        office, postrider, lambda: None,
        lambda: kafka.configure_topic(office.letters, max_message_bytes="1000000"),
        "max.message.bytes")


def test_letter_that_is_too_large_for_its_topic_is_written_without_its_value(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    """What nobody can write whole must not hold the offset: a producer can make any number."""
    office = Office(kafka, receiver, unique, tmp_path, {"max.message.bytes": "5000"},
                    dead_letter_guard=False)
    receiver.on("/crm", Reply(400))
    blob = random.Random(1).randbytes(20_000).hex()
    kafka.produce(office.topic, [Record(event("sale", 0, blob=blob), b"key",
                                        [("their", b"header")], partition=0)])
    daemon = postrider(office.config)
    daemon.wait_for_log("id=dead_letter_without_value")
    kafka.wait_for_lag(f"{office.group}.crm", office.topic)
    [letter] = kafka.consume(office.letters)
    assert (letter.value, letter.key, letter.header("their")) == (b"", b"key", None)
    assert letter.header("OMITTED") == b"value, headers"
    assert (letter.header("ERROR_CODE"), letter.header("SOURCE_OFFSET")) == (b"ERROR_FROM_TARGET", b"0")
    assert daemon.terminate() == 0
    assert office.list()[0]["omitted"] == "value, headers"
    said = office.dead_letters("redrive")
    assert "is without its value" in said.stdout + said.stderr
    assert receiver.count("/crm") == 1


@pytest.mark.long
def test_denied_topic_holds_the_offset_until_it_is_allowed(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    kafka = own_kafka(properties={
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true"})
    office = Office(kafka, receiver, unique, tmp_path)
    rule = ["--topic", office.letters, "--deny-principal", "User:ANONYMOUS", "--operation",
            "Write"]
    tool = "kafka.admin.AclCommand"
    if kafka.version.startswith("4"):
        tool = "org.apache.kafka.tools.AclCommand"
    allow = ["--topic", office.letters, "--allow-principal", "User:ANONYMOUS", "--operation",
             "All"]
    assert_holds_and_recovers(
        office, postrider,
        lambda: (kafka.tool(tool, "--add", *allow), kafka.tool(tool, "--add", *rule)),
        lambda: kafka.tool(tool, "--remove", "--force", *rule), "kafka-acls")


# Topics at the start


def test_missing_topics_are_made_when_that_is_wanted(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    kafka = own_kafka(properties={"auto.create.topics.enable": "false"})
    office = Office(kafka, receiver, unique, tmp_path)
    office.config["dead_letter_create"] = {"enabled": False}  # nor by us
    office.config["consumers"]["shop"]["dead_letter_topic"] = unique("new")
    office.config["dead_letter_create"] = {"partitions": 3, "replication_factor": 1}
    daemon: Postrider = postrider(office.config)
    daemon.wait_for_log("dead_letter_topics_made")
    topic = office.config["consumers"]["shop"]["dead_letter_topic"]
    kafka.wait_for_topic(topic)
    assert kafka.partitions(topic) == [0, 1, 2]


def test_missing_topics_are_named_with_the_commands_that_make_them(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    kafka = own_kafka(properties={"auto.create.topics.enable": "false"})
    office = Office(kafka, receiver, unique, tmp_path)
    office.config["dead_letter_create"] = {"enabled": False}  # nor by us
    office.config["consumers"]["shop"]["dead_letter_topic"] = unique("new")
    office.config["dead_letter_create"] = {"enabled": False}
    daemon: Postrider = postrider(office.config)
    line = daemon.wait_for_log(r"id=dead_letter_topics_missing.*")
    assert f"--create --topic {office.config['consumers']['shop']['dead_letter_topic']}" in line


def test_smaller_limit_of_the_dead_letter_topic_is_told_at_the_start(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    office = Office(kafka, receiver, unique, tmp_path, {"max.message.bytes": "5000"})
    daemon: Postrider = postrider(office.config)
    line = daemon.wait_for_log(r"id=dead_letter_topic_smaller.*")
    assert office.letters in line and "max.message.bytes=" in line
