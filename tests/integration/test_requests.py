# SPDX-License-Identifier: Apache-2.0
"""From record to request, byte for byte, through the program: formats, parameters, outputs.

One daemon serves all tests here; each rule sends to a path of its own.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Iterator

import pytest

from postrider_test.client import Record
from postrider_test.config import Config
from postrider_test.embedded import Embedded
from postrider_test.postrider import Postrider
from postrider_test.receiver import Receiver, Request
from postrider_test.wait import wait_until

RUN = uuid.uuid4().hex[:8]
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def topic(name: str) -> str:
    return f"requests-{name}-{RUN}"


class World:
    """The receiver, the broker, and what is configured."""

    def __init__(self, receiver: Receiver, broker: Embedded):
        self.receiver, self.broker = receiver, broker
        self.letters = topic("letters")
        self.config = Config(broker.bootstrap)
        self.config.connection("plain", authorization_type="NONE")

    def consumer(self, name: str, **keys: Any) -> None:
        self.broker.wait_for_topic(topic(name))
        self.config.consumer(name, topic(name), group_id=topic(name), dead_letter_topic=self.letters,
                             **keys)

    def way(self, name: str, consumer: str, pattern: dict[str, Any] | str, target: dict[str, Any] | None = None,
            rule: dict[str, Any] | None = None, path: str | None = None, **destination: Any) -> None:
        """A rule and a destination called `name`, at /name."""
        destination.setdefault("connection", "plain")
        self.config.destination(name, self.receiver.url(path or f"/{name}"), **destination)
        self.config.rule(name, consumer, pattern, {"destination": name, **(target or {})}, **(rule or {}))

    def send(self, consumer: str, *records: Record) -> None:
        self.broker.produce(topic(consumer), list(records))

    def one(self, path: str) -> Request:
        return self.receiver.wait_for(1, path)[0]

    def letter_of(self, rule: str) -> Record:
        def letters() -> list[Record]:
            return [r for r in self.broker.consume(self.letters) if r.header("RULE_NAME") == rule.encode()]

        return wait_until(letters, 30)[0]


def template(text: str, **paths: str) -> dict[str, Any]:
    return {"input_transformer": {"input_template": text, **({"input_paths_map": paths} if paths else {})}}


def ways(w: World) -> None:
    w.consumer("json")
    w.way("whole", "json", {"k": ["whole"]})
    w.way("numbers", "json", {"k": ["numbers"]}, {"input_path": "$.n"})
    w.way("shape", "json", {"k": ["shape"]}, template('{"lon": <lon>, "all": <all>}', lon="$.at[1][0]", all="$.at"))
    w.way("level", "json", {"level": [{"numeric": [">", 6]}]}, {"input": '"high"'})
    w.way("constant", "json", {"k": ["constant"]}, {"input": '{"always": "this"}'})
    w.way("broken", "json", {"k": ["broken"]}, template('{"note": "<note>"}', note="$.note"))
    w.way("escaped", "json", {"k": ["broken"]}, {"input_transformer": {
        "escape": True, "input_paths_map": {"note": "$.note"}, "input_template": '{"note": "<note>"}'}})
    w.way("record", "json", {"k": ["record"]}, {
        **template('{"topic": <kafka.topic>, "partition": <kafka.partition>, "offset": <kafka.offset>, '
                   '"key": <kafka.key>, "kind": <kafka.headers.kind>, "rule": <aws.events.rule-name>}'),
        "http_parameters": {"header_parameters": {"X-Key": "$kafka.key"}}})
    w.way("parameters", "json", {"k": ["parameters"]},
          {"http_parameters": {"path_parameter_values": ["fixed", "$.id"],
                               "query_string_parameters": {"q": "$.q", "none": "$.nothing"},
                               "header_parameters": {"X-Id": "$.id", "X-None": "$.nothing",
                                                     "Content-Encoding": "br"}}},
          path="/parameters/*/*", idempotency_header="X-Request-Id")
    w.way("missing", "json", {"k": ["missing"]},
          {"http_parameters": {"path_parameter_values": ["$.nothing"]}}, path="/missing/*")
    w.config.connection("bodied", authorization_type="NONE", invocation_http_parameters={
        "body_parameters": {"tenant": "acme"}, "header_parameters": {"X-Who": "connection"}})
    w.way("bodied", "json", {"k": ["bodied"]},
          {"http_parameters": {"header_parameters": {"X-Who": "target"}}}, connection="bodied")
    w.way("get", "json", {"k": ["get"]}, http_method="GET")
    w.way("form", "json", {"k": ["form"]}, {"output_format": "form", "input_path": "$.f"})
    w.way("kind", "json", {"k": ["kind"]}, rule={"kafka": {"headers": {"kind": ["wanted"]}}})
    w.consumer("events", event_format="cloudevents")
    w.way("binary", "events", {"type": ["shop.paid"]}, template('{"by": <source>, "data": <data>}',
                                                               source="$.source", data="$.data"))
    w.way("structured", "events", {"type": ["shop.sent"]}, {"output_format": "cloudevents-binary"})
    w.consumer("plain", event_format="envelope", envelope={"source": "shop", "detail_type": "Row"})
    w.way("wrapped", "plain", {"source": ["shop"], "detail-type": ["Row"], "detail": {"n": [1]}})
    w.consumer("raw", event_format="bytes")
    w.way("raw", "raw", {"x": ({"exists": False},)}, rule={"kafka": {"topic": [topic("raw")]}})


@pytest.fixture(scope="module")
def world(_embedded: Embedded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    receiver = Receiver()
    receiver.start()
    w = World(receiver, _embedded)
    ways(w)
    directory: Path = tmp_path_factory.mktemp("requests")
    daemon = Postrider(w.config, directory)
    daemon.start()
    yield w
    daemon.stop()
    receiver.shutdown()


def test_an_event_goes_as_it_is_numbers_and_order_and_blanks(world: World) -> None:
    event = b'{"k":"whole", "b" : 1.10,\n "a": 12345678901234567890, "e": 1E400}'
    world.send("json", Record(event, headers=[("traceparent", TRACE)]))
    got = world.one("/whole")
    assert got.body == event
    assert got.header("Content-Type") == "application/json; charset=utf-8"
    assert got.header("User-Agent").startswith("postrider/")
    assert (got.header("traceparent") or "").startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_a_part_and_a_constant_go_as_they_are(world: World) -> None:
    world.send("json", Record(b'{"k":"numbers","n":[1.0, {"x":0.10}]}'), Record(b'{"k":"constant"}'))
    assert world.one("/numbers").body == b'[1.0, {"x":0.10}]'
    assert world.one("/constant").body == b'{"always": "this"}'


def test_arrays_of_numbers_are_open_to_rules_and_paths(world: World) -> None:
    world.send("json", Record(b'{"k":"shape","at":[[-122.41,37.7],[-121.5,38.0]],"level":[1,2]}'),
               Record(b'{"k":"none","at":[[1,2]],"level":[[1,2],[3,7]]}'))
    assert world.one("/shape").body == b'{"lon": -121.5, "all": [[-122.41,37.7],[-121.5,38.0]]}'
    assert world.one("/level").body == b'"high"'


def test_a_body_that_would_be_no_json_is_a_dead_letter_unless_escaped(world: World) -> None:
    event = b'{"k":"broken","note":"he said \\"no\\""}'
    world.send("json", Record(event))
    assert json.loads(world.one("/escaped").body) == {"note": 'he said "no"'}
    letter = world.letter_of("broken")
    assert letter.value == event and letter.header("ERROR_CODE") == b"INVALID_JSON"
    assert b"column" in letter.header("ERROR_MESSAGE") and b"note" in letter.header("ERROR_MESSAGE")
    assert not world.receiver.requests("/broken")


def test_templates_and_parameters_know_the_record(world: World) -> None:
    world.send("json", Record(b'{"k":"record"}', key=b"k-1", headers=[("kind", b"big")]))
    got = world.one("/record")
    body = json.loads(got.body)
    assert (body["topic"], body["key"], body["kind"], body["rule"]) == (topic("json"), "k-1", "big", "record")
    assert got.header("X-Key") == "k-1"
    assert got.header("Idempotency-Key") == \
        f"{body['topic']}-{body['partition']}-{body['offset']}-record-record"


def test_parameters_are_encoded_omitted_and_removed(world: World) -> None:
    world.send("json", Record('{"k":"parameters","id":"a/b ?ü","q":"x&y=z"}'.encode()))
    got = world.receiver.wait_for(1, "/parameters/*")[0]
    assert got.path == "/parameters/fixed/a%2Fb%20%3F%C3%BC"
    assert got.query == [("q", "x&y=z")]
    assert got.header("X-None") is None and got.header("Content-Encoding") is None
    assert got.header("X-Request-Id") and got.header("Idempotency-Key") is None


def test_a_path_value_that_is_missing_is_a_dead_letter(world: World) -> None:
    world.send("json", Record(b'{"k":"missing"}'))
    letter = world.letter_of("missing")
    assert letter.header("ERROR_CODE") == b"INVALID_PARAMETER"


def test_a_connections_parameters_win_and_join_the_body(world: World) -> None:
    world.send("json", Record(b'{"k":"bodied","n":1.50}'))
    got = world.one("/bodied")
    assert json.loads(got.body) == {"k": "bodied", "n": 1.5, "tenant": "acme"} and b"1.50" in got.body
    assert got.header("X-Who") == "connection"


def test_a_get_has_no_body_and_a_form_is_a_form(world: World) -> None:
    world.send("json", Record(b'{"k":"get"}'), Record(b'{"k":"form","f":{"a":[1,"x y"],"b":{"c":true}}}'))
    got = world.one("/get")
    assert got.method == "GET" and got.body == b""
    form = world.one("/form")
    assert form.header("Content-Type") == "application/x-www-form-urlencoded"
    assert form.body == b"a%5B0%5D=1&a%5B1%5D=x+y&b%5Bc%5D=true"


def test_a_rule_matches_on_the_records_headers(world: World) -> None:
    world.send("json", Record(b'{"k":"kind","n":1}', key=b"same", headers=[("kind", b"other")]),
               Record(b'{"k":"kind","n":2}', key=b"same", headers=[("kind", b"wanted")]))
    assert json.loads(world.one("/kind").body)["n"] == 2
    assert world.receiver.count("/kind") == 1


def test_cloudevents_are_seen_alike_in_both_modes(world: World) -> None:
    world.send("events",
               Record(b'{"n":1}', headers=[("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/shop"),
                                           ("ce_type", b"shop.paid"), ("content-type", b"application/json")]),
               Record(b'{"specversion":"1.0","id":"2","source":"/shop","type":"shop.sent","data":{"n":2}}',
                      headers=[("content-type", b"application/cloudevents+json")]))
    assert json.loads(world.one("/binary").body) == {"by": "/shop", "data": {"n": 1}}
    got = world.one("/structured")
    assert (got.header("ce-type"), got.header("ce-id")) == ("shop.sent", "2")
    assert json.loads(got.body) == {"n": 2}


def test_a_plain_value_is_wrapped_as_detail(world: World) -> None:
    world.send("plain", Record(b'{"n":1}'))
    body = json.loads(world.one("/wrapped").body)
    assert body["source"] == "shop" and body["detail-type"] == "Row" and body["detail"] == {"n": 1}
    assert body["id"].startswith(topic("plain"))


def test_bytes_go_as_they_are(world: World) -> None:
    world.send("raw", Record(b"\x00\xffnot json\r\n"))
    got = world.one("/raw")
    assert got.body == b"\x00\xffnot json\r\n"
    assert got.header("Content-Type") == "application/octet-stream"
