# SPDX-License-Identifier: Apache-2.0
"""A record has one way to its request, whoever asks for it.

One table of events goes through the daemon, `dead-letters redrive`, `dead-letters show`,
`test-event`, `test-event --send` and `check --tests`. All must say the same request, or refuse
the event for the same reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import Config, render
from postrider_test.http_server import Request
from postrider_test.kafka import Kafka
from postrider_test.postrider import command
from postrider_test.receiver import Receiver, Reply
from test_credentials import AWS_KEY, AWS_TOKEN, aws_signature, whsec

SALE = b'{"kind":"sale","id":"a/b","n":1.10}'
ANYTHING = {"nowhere": ({"exists": False},)}
DEPTH = 5000


def deep(levels: int) -> bytes:
    return b'{"kind":"sale","deep":' + b"[" * levels + b"]" * levels + b"}"


@dataclass
class Row:
    """One event, the rule that it meets, and what becomes of it: "request", "nothing" (no rule
    matches), or the code with which it is refused."""

    value: bytes = SALE
    outcome: str = "request"
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    event_format: str = "json"
    pattern: dict[str, Any] = field(default_factory=lambda: {"kind": ["sale"]})
    kafka: Any = None
    connection: dict[str, Any] = field(default_factory=lambda: {"authorization_type": "NONE"})
    path: str = ""
    target: dict[str, Any] = field(default_factory=dict)
    masked: dict[str, str] = field(default_factory=dict)  # headers, as they are shown
    url_secrets: tuple[str, ...] = ()


def api_key(value: str, **parameters: Any) -> dict[str, Any]:
    return {"authorization_type": "API_KEY", "api_key_name": "X-Api-Key", "api_key_value": value,
            **({"invocation_http_parameters": parameters} if parameters else {})}


ROWS = {
    "object": Row(),
    "list": Row(b'[1,{"kind":"sale"}]', "nothing"),
    "scalar": Row(b"12", "nothing"),
    "string": Row(b'"sale"', "nothing"),
    "no-json": Row(b"{nonsense", "INVALID_EVENT"),
    "bytes": Row(b"plain text", event_format="bytes", pattern=ANYTHING),
    "bytes-binary": Row(b"\x00\xff\xfe", event_format="bytes", pattern=ANYTHING),
    "bytes-json": Row(event_format="bytes"),
    "bytes-list": Row(b"[1,2]", "nothing", event_format="bytes", pattern=ANYTHING),
    "deep": Row(deep(2000)),
    "too-deep": Row(deep(DEPTH + 1), "INVALID_EVENT"),
    "header-without-value": Row(headers=[("kind", None)], kafka='{"headers":{"kind":[null]}}'),
    "header-with-empty-value": Row(outcome="nothing", headers=[("kind", b"")],
                                   kafka='{"headers":{"kind":[null]}}'),
    "two-headers": Row(headers=[("kind", b"a"), ("kind", b"b")],
                       kafka={"headers": {"kind": ["b"]}},
                       target={"http_parameters": {
                           "header_parameters": {"X-Kind": "$kafka.headers.kind"}}}),
    "key": Row(key=b"k 1", kafka={"key": ["k 1"]}, path="/*",
               target={"http_parameters": {"path_parameter_values": ["$kafka.key"]}}),
    "no-key": Row(kafka='{"key":[null]}'),
    "cloudevent": Row(
        b'{"n":1}', event_format="cloudevents", pattern={"type": ["sale"]},
        headers=[("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/s"),
                 ("ce_type", b"sale"), ("content-type", b"application/json")]),
    "cloudevent-structured": Row(
        b'{"specversion":"1.0","id":"1","source":"/s","type":"sale","data":{"n":1}}',
        event_format="cloudevents", pattern={"type": ["sale"]}, target={"input_path": "$.data"}),
    "cloudevent-none": Row(outcome="INVALID_EVENT", event_format="cloudevents"),
    "envelope": Row(event_format="envelope", pattern={"detail": {"kind": ["sale"]}},
                    headers=[("time", b"2026-01-02T03:04:05Z"), ("id", b"1")]),
    "no-path-value": Row(outcome="INVALID_PARAMETER", path="/*", target={
        "http_parameters": {"path_parameter_values": ["$.missing"]}}),
    "short-secrets": Row(
        b'{"kind":"sale","note":"no abc is hidden, long-secret is"}',
        connection=api_key("k1", header_parameters={"X-Short": "abc", "X-Long": "long-secret"},
                           query_string_parameters={"t": "q/1", "u": "long/secret"}),
        masked={"X-Api-Key": "***", "X-Short": "***", "X-Long": "***"},
        url_secrets=("t=q%2F1", "u=long%2Fsecret")),
    "basic": Row(connection={"authorization_type": "BASIC", "username": "joe", "password": "pw"},
                 masked={"Authorization": "Basic ***"}),
    "bearer": Row(connection={"authorization_type": "BEARER", "token": "t0ken"},
                  masked={"Authorization": "Bearer ***"}),
    "aws": Row(path="/*/items", connection={
        "authorization_type": "AWS_SIGV4", "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": AWS_KEY, "aws_session_token": AWS_TOKEN,
        "aws_region": "eu-central-1", "aws_service": "execute-api"}, target={"http_parameters": {
            "path_parameter_values": ["$.id"], "query_string_parameters": {"b": "2 /", "a": "1"}}},
        masked={"Authorization": "AWS4-HMAC-SHA256 ***", "X-Amz-Date": "***",
                "X-Amz-Security-Token": "***"}),
    "webhook": Row(connection={"authorization_type": "STANDARD_WEBHOOKS",
                               "signing_keys": [whsec(b"n" * 32)]},
                   masked={"webhook-id": "***", "webhook-timestamp": "***",
                           "webhook-signature": "***"}),
}

# What differs from one attempt to the next, or is the connection's and not the request's.
OF_TRANSPORT = {"host", "content-length", "accept"}
OF_ATTEMPT = {"authorization", "x-amz-date", "webhook-id", "webhook-timestamp",
              "webhook-signature"}

Shown = tuple[str, str, list[tuple[str, str]], str]


class Table:
    """The rows as a configuration: to each row a topic, a rule and a destination of its name."""

    def __init__(self, broker: Client, receiver: Receiver, unique, directory: Path,
                 names: tuple[str, ...] = tuple(ROWS)):
        self.broker, self.receiver, self.directory = broker, receiver, directory
        self.rows = {name: ROWS[name] for name in names}
        self.letters = unique("letters")
        self.topics = {name: unique(name) for name in names}
        for topic in (self.letters, *self.topics.values()):
            broker.create_topic(topic, 1)
        self.config = Config(broker.bootstrap)
        self.config["max_record_depth"] = DEPTH
        for name, row in self.rows.items():
            self._configure(name, row, unique("group"))
        self.file = directory / "table.cfg"
        self.write()

    def write(self) -> None:
        self.file.touch(0o600)
        self.file.write_text(render(self.config))

    def _configure(self, name: str, row: Row, group: str) -> None:
        self.config.consumer(name, self.topics[name], group_id=group,
                             dead_letter_topic=self.letters, event_format=row.event_format)
        self.config.connection(name, **row.connection)
        self.config.destination(name, self.receiver.url(f"/{name}{row.path}"), connection=name,
                                dead_letter_guard=False)
        self.config.rule(name, name, row.pattern, {
            "destination": name, "retry_policy": {"maximum_retry_attempts": 0}, **row.target},
            **({} if row.kafka is None else {"kafka": row.kafka}))

    def go_through_the_daemon(self, postrider) -> None:
        """All that can be sent is sent and refused for good: a letter of it stands in the
        dead-letter topic."""
        self.receiver.on("*", Reply(422))
        for name, row in self.rows.items():
            self.broker.produce(self.topics[name], [
                Record(row.value, row.key, row.headers, partition=0)])
        daemon = postrider(self.config)
        letters = sum(row.outcome != "nothing" for row in self.rows.values())
        self.broker.wait_for_records(self.letters, letters, timeout=60)
        for name in self.rows:
            group = self.config["consumers"][name]["group_id"]
            self.broker.wait_for_lag(f"{group}.{name}", self.topics[name], timeout=60)
        assert daemon.terminate() == 0

    def sent(self, name: str) -> list[Request]:
        return [r for r in self.receiver.requests()
                if r.path == f"/{name}" or r.path.startswith(f"/{name}/")]

    def _letters(self) -> list[tuple[str, Record]]:
        """In the order of writing; each with the name of its row."""
        names = {topic: name for name, topic in self.topics.items()}
        return [(names[(letter.header("SOURCE_TOPIC") or b"").decode()], letter)
                for letter in self.broker.consume(self.letters)]

    def places(self) -> dict[str, str]:
        """Where the letter of each row stands."""
        return {name: f"{self.letters}/0/{letter.offset}" for name, letter in self._letters()}

    def codes(self) -> dict[str, str]:
        """Why each row has a letter, the last time."""
        return {name: (letter.header("ERROR_CODE") or b"").decode()
                for name, letter in self._letters()}

    def write_own_tests(self, by_daemon: dict[str, list[Request]]) -> Path:
        """A file for `check --tests`, which expects what the daemon has sent."""
        file = self.directory / "tests.json"
        file.write_text("[" + ",\n".join(
            as_own_test(row, self.topics[name], name, by_daemon[name], self.receiver)
            for name, row in self.rows.items()
            if name != "bytes-binary") + "]")  # a JSON file holds no such bytes
        return file


# What each of them says


def said_on_the_wire(request: Request, receiver: Receiver) -> Shown:
    headers = [(name.lower(), value) for name, value in request.headers
               if name.lower() not in OF_TRANSPORT | OF_ATTEMPT]
    return (request.method, receiver.url(request.target), sorted(headers),
            request.body.decode(errors="replace"))


def as_shown(row: Row, request: Request, receiver: Receiver) -> Shown:
    """The request with its secrets masked."""
    method, url, _, body = said_on_the_wire(request, receiver)
    masked = {name.lower(): value for name, value in row.masked.items()}
    for secret in row.url_secrets:
        url = url.replace(secret, f"{secret.partition('=')[0]}=***")
    if "long-secret" in body:
        body = body.replace("long-secret", "***")
    headers = [(name.lower(), masked.get(name.lower(), value)) for name, value in request.headers
               if name.lower() not in OF_TRANSPORT]
    return method, url, sorted(headers), body


def arguments_of(row: Row, topic: str) -> list[str]:
    options = ["--event", "-", "--topic", topic]
    if row.key is not None:
        options += ["--key", row.key.decode()]
    for name, value in row.headers:
        options += ["--header", name if value is None else f"{name}={value.decode()}"]
    return options


def asked_of_test_event(table: Table, name: str, *options: str) -> dict[str, Any]:
    done = command("test-event", "-c", table.file, "--rule", name, "--json", *options,
                   *arguments_of(ROWS[name], table.topics[name]), stdin=ROWS[name].value,
                   timeout=60)
    return json.loads(done.stdout)["rules"][0] if done.stdout else {
        "matches": done.stderr, "targets": []}


def request_of_json(rule: dict[str, Any]) -> Shown | dict[str, Any]:
    if not rule["targets"] or "request" not in rule["targets"][0]:
        return rule
    request = rule["targets"][0]["request"]
    headers = [(h["name"].lower(), h["value"]) for h in request["headers"]]
    return request["method"], request["url"], sorted(headers), request["body"] or ""


def request_of_text(text: str) -> Shown:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, _, url = first.partition(" ")
    headers = [(n.lower(), v) for n, _, v in (line.partition(": ") for line in lines)]
    return method, url, sorted(headers), body


def asked_of_show(table: Table, place: str) -> str:
    done = command("dead-letters", "show", "-c", table.file, place, timeout=60)
    assert done.returncode == 0, done.stderr
    _, _, rest = done.stdout.partition("\nREQUEST that would be sent today\n")
    return rest.rpartition("\n\nREPLY that it got\n")[0]


def as_own_test(row: Row, topic: str, name: str, requests: list[Request],
                receiver: Receiver) -> str:
    """The row as a test of the configuration's owner, who expects what the daemon has sent."""
    headers: dict[str, Any] = {}
    for header, value in row.headers:
        text = None if value is None else value.decode()
        headers[header] = [*headers[header], text] if header in headers else [text]
    test: dict[str, Any] = {
        "name": name, "topic": topic, "event": row.value.decode(),
        "key": None if row.key is None else row.key.decode(), "headers": headers, "expect": []}
    if row.outcome not in ("request", "nothing"):
        test["expect"].append({"rule": name, "error": row.outcome})
    for request in requests:
        method, url, own, body = said_on_the_wire(request, receiver)
        credentials = {row.connection.get("api_key_name", "").lower(): "***"}
        test["expect"].append({
            "rule": name, "method": method, "url": url, "body": body,
            "headers": {n: credentials.get(n, v) for n, v in own
                        if n != "x-amz-security-token"}})
    if not row.value.startswith(b'{"') or row.outcome == "INVALID_EVENT":
        return json.dumps(test)
    # An event that is JSON may stand there as it is.
    del test["event"]
    return json.dumps(test)[:-1] + f', "event": {row.value.decode()}}}'


