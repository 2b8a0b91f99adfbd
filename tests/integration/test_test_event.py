# SPDX-License-Identifier: Apache-2.0
"""`postrider test-event` and `postrider check --tests`: what would be sent, seen before it is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from postrider_test.config import Config, render
from postrider_test.postrider import BINARY
from postrider_test.receiver import Receiver

EVENT = '{"detail-type":"Order Placed","detail":{"id":"o/1","amount":1.10,"note":"say \\"hi\\""}}'
SECRET = "k3y-that-nobody-sees"


@pytest.fixture
def config(tmp_path: Path, receiver: Receiver) -> Path:
    c = Config("localhost:1")
    c.consumer("shop", "orders", group_id="g")
    c.connection("key", authorization_type="API_KEY", api_key_name="X-Api-Key", api_key_value=SECRET,
                 invocation_http_parameters={
                     "header_parameters": {"X-More": "more-secret"},
                     "query_string_parameters": {"sign": "a/secret sign!"}})
    c.destination("api", receiver.url("/orders/*"), connection="key")
    c.rule("placed", "shop", {"detail-type": ["Order Placed"]}, {
        "destination": "api", "http_parameters": {"path_parameter_values": ["$.detail.id"]},
        "input_path": "$.detail"})
    c.rule("large", "shop", {"detail": {"amount": ({"numeric": (">", 100)},)}}, {
        "destination": "api", "http_parameters": {"path_parameter_values": ["x"]}})
    c.rule("keyed", "shop", {"detail-type": ["Order Placed"]}, {
        "destination": "api", "http_parameters": {"path_parameter_values": ["$kafka.key"]}},
        kafka={"headers": {"kind": ["x"]}})
    path = tmp_path / "postrider.cfg"
    path.write_text(render(c))
    path.chmod(0o600)
    return path


def run(config: Path, *arguments: str, event: str = EVENT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BINARY, "test-event", "-c", config, "--event", "-", *arguments],
                          input=event, capture_output=True, text=True, timeout=60, check=False)


def test_the_request_is_shown_to_the_byte(config: Path, receiver: Receiver) -> None:
    result = run(config, "--rule", "placed")
    assert result.returncode == 0, result.stderr
    assert "rule 'placed': matches" in result.stdout
    assert f"POST {receiver.url('/orders/o%2F1')}?sign=***" in result.stdout
    assert "Idempotency-Key: orders-0-0-placed-api" in result.stdout
    assert '{"id":"o/1","amount":1.10,"note":"say \\"hi\\""}' in result.stdout
    assert "rule 'large'" not in result.stdout


def test_nothing_is_sent_unless_asked_for(config: Path, receiver: Receiver) -> None:
    run(config)
    assert receiver.requests() == []


def test_what_does_not_match_is_explained(config: Path) -> None:
    result = run(config, "--rule", "large")
    assert "rule 'large': does not match" in result.stdout
    assert "detail.amount is 1.10" in result.stdout


def test_no_secret_is_shown(config: Path) -> None:
    for arguments in ((), ("--json",), ("--send",), ("--send", "--json")):
        result = run(config, *arguments)
        for secret in (SECRET, "more-secret", "secret sign", "secret%20sign"):
            assert secret not in result.stdout + result.stderr


def test_key_and_headers_of_the_record_count(config: Path) -> None:
    assert "rule 'keyed': does not match" in run(config, "--rule", "keyed").stdout
    result = run(config, "--rule", "keyed", "--header", "kind=x", "--key", "k 1")
    assert "rule 'keyed': matches" in result.stdout
    assert "/orders/k%201" in result.stdout


def test_json_is_for_programs(config: Path) -> None:
    rules = {rule["rule"]: rule for rule in json.loads(run(config, "--json").stdout)["rules"]}
    assert rules["placed"]["matches"] is True
    assert rules["large"]["matches"] is False
    request = rules["placed"]["targets"][0]["request"]
    assert request["method"] == "POST"
    assert json.loads(request["body"])["id"] == "o/1"
    assert {"name": "X-Api-Key", "value": "***"} in request["headers"]


def test_send_sends_it_once_and_shows_the_reply(config: Path, receiver: Receiver) -> None:
    result = run(config, "--rule", "placed", "--send")
    assert result.returncode == 0, result.stdout
    requests = receiver.requests()
    assert len(requests) == 1
    assert requests[0].header("X-Api-Key") == SECRET
    assert requests[0].body == b'{"id":"o/1","amount":1.10,"note":"say \\"hi\\""}'
    assert "reply: 200 in " in result.stdout


def test_what_cannot_be_made_is_an_error(config: Path) -> None:
    result = run(config, "--rule", "placed", event='{"detail-type":"Order Placed","detail":{}}')
    assert result.returncode == 1
    assert "INVALID_PARAMETER" in result.stdout


def test_what_is_no_event_is_an_error(config: Path) -> None:
    result = run(config, event="{nonsense")
    assert result.returncode == 1
    assert "line 1, column 2" in result.stdout


def test_wrong_usage_is_told(config: Path) -> None:
    assert run(config, "--rule", "nobody").returncode == 2
    assert run(config, "--header", "=x").returncode == 2
    assert subprocess.run([BINARY, "test-event"], capture_output=True, check=False).returncode == 2


def test_a_users_own_tests_say_what_differs(config: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests.json"
    event = json.loads(EVENT)
    right = {"rule": "placed", "method": "POST", "body": event["detail"]}
    tests.write_text(json.dumps([
        {"name": "right", "event": event, "expect": [right]},
        {"name": "wrong", "event": event, "expect": [{**right, "method": "PUT"}, {"rule": "large"}]},
        {"name": "unexpected", "event": event, "expect": []},
    ]))
    result = subprocess.run([BINARY, "check", "-c", config, "--tests", tests], capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1
    assert "FAILED right" not in result.stdout
    assert "method:\n    - PUT\n    + POST" in result.stdout
    assert 'missing: {"rule":"large"}' in result.stdout
    assert "a request that is not expected" in result.stdout
    assert "1 passed, 2 failed" in result.stdout
