# SPDX-License-Identifier: Apache-2.0
"""Credentials as APIs see them, checked by implementations that are not ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import trustme
from confluent_kafka.admin import (ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialUpsertion)
from cryptography.hazmat.primitives import serialization

from postrider_test.events import numbers
from postrider_test.http_server import Request
from postrider_test.kafka import Kafka
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop
from postrider_test.wait import free_port

AWS_KEY, AWS_TOKEN = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a session/token="


def aws_signature(request: Request, host: str) -> str:
    """Signature Version 4, from Amazon's documentation."""
    fields = dict(part.strip().split("=", 1) for part in
                  (request.header("Authorization") or "").partition(" ")[2].split(","))
    _, day, region, service, terminator = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    assert names == sorted(names) and {"host", "x-amz-date"} <= set(names)
    values = {name: host if name == "host" else request.header(name) or "" for name in names}
    path, _, query = request.target.partition("?")
    pairs = sorted((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~"))
                   for name, _, value in (p.partition("=") for p in query.split("&") if p))
    canonical = "\n".join([
        request.method, quote(path, safe="/-_.~"), "&".join("=".join(pair) for pair in pairs),
        *(f"{name}:{' '.join(values[name].split())}" for name in names), "", ";".join(names),
        hashlib.sha256(request.body).hexdigest()])
    scope = f"{day}/{region}/{service}/{terminator}"
    text = "\n".join(["AWS4-HMAC-SHA256", request.header("x-amz-date") or "", scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{AWS_KEY}".encode()
    for part in (day, region, service, terminator):
        key = hmac.digest(key, part.encode(), "sha256")
    assert fields["Signature"], fields
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def webhook_is_signed_by(request: Request, key: bytes) -> bool:
    """As a receiver does it: standardwebhooks.com, "Verifying webhooks"."""
    seconds = request.header("webhook-timestamp") or ""
    if abs(time.time() - int(seconds)) > 300:
        return False
    message = f"{request.header('webhook-id')}.{seconds}.".encode() + request.body
    right = "v1," + base64.b64encode(hmac.digest(key, message, "sha256")).decode()
    return right in (request.header("webhook-signature") or "").split(" ")


def whsec(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"


def test_basic_takes_any_character_and_api_key_its_whole_value(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    shop = Shop(kafka, receiver, unique, {
        "authorization_type": "BASIC", "username": "us\u00e9r", "password": "p:a ss$$\u4e2d"})
    shop.config.connection("key", authorization_type="API_KEY", api_key_name="X-Api-Key",
                           api_key_value="${env:KEY_SCHEME} ${env:KEY_VALUE}")
    shop.config.destination("key", receiver.url("/key"), connection="key")
    shop.config["rules"]["sales"]["targets"] += ({"id": "key", "destination": "key"},)
    shop.publish(range(3))
    postrider(shop.config, env={"KEY_SCHEME": "GenieKey", "KEY_VALUE": "abc-123"})
    shop.wait_for_all(3)
    sent = receiver.requests("/crm")[0].header("Authorization") or ""
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == "us\u00e9r:p:a ss$\u4e2d"
    assert {r.header("X-Api-Key") for r in receiver.wait_for(3, "/key")} == {"GenieKey abc-123"}


def test_aws_requests_are_signed_as_amazon_says(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    shop = Shop(kafka, receiver, unique, {
        "authorization_type": "AWS_SIGV4", "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": AWS_KEY, "aws_session_token": AWS_TOKEN,
        "aws_region": "eu-central-1", "aws_service": "execute-api"}, {
        "http_parameters": {"query_string_parameters": {"z": "a b/c", "a": "1"}}})
    shop.publish(range(5))
    postrider(shop.config)
    shop.wait_for_all(5)
    for request in receiver.requests("/crm"):
        authorization = request.header("Authorization") or ""
        assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/eu-central-1/execute-api/aws4_request" in authorization
        assert request.header("X-Amz-Security-Token") == AWS_TOKEN
        signature = aws_signature(request, f"127.0.0.1:{receiver.port}")
        assert authorization.endswith(f"Signature={signature}")


def test_webhooks_are_signed_with_every_key_and_anew_for_each_attempt(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    new, old, other = b"n" * 32, b"o" * 24, b"x" * 32
    receiver.script("/crm", [Reply(503, headers={"Retry-After": "2"})])
    shop = Shop(kafka, receiver, unique, {
        "authorization_type": "STANDARD_WEBHOOKS", "signing_keys": [whsec(new), whsec(old)]})
    shop.publish(range(1))
    postrider(shop.config)
    first, second = receiver.wait_for(2, "/crm")
    for request in (first, second):
        assert webhook_is_signed_by(request, new)
        assert webhook_is_signed_by(request, old)
        assert not webhook_is_signed_by(request, other)
    assert first.header("webhook-id") == second.header("webhook-id")
    assert first.header("webhook-timestamp") != second.header("webhook-timestamp")
    assert first.header("webhook-signature") != second.header("webhook-signature")
    assert shop.dead_letters() == []


def test_refused_static_credentials_are_told_and_cost_attempts(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/crm", Reply(401))
    shop = Shop(kafka, receiver, unique, {"authorization_type": "BASIC", "username": "joe",
                                          "password": "wrong-one"}, ONE_ATTEMPT)
    shop.publish(range(2))
    daemon = postrider(shop.config)
    kafka.wait_for_records(shop.letters, 2)
    daemon.wait_for_log("connection_deauthorized.*connection=login")
    assert receiver.count("/crm") == 2
    assert "wrong-one" not in daemon.log_text()


def set_password(kafka: Kafka, user: str, password: str) -> None:
    kafka.admin.alter_user_scram_credentials([UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode())
    ])[user].result(20)


def serve_sasl(kafka: Kafka, authority: trustme.CA, user: str, password: str) -> str:
    """Open a second listener, SASL_SSL with SCRAM-SHA-512; its address is returned."""
    set_password(kafka, user, password)
    kafka.stop()
    certificate = authority.issue_cert("127.0.0.1")
    keystore = kafka.directory / "broker.pem"
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    keystore.write_bytes(key.private_bytes(  # Java reads PKCS#8 and no other
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()) + b"".join(
            blob.bytes() for blob in certificate.cert_chain_pems))
    file, address = kafka.directory / "server.properties", f"127.0.0.1:{free_port()}"
    lines = [line + (f",SASL_SSL://{address}" if "listeners=" in line else "")
             for line in file.read_text().splitlines()]
    lines += ["listener.security.protocol.map="
              "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
              "inter.broker.listener.name=PLAINTEXT",
              "sasl.enabled.mechanisms=SCRAM-SHA-512",
              "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
              "org.apache.kafka.common.security.scram.ScramLoginModule required;",
              "ssl.keystore.type=PEM", f"ssl.keystore.location={keystore}"]
    file.write_text("\n".join(lines) + "\n")
    kafka.start()
    return address


def sasl_shop(broker: Kafka, receiver: Receiver, unique, secret: Path, password: str) -> Shop:
    """A shop whose broker wants this password; the program finds it in `secret`."""
    authority, ca_file = trustme.CA(), secret.parent / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    address = serve_sasl(broker, authority, "postrider", password)
    shop = Shop(broker, receiver, unique, {"authorization_type": "NONE"})
    shop.config["kafka"]["bootstrap_servers"] = address
    shop.config["kafka"]["properties"] += [
        "security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", "sasl.username=postrider",
        f"sasl.password=${{file:{secret}}}", f"ssl.ca.location={ca_file}"]
    return shop


@pytest.mark.soak
def test_kafka_is_reached_by_sasl_and_tls_with_a_password_from_a_file(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    secret = tmp_path / "kafka-password"
    secret.write_text("sc$am, =pass\n")
    broker: Kafka = own_kafka()
    receiver.on("/crm", lambda r: Reply(400 if b'"n": 7' in r.body else 200))
    shop = sasl_shop(broker, receiver, unique, secret, "sc$am, =pass")
    shop.publish(range(20))
    daemon = postrider(shop.config)
    shop.wait_for_all(20)
    assert len(broker.wait_for_records(shop.letters, 1)) == 1  # the producer has them too
    assert "sc$am" not in daemon.log_text() + daemon.admin("/config") + daemon.admin("/status")
    assert daemon.terminate() == 0


@pytest.mark.soak
def test_changed_file_of_kafka_s_password_is_used_without_a_restart(
        own_kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    secret = tmp_path / "kafka-password"
    secret.write_text("first")
    broker: Kafka = own_kafka()
    receiver.on("/crm", lambda r: Reply(400 if b'"n": 7' in r.body or b'"n": 27' in r.body
                                        else 200))
    shop = sasl_shop(broker, receiver, unique, secret, "first")
    shop.publish(range(20))
    daemon = postrider(shop.config)
    shop.wait_for_all(20)
    set_password(broker, "postrider", "second")
    broker.stop()  # so that nobody goes on with a connection of before
    broker.start()
    secret.write_text("second")
    daemon.wait_for_log("secret_changed.*kafka-password", timeout=10)
    shop.publish(range(20, 40))
    shop.wait_for_all(40)
    assert len(broker.wait_for_records(shop.letters, 2)) == 2  # the producer has it too
    assert set(numbers(receiver.requests("/crm")).values()) == {1}
    assert daemon.terminate() == 0