# The test


class Differences(list[str]):
    def check(self, row: str, who: str, said: object, expected: object) -> None:
        if said != expected:
            self.append(f"{row}: {who} says {said!r:.1500}, not {expected!r:.1500}")


def compare_what_is_shown(wrong: Differences, table: Table, name: str, by_daemon: list[Request],
                          place: str | None) -> None:
    """`test-event` and `dead-letters show`."""
    row = ROWS[name]
    rule = asked_of_test_event(table, name)
    if row.outcome == "nothing":
        wrong.check(name, "test-event", rule["matches"], False)
        return
    assert place is not None
    shown = asked_of_show(table, place)
    if row.outcome != "request":
        error = rule.get("error") or rule["targets"][0].get("error")
        wrong.check(name, "test-event", error and error["code"], row.outcome)
        wrong.check(name, "dead-letters show", shown.partition(":")[0], "none")
    elif by_daemon:
        expected = as_shown(row, by_daemon[0], table.receiver)
        wrong.check(name, "test-event", request_of_json(rule), expected)
        # A terminal is spared control characters.
        wrong.check(name, "dead-letters show", request_of_text(shown),
                    (*expected[:3], expected[3].replace("\0", " ")))


def compare_what_is_sent(wrong: Differences, who: str, table: Table,
                         by_daemon: dict[str, list[Request]]) -> None:
    for name in ROWS:
        wrong.check(name, who, [said_on_the_wire(r, table.receiver) for r in table.sent(name)],
                    [said_on_the_wire(r, table.receiver) for r in by_daemon[name]])
    for request in table.sent("aws"):
        signature = aws_signature(request, f"127.0.0.1:{table.receiver.port}")
        wrong.check("aws", f"{who}'s signature",
                    (request.header("Authorization") or "").rpartition("=")[2], signature)


