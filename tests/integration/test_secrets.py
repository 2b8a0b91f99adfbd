# SPDX-License-Identifier: Apache-2.0
"""Secrets: a changed file is used without a restart, and none is ever seen."""

from __future__ import annotations

import base64
import json
import resource
import signal
import time
from pathlib import Path

import pytest

from postrider_test.config import render
from postrider_test.events import event, numbers, wants
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.postrider import command
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop, oauth
from postrider_test.wait import wait_until


def replace(file: Path, text: str) -> None:
    """As a careful program does it: whole, under another name, then renamed."""
    fresh = file.with_suffix(".new")
    fresh.touch(0o600)
    fresh.write_text(text)
    fresh.rename(file)


def mount(directory: Path, number: int, **files: str) -> None:
    """As Kubernetes mounts a secret: files behind a link to a directory that is swapped."""
    real = directory / f"..2026_{number}"
    real.mkdir(parents=True)
    for name, text in files.items():
        (real / name).write_text(text)
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")
    fresh = directory / "..data_tmp"
    fresh.symlink_to(real.name)
    fresh.rename(directory / "..data")


# Files that change


@pytest.mark.parametrize("way", ["renamed", "written over", "kubernetes"])
def test_changed_api_key_file_is_used_by_the_next_attempt(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path, way: str) -> None:
    secrets = tmp_path / "secrets"
    mount(secrets, 1, key="old") if way == "kubernetes" else secrets.mkdir()
    file = secrets / "key"
    if way != "kubernetes":
        file.write_text("old\n")
    good = {"value": "old"}
    receiver.on("/crm", lambda r: Reply(
        200 if r.header("X-Api-Key") == f"Key {good['value']}" else 403))
    shop = Shop(kafka, receiver, unique,
                {"authorization_type": "API_KEY", "api_key_name": "X-Api-Key",
                 "api_key_value": f"Key ${{file:{file}}}"}, ONE_ATTEMPT)
    daemon = postrider(shop.config)
    shop.publish(range(50))
    shop.wait_for_all(50)
    if way == "kubernetes":
        mount(secrets, 2, key="new")
    elif way == "renamed":
        replace(file, "new\n")
    else:
        file.write_text("new\n")
    daemon.wait_for_log("connection_secret_changed.*connection=login", timeout=5)
    good["value"] = "new"
    shop.publish(range(50, 100))
    shop.wait_for_all(100)
    assert receiver.count("/crm") == 100
    assert shop.dead_letters() == []


