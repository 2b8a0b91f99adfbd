# SPDX-License-Identifier: Apache-2.0
"""What a reply means: refusals in a 2xx, successes in a 409, times to come back, half replies."""

from __future__ import annotations

import email.utils
import json
import time
from datetime import datetime, timezone
from typing import Any, Callable, Iterator

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import Config
from postrider_test.events import event, number, numbers, wants
from postrider_test.postrider import Postrider
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.malformed_peer import MalformedPeer, Talk
from postrider_test.wait import elapse

Rules = tuple[dict[str, Any], ...]


def rule(pattern: dict[str, Any], outcome: str) -> dict[str, Any]:
    return {"pattern": json.dumps(pattern), "outcome": outcome}


class Desk:
    """One topic, one destination "crm", one event at a time; its letters."""

    def __init__(self, broker: Client, unique: Callable[[str], str], url: str,
                 target: dict[str, Any] | None = None, **destination: Any):
        self.broker = broker
        self.topic, self.letters, self.group = unique("sales"), unique("letters"), unique("group")
        broker.create_topic(self.topic)
        broker.create_topic(self.letters)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=self.group,
                             dead_letter_topic=self.letters)
        self.config.destination("crm", url, **destination)
        self.config.rule("sales", "shop", wants("sale"), {
            "destination": "crm",
            "retry_policy": {"retry_base": "5ms", "retry_cap": "10ms",
                             "maximum_retry_attempts": 50}, **(target or {})})

    def publish(self, count: int = 1) -> None:
        self.broker.produce(self.topic, [
            Record(event("sale", n), str(n).encode()) for n in range(count)])

    def settle(self, timeout: float = 30.0) -> list[Record]:
        """Everything is delivered or has its letter: the letters."""
        self.broker.wait_for_lag(f"{self.group}.crm", self.topic, timeout=timeout)
        return self.broker.consume(self.letters)


def header(letter: Record, name: str) -> str | None:
    value = letter.header(name)
    return value.decode() if value is not None else None


# A refusal in a 2xx. Each as the API's own documentation shows it.

SLACK: Rules = (
    rule({"body": {"ok": [False], "error": ["ratelimited", "internal_error"]}}, "retry"),
    rule({"body": {"ok": [False]}}, "fail"))
SHOPIFY: Rules = (
    rule({"body": {"errors": {"extensions": {"code": ["THROTTLED"]}}}}, "retry"),
    rule({"body": {"errors": {"message": [{"exists": True}]}}}, "fail"),
    rule({"body": {"data": {"customerCreate": {"userErrors": {"message": [{"exists": True}]}}}}},
         "fail"))
COMPOSITE: Rules = (
    rule({"body": {"compositeResponse": {"httpStatusCode": [{"numeric": [">=", 400]}]}}}, "fail"),)
BULK: Rules = (rule({"body": {"errors": [True]}}, "fail"),)