def test_all_say_the_same_request_or_the_same_refusal(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    table = Table(kafka, receiver, unique, tmp_path)
    wrong = Differences()
    table.go_through_the_daemon(postrider)
    by_daemon = {name: table.sent(name) for name in ROWS}
    refused = table.codes()
    for name, row in ROWS.items():
        wrong.check(name, "the daemon", len(by_daemon[name]), int(row.outcome == "request"))
        wrong.check(name, "its letter", refused.get(name), {
            "request": "ERROR_FROM_TARGET", "nothing": None}.get(row.outcome, row.outcome))
    compare_what_is_sent(wrong, "the daemon", table, by_daemon)

    places = table.places()
    for name in ROWS:
        compare_what_is_shown(wrong, table, name, by_daemon[name], places.get(name))

    done = command("check", "-c", table.file, "--tests", table.write_own_tests(by_daemon))
    wrong.check("all", "check --tests", done.stdout + done.stderr if done.returncode else "", "")

    receiver.forget()
    for name in ROWS:
        asked_of_test_event(table, name, "--send")
    compare_what_is_sent(wrong, "test-event --send", table, by_daemon)

    receiver.forget()
    receiver.on("*", Reply(200))
    command("dead-letters", "redrive", "-c", table.file, timeout=60)
    compare_what_is_sent(wrong, "dead-letters redrive", table, by_daemon)
    wrong.check("no-path-value", "its letter from the redrive",
                table.codes()["no-path-value"], "INVALID_PARAMETER")
    assert not wrong, "\n".join(wrong)


def test_what_is_no_event_any_more_is_neither_shown_nor_redriven_as_one(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    """The limit is lower than when the event was matched."""
    table = Table(kafka, receiver, unique, tmp_path, ("deep",))
    table.go_through_the_daemon(postrider)
    place = table.places()["deep"]
    table.config["max_record_depth"] = 100
    table.write()
    receiver.forget()
    assert asked_of_show(table, place).startswith("none: INVALID_EVENT: over the limit")
    assert asked_of_test_event(table, "deep")["error"]["code"] == "INVALID_EVENT"
    command("dead-letters", "redrive", "-c", table.file, timeout=60)
    assert receiver.requests() == []
    assert table.codes()["deep"] == "INVALID_EVENT"