def test_changed_file_of_a_parameter_is_used_by_the_next_attempt_also_of_a_waiting_delivery(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    file = tmp_path / "routing-key"
    file.write_text("old\n")
    good = {"value": "new"}
    receiver.on("/crm", lambda r: Reply(
        200 if r.header("X-Routing-Key") == good["value"] else 503))
    shop = Shop(kafka, receiver, unique, {"authorization_type": "NONE"}, {
        "http_parameters": {"header_parameters": {"X-Routing-Key": f"${{file:{file}}}"}},
        "retry_policy": {"retry_base": "20ms", "retry_cap": "100ms"}}, breaker_failures=0)
    daemon = postrider(shop.config)
    shop.publish(range(50))
    receiver.wait_for(50, "/crm")  # each has failed once, and waits
    daemon.file.write_text("not = a configuration")  # somebody is at work on it
    replace(file, "new\n")
    daemon.wait_for_log("secret_changed.*routing-key", timeout=5)
    shop.wait_for_all(50)
    accepted = shop.accepted(lambda r: r.header("X-Routing-Key") == "new")
    assert set(numbers(accepted).values()) == {1} and len(accepted) == 50
    assert shop.dead_letters() == []
    assert "reload_refused" not in daemon.log_text()


def test_changed_parameter_file_that_cannot_be_used_changes_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    file = tmp_path / "routing-key"
    file.write_text("good\n")
    shop = Shop(kafka, receiver, unique, {"authorization_type": "NONE"}, {
        "http_parameters": {"header_parameters": {"X-Routing-Key": f"${{file:{file}}}"}}})
    daemon = postrider(shop.config)
    shop.publish(range(5))
    shop.wait_for_all(5)
    replace(file, "two\nlines")
    line = daemon.wait_for_log("secret_refused", timeout=5)
    assert "X-Routing-Key" in line and "two" not in line
    shop.publish(range(5, 10))
    shop.wait_for_all(10)
    assert len(shop.accepted(lambda r: r.header("X-Routing-Key") == "good")) == 10


def test_replaced_client_secret_is_used_by_the_next_refresh_and_loses_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first")
    server = TokenEndpoint(receiver, client_secret="first", expires_in=2)
    guard = server.guard(Reply(delay=0.02))
    receiver.on("/crm", guard)
    shop = Shop(kafka, receiver, unique,
                oauth(server.url, client_secret=f"${{file:{file}}}"), ONE_ATTEMPT,
                invocation_rate_limit_per_second=200)
    daemon = postrider(shop.config)
    shop.publish(range(800))
    receiver.wait_for(100, "/crm")
    server.client_secret = "second"  # from now on the server takes no other
    replace(file, "second")
    daemon.wait_for_log("connection_secret_changed")
    shop.wait_for_all(800)
    assert shop.dead_letters() == []
    used = {parameters["client_secret"] for parameters in server.requests}
    assert used == {"first", "second"}
    assert server.requests[-1]["client_secret"] == "second"
    assert server.issued >= 2


def test_wrong_client_secret_is_mended_by_its_file_alone(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("wrong")
    server = TokenEndpoint(receiver)
    receiver.on("/crm", server.guard(Reply()))
    shop = Shop(kafka, receiver, unique, oauth(server.url, client_secret=f"${{file:{file}}}"),
                ONE_ATTEMPT)
    shop.publish(range(20))
    daemon = postrider(shop.config)
    daemon.wait_for_log("connection_deauthorized.*invalid_client")
    wait_until(lambda: server.refused >= 2)  # the back-off has grown
    replace(file, "s3cret")
    mended = time.monotonic()
    shop.wait_for_all(20)
    assert time.monotonic() - mended < 2.0, "the back-off was waited for"
    assert shop.dead_letters() == []


def test_token_file_that_another_program_renews_is_read_again_on_401(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    good = {"token": "one"}
    receiver.on("/crm", lambda r: Reply(
        200 if r.header("Authorization") == f"Bearer {good['token']}" else 401))
    shop = Shop(kafka, receiver, unique, {"authorization_type": "BEARER",
                                          "token": f"${{file:{file}}}"}, ONE_ATTEMPT)
    postrider(shop.config)
    shop.publish(range(10))
    shop.wait_for_all(10)
    good["token"] = "two"
    replace(file, "two\n")
    shop.publish(range(10, 60))  # at once: before anybody may have noticed the file
    shop.wait_for_all(60)
    assert shop.dead_letters() == []


def test_missing_secret_is_a_fault_with_its_line(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "postrider.cfg"
    file.touch(0o600)
    file.write_text(render({
        "kafka": {"bootstrap_servers": "localhost:1"},
        "connections": {"login": {"authorization_type": "API_KEY", "api_key_name": "X-Key",
                                  "api_key_value": "${file:/nowhere/key}"}}}))
    done = command("check", "-c", file)
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1)
                if "api_key_value" in text)
    assert done.returncode != 0
    assert f"postrider.cfg:{line}" in done.stdout + done.stderr
    assert "/nowhere/key" in done.stdout + done.stderr


# Markers that nobody may see


class Markers:
    """Distinct secrets; which of them, or of their beginnings, stand in a text, also encoded."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def plant(self, kind: str, value: str | None = None) -> str:
        self.planted[kind] = value or f"MaRk{len(self.planted):02d}Zy{kind.replace(' ', '')}xQ7"
        return self.planted[kind]

    def found(self, text: bytes | str) -> list[str]:
        data = text.encode() if isinstance(text, str) else text
        return [kind for kind, value in self.planted.items()
                if value[:10].encode() in data or
                base64.b64encode(value.encode())[:12] in data]


def test_markers_planted_as_secrets_are_found_nowhere(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    markers = Markers()
    plant = markers.plant
    key_bytes = base64.b64encode(b"a signing key of thirty-two byte").decode()
    plant("signing key", key_bytes)
    file = tmp_path / "header-secret"
    file.write_text(plant("secret header"))
    plant("access token")
    plant("refused reply")

    def token(request):
        return Reply(200, json.dumps({"access_token": markers.planted["access token"],
                                      "refresh_token": plant("refresh token"),
                                      "expires_in": 3600}).encode())

    def refuse(request):
        """Says all that it was told, and what a token server should keep to itself."""
        return Reply(400, json.dumps({
            "error": "invalid_client", "access_token": markers.planted["refused reply"],
            "error_description": f"you sent {request.body.decode()} {request.headers}",
        }).encode())

    def echo(request):
        status = 400 if b'"n": 1' in request.body else 503 if b'"n": 2' in request.body else 200
        return Reply(status, json.dumps({
            "target": request.target, "headers": request.headers,
            "basic": base64.b64decode(
                (request.header("Authorization") or "").removeprefix("Basic ") + "==", validate=False
            ).decode("latin-1") if (request.header("Authorization") or "").startswith("Basic")
            else "",
            "body": request.body.decode()}).encode())

    receiver.on("/token", token)
    receiver.on("/refusing", refuse)
    receiver.on("/api/*", echo)
    shop = Shop(kafka, receiver, unique, {"authorization_type": "NONE"},
                {"retry_policy": {"maximum_retry_attempts": 1}})
    config = shop.config
    receiver.on("/crm", echo)
    logins = {
        "basic": {"authorization_type": "BASIC", "username": "user",
                  "password": plant("password")},
        "key": {"authorization_type": "API_KEY", "api_key_name": "X-Api-Key",
                "api_key_value": f"Key {plant('api key')}"},
        "bearer": {"authorization_type": "BEARER", "token": plant("bearer token")},
        "oauth": oauth(receiver.url("/token"), client_secret=plant("client secret")),
        "refused": oauth(receiver.url("/refusing"), client_secret=plant("refused secret"),
                         oauth_http_parameters={"header_parameters": {
                             "X-Tenant": plant("token request header")}}),
        "webhooks": {"authorization_type": "STANDARD_WEBHOOKS",
                     "signing_keys": [f"whsec_{key_bytes}"]},
        "aws": {"authorization_type": "AWS_SIGV4", "aws_access_key_id": "AKIDEXAMPLE",
                "aws_secret_access_key": plant("aws key"), "aws_region": "eu-central-1",
                "aws_session_token": plant("aws session token"), "aws_service": "execute-api"},
        "header": {"authorization_type": "NONE", "invocation_http_parameters": {
            "header_parameters": {"X-Secret": f"${{file:{file}}}"},
            "query_string_parameters": {"apikey": plant("secret query")},
            "body_parameters": {"routing_key": plant("secret body")}}},
    }
    for name, login in logins.items():
        config.connection(name, **login)
        proxy = {"proxy": f"http://joe:{plant('proxy password')}@127.0.0.1:9"} \
            if name == "bearer" else {}
        config.destination(name, receiver.url(f"/api/{name}"), connection=name, **proxy)
        config.rule(name, "shop", wants("sale"), {
            "destination": name, "dead_letter_response_bytes": 16384,
            "retry_policy": {"maximum_retry_attempts": 1, "maximum_event_age": 5}})
    config["kafka"]["properties"].append(f"ssl.key.password={plant('kafka key password')}")
    config["kafka"]["properties"].append(f"sasl.password={plant('kafka password')}")
    config["log"] = {"level": "debug", "deliveries": True}
    kafka.produce(shop.topic, [event("sale", n) for n in range(4)])
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, ) * 2)
    daemon = postrider(config)
    reached = [name for name in logins if name not in ("bearer", "refused")]
    for name in reached:
        receiver.wait_for(4, f"/api/{name}")
    letters = kafka.wait_for_records(shop.letters, 2 * len(reached) + 2, timeout=60)

    seen: dict[str, str | bytes] = {
        page: daemon.admin(page) for page in
        ("/", "/status", "/config", "/metrics", "/health", "/ready", "/healthz", "/readyz")}
    daemon.signal(signal.SIGQUIT)
    daemon.wait_for_log('^{"worker"')
    file_argument = ("-c", daemon.file)
    event_file = tmp_path / "event.json"
    event_file.write_bytes(event("sale", 1))
    runs = [("check",), ("check", "--print"), ("check", "--print", "--json"), ("check", "--json"),
            ("status",), ("status", "--json"), ("reload",),
            ("test-event", "--event", event_file), ("test-event", "--event", event_file, "--json"),
            *[("test-event", "--event", event_file, "--send", "--rule", rule)
              for rule in ("basic", "key", "oauth", "header", "aws", "webhooks")],
            ("test-pattern", "--help"), ("test-transform", "--help"), ("broker", "--help"),
            ("dead-letters", "list"), ("dead-letters", "list", "--json"),
            ("dead-letters", "show", f"{shop.letters}/0/0"),
            ("dead-letters", "redrive", "--dry-run"), ("--version",), ("--help",)]
    ran = 0
    for arguments in runs:
        alone = "--help" in arguments or "--version" in arguments
        done = command(*arguments, *([] if alone else file_argument), timeout=60)
        seen[f"postrider {' '.join(map(str, arguments))}"] = done.stdout + done.stderr
        ran += done.returncode == 0
    (daemon.file).write_text(daemon.file.read_text().replace("AKIDEXAMPLE", "AKIDOTHER"))
    daemon.reload()
    for number, letter in enumerate(letters):
        seen[f"letter {number}"] = repr(letter.headers)
    # No core dump is made, though one is allowed: the process may not be dumped.
    daemon.signal(signal.SIGSEGV)
    daemon.wait(20)
    for core in [*daemon.directory.glob("core*"), *Path.cwd().glob("core*")]:
        seen[str(core)] = core.read_bytes()
    seen["log"] = daemon.log_text()

    leaks = {place: kinds for place, text in seen.items() if (kinds := markers.found(text))}
    assert leaks == {}
    # It was worth looking: the API repeated what it had been sent, and that was kept.
    assert sum("RESPONSE_BODY" in str(letter.headers) for letter in letters) >= 2 * len(reached) - 2
    assert any("***" in str(letter.headers) for letter in letters)
    assert ran >= 15, runs
    assert len(seen["/metrics"]) > 1000 and len(seen["/config"]) > 1000
    assert markers.found(" ".join(str(r.headers) for r in receiver.requests("/api/*")))
