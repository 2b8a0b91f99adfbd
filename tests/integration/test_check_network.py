# SPDX-License-Identifier: Apache-2.0
"""`check --network`: is what a configuration names really there?"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from postrider_test.config import Config, render
from postrider_test.events import wants
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.postrider import command
from postrider_test.receiver import Receiver
from postrider_test.tls import Authority
from postrider_test.wait import free_port

NONE = {"authorization_type": "NONE"}


def check(tmp_path: Path, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "postrider.cfg"
    file.touch(0o600)
    file.write_text(render(config))
    return command("check", "-c", str(file), "--network")


def configure(broker: str, topic: str, url: str, login: dict[str, Any] = NONE,
              **destination: Any) -> Config:
    config = Config(broker)
    config.consumer("shop", topic, group_id="postrider", dead_letter_topic=f"{topic}.letters")
    config.connection("login", **login)
    config.destination("crm", url, connection="login", **destination)
    config.rule("sales", "shop", wants("sale"), {"destination": "crm"})
    return config


@pytest.fixture
def topic(kafka: Kafka, unique) -> str:
    name = unique("sales")
    kafka.create_topic(name, 3)
    kafka.create_topic(f"{name}.letters", 1)
    return name


def test_all_that_is_there_is_told_with_its_time_and_nothing_is_sent(
        kafka: Kafka, topic: str, receiver: Receiver, tmp_path: Path) -> None:
    server = TokenEndpoint(receiver)
    done = check(tmp_path, configure(kafka.bootstrap, topic, receiver.url("/crm"), {
        "authorization_type": "OAUTH_CLIENT_CREDENTIALS", "authorization_endpoint": server.url,
        "allow_http": True, "client_id": "postrider", "client_secret": "s3cret"}))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "network: 4 ok, 0 failed"
    assert re.match(rf"ok +topic '{re.escape(topic)}': 3 partitions \(\d+ ms\)$", lines[1])
    assert re.match(r"ok +dead-letter topic '.*letters': 1 partitions", lines[2])
    assert re.match(r"ok +connection 'login': a token was got \(\d+ ms\)$", lines[3])
    assert re.match(r"ok +destination 'crm': connected \(\d+ ms\)$", lines[4])
    assert receiver.count("/crm") == 0


def test_every_failure_is_told_and_stops_no_other_step(
        kafka: Kafka, unique, receiver: Receiver, tmp_path: Path) -> None:
    server = TokenEndpoint(receiver, client_secret="another")
    config = configure(kafka.bootstrap, unique("nowhere"), f"http://127.0.0.1:{free_port()}/", {
        "authorization_type": "OAUTH_CLIENT_CREDENTIALS", "authorization_endpoint": server.url,
        "allow_http": True, "client_id": "postrider", "client_secret": "s3cret-of-ours"})
    config["dead_letter_create"] = {"enabled": False}
    config.destination("lost", "https://no-such-host.invalid/", connection="login")
    config.rule("lost", "shop", wants("sale"), {"destination": "lost"})
    config.destination("good", receiver.url("/good"), connection="login")
    config.rule("good", "shop", wants("sale"), {"destination": "good"})
    done = check(tmp_path, config)
    assert done.returncode == 1
    out = done.stdout
    assert re.search(r"FAILED +topic 'nowhere.*': .*kafka-topics .*--create", out), out
    assert re.search(r"FAILED +dead-letter topic '.*': .*kafka-topics .*--create", out)
    assert re.search(r"FAILED +connection 'login': .*invalid_client", out)
    assert re.search(r"FAILED +destination 'crm': .*(refused|connect)", out)
    assert re.search(r"FAILED +destination 'lost': .*no-such-host.invalid.* does not resolve", out)
    assert re.search(r"ok +destination 'good': connected", out)
    assert "network: 1 ok, 5 failed" in out
    assert "s3cret-of-ours" not in out + done.stderr


def test_missing_dead_letter_topic_that_will_be_made_is_no_failure(
        kafka: Kafka, unique, receiver: Receiver, tmp_path: Path) -> None:
    topic = unique("sales")
    kafka.create_topic(topic, 1)
    config = configure(kafka.bootstrap, topic, receiver.url("/crm"))
    config["dead_letter_create"] = {"enabled": True, "partitions": 1}
    done = check(tmp_path, config)
    assert done.returncode == 0, done.stdout
    assert "will be made at the start" in done.stdout
    assert f"{topic}.letters" not in kafka.admin.list_topics(timeout=5).topics


def test_kafka_that_cannot_be_reached_is_told(receiver: Receiver, tmp_path: Path) -> None:
    port = free_port()
    done = check(tmp_path, configure(f"127.0.0.1:{port}", "sales", receiver.url("/crm")))
    assert done.returncode == 1
    assert re.search(rf"FAILED +topic 'sales': .*{port}.*refused", done.stdout), done.stdout
    assert re.search(r"ok +destination 'crm'", done.stdout)


def test_certificates_are_verified_as_for_a_delivery(
        kafka: Kafka, topic: str, authority: Authority, tmp_path: Path) -> None:
    server = Receiver(tls=authority.server_context())
    server.start()
    try:
        url = server.url("/crm")
        done = check(tmp_path, configure(kafka.bootstrap, topic, url))
        assert done.returncode == 1
        assert re.search(r"FAILED +destination 'crm': .*certificate", done.stdout), done.stdout
        done = check(tmp_path, configure(kafka.bootstrap, topic, url,
                                         ca_file=str(authority.ca_file)))
        assert done.returncode == 0, done.stdout
        assert re.search(r"ok +destination 'crm': connected, TLS in \d+ ms", done.stdout)
        assert server.count() == 0
    finally:
        server.shutdown()