# What the API answers first, what it answers then, and what that means: "fail" is a letter.
REFUSALS: dict[str, tuple[Rules, Reply, str]] = {
    "slack-not-ok": (
        SLACK, Reply(200, b'{"ok":false,"error":"channel_not_found"}'), "fail"),
    "slack-too-fast": (SLACK, Reply(200, b'{"ok":false,"error":"ratelimited"}'), "retry"),
    "graphql-throttled": (
        SHOPIFY, Reply(200, b'{"errors":[{"message":"Throttled",'
                            b'"extensions":{"code":"THROTTLED"}}]}'), "retry"),
    "graphql-user-errors": (
        SHOPIFY, Reply(200, b'{"data":{"customerCreate":{"customer":null,"userErrors":'
                            b'[{"field":["email"],"message":"Email is invalid"}]}}}'), "fail"),
    "batch-with-errors": (
        (rule({"status": [207], "body": {"numErrors": [{"numeric": [">", 0]}]}}, "fail"),),
        Reply(207, b'{"status":"COMPLETE","results":[],"numErrors":1,'
                   b'"errors":[{"category":"VALIDATION_ERROR"}]}'), "fail"),
    "composite": (
        COMPOSITE, Reply(200, b'{"compositeResponse":[{"httpStatusCode":201,"body":{}},'
                              b'{"httpStatusCode":400,"body":[{"errorCode":"X"}]}]}'), "fail"),
    "bulk": (
        BULK, Reply(200, b'{"took":3,"errors":true,"items":[{"index":{"status":400}}]}'), "fail"),
    "insert-errors": (
        (rule({"body": {"insertErrors": {"index": [{"exists": True}]}}}, "fail"),),
        Reply(200, b'{"kind":"x","insertErrors":[{"index":0,"errors":[{"reason":"invalid"}]}]}'),
        "fail"),
    "success-with-errors": (
        (rule({"status": [201], "body": {"errors": {"type": [{"exists": True}]}}}, "fail"),),
        Reply(201, b'{"message":"success","errors":[{"type":"bad id","index":0}]}'), "fail"),
    "zero": ((rule({"body": [0]}, "fail"),), Reply(200, b"0"), "fail"),
    "rows": (
        (rule({"body": {"result": {"status": ["error"]}}}, "fail"),),
        Reply(201, b'{"result":[{"table":"u","status":"inserted"},'
                   b'{"table":"u","status":"error","error_message":"no"}]}'), "fail"),
    "batch-of-statuses": (
        (rule({"body": {"responses": {"status": [{"numeric": [">=", 400]}]}}}, "fail"),),
        Reply(200, b'{"responses":[{"id":"1","status":200},{"id":"2","status":403}]}'), "fail"),
    "not-yet": ((rule({"status": [202]}, "retry"),), Reply(202), "retry"),
}
# What the same rules let pass.
WELL = {
    "slack-not-ok": b'{"ok":true,"ts":"1503435956.000247"}',
    "graphql-user-errors": b'{"data":{"customerCreate":{"customer":{"id":"1"},"userErrors":[]}}}',
    "bulk": b'{"took":3,"errors":false,"items":[{"index":{"status":201}}]}',
    "zero": b"1",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_in_a_2xx_is_one(
        name: str, embedded, receiver: Receiver, unique, postrider) -> None:
    rules, refusal, outcome = REFUSALS[name]
    receiver.script("/crm", [refusal])
    receiver.on("/crm", Reply(200, WELL.get(name, b"")))
    desk = Desk(embedded, unique, receiver.url("/crm"), response_rules=rules)
    desk.publish(2)
    daemon = postrider(desk.config)
    letters = desk.settle()
    assert receiver.count("/crm") == (2 if outcome == "fail" else 3)
    if outcome == "retry":
        assert letters == []
    else:
        assert [header(x, "ERROR_CODE") for x in letters] == ["ERROR_FROM_TARGET"]
        assert header(letters[0], "HTTP_STATUS") == str(refusal.status)
        assert header(letters[0], "RESPONSE_BODY") == refusal.body.decode()
        assert "response rule" in (header(letters[0], "ERROR_MESSAGE") or "")
    assert daemon.metric("postrider_response_rule_total", destination="crm", outcome=outcome) == 1
    assert daemon.metric("postrider_successful_invocation_attempts_total") == (
        1 if outcome == "fail" else 2)


def test_a_409_can_be_a_success(embedded, receiver: Receiver, unique, postrider) -> None:
    """The document is there: the answer to the first request was lost."""
    receiver.on("/crm", Reply(409, b'{"error":{"type":"version_conflict_engine_exception"}}'))
    desk = Desk(embedded, unique, receiver.url("/crm"),
                response_rules=(rule({"status": [409]}, "delivered"),))
    desk.publish(20)
    daemon = postrider(desk.config)
    assert desk.settle() == []
    assert receiver.count("/crm") == 20
    assert daemon.metric("postrider_response_rule_total", outcome="delivered") == 20


def test_a_targets_rules_come_before_its_destinations(
        embedded, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/crm", Reply(409))
    desk = Desk(embedded, unique, receiver.url("/crm"),
                target={"response_rules": (rule({"status": [409]}, "fail"),)},
                response_rules=(rule({"status": [409]}, "delivered"),
                                rule({"status": [404]}, "delivered")))
    receiver.script("/crm", [Reply(404)])
    desk.publish(2)
    postrider(desk.config)
    assert [header(x, "HTTP_STATUS") for x in desk.settle()] == ["409"]


# From the status line on: what becomes of the body changes nothing.

def created(*parts: bytes | float, reset: bool = False) -> Callable[[Talk], None]:
    """201, then these bytes, with pauses of so many seconds; then the end."""
    def manner(talk: Talk) -> None:
        if talk.request() is None:
            return
        talk.send(b"HTTP/1.1 201 Created\r\n")
        for part in parts:
            if isinstance(part, float):
                elapse(part)
            elif not talk.send(part):
                return
        if reset:
            elapse(0.05)  # that the bytes arrive before the reset overtakes them
            talk.reset()

    return manner


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BODIES = {
    "too-long": created(b"Content-Length: 3000000\r\n\r\n", b"x" * 3_000_000),
    "cut": created(b"Content-Length: 100\r\n\r\n", b"short"),
    "reset": created(b"Content-Length: 100\r\n\r\n", b"short", reset=True),
    "badly-chunked": created(CHUNKED, b"zz\r\nxx\r\n"),
    "chunks-without-end": created(CHUNKED, b"5\r\nab"),
    "slow": created(b"Content-Length: 100\r\n\r\n", b"slow", 3.0),
}


@pytest.fixture
def rude() -> Iterator[Callable[[Callable[[Talk], None]], MalformedPeer]]:
    """A function that starts a server with these manners."""
    servers: list[MalformedPeer] = []

    def start(manner: Callable[[Talk], None]) -> MalformedPeer:
        servers.append(MalformedPeer(manner))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("name", BODIES)
def test_a_201_is_delivered_whatever_becomes_of_its_body(
        name: str, embedded, rude, unique, postrider) -> None:
    server = rude(BODIES[name])
    desk = Desk(embedded, unique, server.url, timeout="1500ms")
    desk.publish()
    daemon = postrider(desk.config)
    assert desk.settle() == []
    assert daemon.metric("postrider_invocation_attempts_total") == 1
    assert daemon.metric("postrider_successful_invocation_attempts_total") == 1
    assert daemon.metric("postrider_reply_bodies_unread_total", destination="crm") == 1


def test_a_final_status_is_final_whatever_becomes_of_its_body(
        embedded, rude, unique, postrider) -> None:
    def refuse(talk: Talk) -> None:
        if talk.request() is not None:
            talk.send(b"HTTP/1.1 422 No\r\nContent-Length: 100\r\n\r\nno")

    desk = Desk(embedded, unique, rude(refuse).url)
    desk.publish()
    daemon = postrider(desk.config)
    letters = desk.settle()
    assert [header(x, "HTTP_STATUS") for x in letters] == ["422"]
    assert header(letters[0], "RESPONSE_BODY") == "no"
    assert daemon.metric("postrider_invocation_attempts_total") == 1


def test_a_status_that_is_retried_is_in_the_letter_whatever_becomes_of_the_body(
        embedded, rude, unique, postrider) -> None:
    def refuse(talk: Talk) -> None:
        if talk.request() is not None:
            talk.send(b"HTTP/1.1 503 Later\r\nContent-Length: 100\r\n\r\nno")

    desk = Desk(embedded, unique, rude(refuse).url, target={"retry_policy": {
        "maximum_retry_attempts": 1, "retry_base": "5ms"}})
    desk.publish()
    postrider(desk.config)
    assert [header(x, "HTTP_STATUS") for x in desk.settle()] == ["503"]


@pytest.mark.parametrize("name", ["cut", "reset", "badly-chunked", "too-long"])
def test_where_a_rule_needs_the_body_an_unread_one_is_asked_for_again(
        name: str, embedded, rude, unique, postrider) -> None:
    def at_first(talk: Talk) -> None:
        if talk.number < 2:
            BODIES[name](talk)
        elif talk.request() is not None:
            talk.send(b'HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{"ok":true}')

    desk = Desk(embedded, unique, rude(at_first).url,
                response_rules=(rule({"body": {"ok": [False]}}, "fail"),))
    desk.publish()
    daemon = postrider(desk.config)
    assert desk.settle() == []
    assert daemon.metric("postrider_invocation_attempts_total") == 3
    assert daemon.metric("postrider_successful_invocation_attempts_total") == 1


# When to come back.

WAIT_S = 3

SPELLINGS: dict[str, Callable[[float], dict[str, str]]] = {
    "seconds": lambda at: {"Retry-After": str(WAIT_S)},
    "x-ratelimit-retry-after": lambda at: {"X-RateLimit-Retry-After": str(WAIT_S)},
    "ratelimit-reset": lambda at: {"RateLimit-Reset": str(WAIT_S)},
    "structured": lambda at: {"RateLimit": f'"default";r=0;t={WAIT_S}'},
    "fraction": lambda at: {"X-RateLimit-Reset-After": f"{WAIT_S - 1}.5"},
    "epoch": lambda at: {"X-RateLimit-Reset": str(int(at + 1))},
    "milliseconds": lambda at: {"X-Rate-Limit-Reset": str(int(at * 1000))},
    "iso": lambda at: {"X-RateLimit-Reset": datetime.fromtimestamp(
        at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
    "http-date": lambda at: {"X-Rate-Limit-Reset": email.utils.formatdate(int(at + 1), usegmt=True)},
    "own-header": lambda at: {"X-Busy-For": str(WAIT_S)},
}


class Window:
    """Answers once that the rate is used up until a time, then 200; notes who came too early."""

    def __init__(self, refusal: Callable[[float], Reply]):
        self.until = 0.0
        self.early = 0
        self._refusal = refusal

    def __call__(self, request: Request) -> Reply:
        now = time.time()
        if not self.until:
            self.until = now + WAIT_S
            return self._refusal(self.until)
        # A time in whole seconds may be up to a second later than this, never earlier.
        self.early += now < self.until - 0.6
        return Reply(200)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_nothing_is_sent_into_a_closed_window_whatever_names_its_end(
        spelling: str, status: int, embedded, receiver: Receiver, unique, postrider) -> None:
    if status == 503 and spelling not in ("seconds", "epoch"):
        pytest.skip("one spelling of each kind is enough")
    window = Window(lambda at: Reply(status, headers=SPELLINGS[spelling](at)))
    receiver.on("/crm", window)
    # One at a time, so that nothing is on the wire when the refusal comes.
    desk = Desk(embedded, unique, receiver.url("/crm"), max_concurrency=1,
                breaker_probe_interval="100ms", retry_after_headers=["X-Busy-For"])
    desk.publish(20)
    postrider(desk.config)
    assert desk.settle() == []
    assert window.early == 0
    assert receiver.count("/crm") == 21


def test_a_403_that_means_too_fast_makes_no_letter(
        embedded, receiver: Receiver, unique, postrider) -> None:
    window = Window(lambda at: Reply(403, headers={
        "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(at + 1))}))
    receiver.on("/crm", window)
    desk = Desk(embedded, unique, receiver.url("/crm"), max_concurrency=1, response_rules=(
        rule({"status": [403], "headers": {"x-ratelimit-remaining": ["0"]}}, "retry"),))
    desk.publish(200)
    postrider(desk.config)
    assert desk.settle() == []
    assert window.early == 0
    assert receiver.count("/crm") == 201
