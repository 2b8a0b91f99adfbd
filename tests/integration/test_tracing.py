# SPDX-License-Identifier: Apache-2.0
"""Traces: an attempt is a span of the record's trace, and a collector is told of it."""

from __future__ import annotations

import json
from typing import Any

from postrider_test.client import Record
from postrider_test.embedded import Embedded
from postrider_test.events import event
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import Shop
from postrider_test.wait import wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
QUICK = {"retry_policy": {"retry_base": "10ms", "retry_cap": "20ms"}}


def traced(n: int, sampled: bool = True) -> Record:
    parent = f"00-{TRACE}-{PARENT}-{'01' if sampled else '00'}"
    return Record(event("sale", n), str(n).encode(),
                  [("traceparent", parent.encode()), ("tracestate", b"vendor=1")])


def spans(receiver: Receiver) -> list[dict[str, Any]]:
    return [span for request in receiver.requests("/v1/traces")
            for resource in json.loads(request.body)["resourceSpans"]
            for scope in resource["scopeSpans"] for span in scope["spans"]]


def attributes(span: dict[str, Any]) -> dict[str, str]:
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def make_shop(embedded: Embedded, receiver: Receiver, unique, **tracing: Any) -> Shop:
    shop = Shop(embedded, receiver, unique, {"authorization_type": "NONE"}, QUICK)
    shop.config["tracing"] = {"otlp_endpoint": receiver.url("/v1/traces"), **tracing}
    return shop


def test_each_attempt_is_a_span_that_the_api_sees_as_its_parent(
        embedded: Embedded, receiver: Receiver, unique, postrider) -> None:
    receiver.script("/crm", [Reply(503)])
    shop = make_shop(embedded, receiver, unique,
                     header_parameters={"X-Collector-Key": "c0llector"})
    postrider(shop.config)
    embedded.produce(shop.topic, [traced(1)])
    wait_until(lambda: len(spans(receiver)) == 2)
    seen = [r.header("traceparent") for r in receiver.requests("/crm")]
    told = spans(receiver)
    assert seen == [f"00-{TRACE}-{span['spanId']}-01" for span in told]
    assert {span["parentSpanId"] for span in told} == {PARENT}
    assert {span["traceState"] for span in told} == {"vendor=1"}
    first, second = map(attributes, told)
    assert first["http.response.status_code"] == "503" and told[0]["status"] == {"code": 2}
    assert second["http.response.status_code"] == "200" and told[1]["status"] == {}
    assert second["http.request.resend_count"] == "1"
    assert second["messaging.destination.name"] == shop.topic
    assert second["server.port"] == str(receiver.port)
    assert receiver.requests("/v1/traces")[0].header("X-Collector-Key") == "c0llector"


def test_what_is_not_sampled_is_passed_on_and_not_told(
        embedded: Embedded, receiver: Receiver, unique, postrider) -> None:
    shop = make_shop(embedded, receiver, unique)
    postrider(shop.config)
    embedded.produce(shop.topic, [traced(1, sampled=False), Record(event("sale", 2)), traced(3)])
    receiver.wait_for(3, "/crm")
    wait_until(lambda: len(spans(receiver)) == 1)
    by_number = {json.loads(r.body)["detail"]["n"]: r.header("traceparent")
                 for r in receiver.requests("/crm")}
    assert (by_number[1] or "").startswith(f"00-{TRACE}-") and by_number[1].endswith("-00")
    assert PARENT not in by_number[1]
    assert by_number[2] is None
    assert spans(receiver)[0]["spanId"] in by_number[3]


def test_a_dead_collector_harms_nothing(
        embedded: Embedded, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/v1/traces", Reply(hang=True))
    shop = make_shop(embedded, receiver, unique)
    daemon = postrider(shop.config)
    embedded.produce(shop.topic, [traced(n) for n in range(3000)])
    shop.wait_for_all(3000)
    # One batch on the wire, one that waits; the others were dropped, and are counted.
    wait_until(lambda: daemon.metric("postrider_spans_dropped_total") >= 3000 - 2 * 512)
    assert daemon.metric("postrider_spans_total") == 0
    receiver.on("/v1/traces", Reply(500))
    daemon.wait_for_log("traces_failing", timeout=30)
    assert daemon.terminate() == 0
