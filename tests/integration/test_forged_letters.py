# SPDX-License-Identifier: Apache-2.0
"""Who can write to a dead-letter topic gains nothing by it but what that topic's own targets get."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postrider_test.client import Record
from postrider_test.config import Config, render
from postrider_test.events import event, wants
from postrider_test.kafka import Kafka
from postrider_test.postrider import command
from postrider_test.receiver import Receiver, Reply


class Teams:
    """Two teams: each with its topic, rule, dead-letter topic and path of the API."""

    def __init__(self, kafka: Kafka, receiver: Receiver, unique, directory: Path):
        self.kafka, self.receiver = kafka, receiver
        self.config = Config(kafka.bootstrap)
        self.topic, self.letters = {}, {}
        for team in "ab":
            self.topic[team], self.letters[team] = unique(f"topic-{team}"), unique(f"letters-{team}")
            kafka.create_topic(self.topic[team], 1)
            kafka.create_topic(self.letters[team], 1)
            self.config.consumer(team, self.topic[team], group_id=unique(f"group-{team}"),
                                 dead_letter_topic=self.letters[team])
            self.config.destination(team, receiver.url(f"/{team}"))
            self.config.rule(f"rule-{team}", team, wants("paid"), {"destination": team})
            receiver.on(f"/{team}", Reply(200))
        self.file = directory / "teams.cfg"
        self.file.touch(0o600)
        self.file.write_text(render(self.config))

    def forge(self, letters: str, rule: str, topic: str, kind: str = "paid", **headers: bytes) -> None:
        """A letter in the topic of team `letters`, that names the rule of team `rule`."""
        all_headers = {"ERROR_CODE": b"ERROR_FROM_TARGET", "RULE_NAME": f"rule-{rule}".encode(),
                       "TARGET_ID": rule.encode(), "SOURCE_TOPIC": topic.encode(),
                       "SOURCE_PARTITION": b"0", "SOURCE_OFFSET": b"5", **headers}
        self.kafka.produce(self.letters[letters], [
            Record(event(kind, 1), b"k", list(all_headers.items()))])

    def redrive(self, *arguments: str) -> dict:
        done = command("dead-letters", "redrive", "--json", "-c", self.file, *arguments, timeout=60)
        return json.loads(done.stdout)

    def reasons(self, told: dict) -> str:
        return " ".join(reason["reason"] for reason in told["reasons"])


@pytest.fixture(name="teams")
def fixture_teams(kafka: Kafka, receiver: Receiver, unique, tmp_path: Path) -> Teams:
    return Teams(kafka, receiver, unique, tmp_path)


def test_letter_is_sent_only_where_the_daemon_could_have_written_it(teams: Teams) -> None:
    teams.forge("a", "b", teams.topic["b"])              # another team's rule
    teams.forge("a", "a", teams.topic["b"])              # a topic that the consumer does not read
    teams.forge("a", "a", teams.topic["a"], kind="due")  # an event that the rule does not match
    told = teams.redrive("--topic", teams.letters["a"])
    assert (told["delivered"], told["not_believed"], told["forced"]) == (0, 3, 0)
    for why in ("letters go to another topic", "does not read the topic", "does not match the rule"):
        assert why in teams.reasons(told)
    assert teams.receiver.count("/a") + teams.receiver.count("/b") == 0
    # One that could be true is sent: only a signature could tell it.
    teams.forge("a", "a", teams.topic["a"])
    assert teams.redrive()["delivered"] == 1
    assert teams.receiver.count("/a") == 1
    # An operator who knows better may, and is told what was overridden.
    told = teams.redrive("--topic", teams.letters["a"], "--force")
    assert (told["delivered"], told["not_believed"], told["forced"]) == (3, 0, 3)
    assert "does not match the rule" in teams.reasons(told)


def test_letter_that_aims_at_another_target_is_judged_by_its_own(teams: Teams) -> None:
    teams.forge("a", "b", teams.topic["b"])
    told = teams.redrive("--topic", teams.letters["a"], "--to-target", "b")
    assert (told["delivered"], told["not_believed"]) == (0, 1)
    told = teams.redrive("--topic", teams.letters["a"], "--all-targets")
    assert (told["delivered"], told["not_believed"]) == (0, 1)


@pytest.mark.parametrize("topic", [
    "x\r\nX-Injected: yes\r\nContent-Length: 5\r\n\r\nhelloPOST /admin HTTP/1.1\r\nHost: internal\r\n\r\n",
    "x\ny", "x\ry", "x\0y", "\x1b[2J", ".", "a b", "caf\u00e9", "t" * 250])
def test_place_that_could_be_none_makes_no_letter(teams: Teams, topic: str) -> None:
    teams.forge("a", "a", topic)
    told = teams.redrive("--topic", teams.letters["a"], "--force")
    assert (told["delivered"], told["no_letters"]) == (0, 1)
    assert teams.receiver.count("/a") == 0


def test_no_header_of_a_letter_reaches_the_request(teams: Teams) -> None:
    sound = {"SOURCE_PARTITION": b"0", "SOURCE_OFFSET": b"5", "RULE_NAME": b"rule-a", "TARGET_ID": b"a"}
    for name in ("ERROR_CODE", "ERROR_MESSAGE", "RULE_NAME", "TARGET_ID", "DESTINATION", "HTTP_STATUS",
                 "RETRY_ATTEMPTS", "SOURCE_PARTITION", "SOURCE_OFFSET", "SOURCE_TIMESTAMP",
                 "REDRIVE_COUNT", "RESPONSE_BODY", "traceparent"):
        for bad in (b"\r\nX-Injected: yes", b"\n", b"\r", b"\0"):
            teams.forge("a", "a", teams.topic["a"], **{name: sound.get(name, b"1") + bad})
    teams.redrive("--topic", teams.letters["a"], "--force")
    requests = teams.receiver.requests()
    assert len(requests) >= 20
    for request in requests:
        assert (request.method, request.target) == ("POST", "/a")
        assert not [name for name, _ in request.headers if name.lower() == "x-injected"]
