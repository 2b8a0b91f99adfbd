# SPDX-License-Identifier: Apache-2.0
"""TLS: verified as configured, and clear about what does not verify. And proxies."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Callable, Iterator

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postrider_test.events import numbers, wants
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop, oauth
from postrider_test.tls import Authority
from postrider_test.wait import holds_for

NONE = {"authorization_type": "NONE"}
# What is wrong, and what has to be said of it.
WRONG = {
    "expired": "expired",
    "wronghost": "127.0.0.1",
    "selfsigned": "self.signed",
    "unknownauthority": "unable to get local issuer|unknown",
    "noclientcertificate": "asks for a client certificate",
}


@pytest.fixture
def serve() -> Iterator[Callable[[ssl.SSLContext], Receiver]]:
    """A function that starts an HTTPS server under a context."""
    started: list[Receiver] = []

    def start(context: ssl.SSLContext) -> Receiver:
        server = Receiver(tls=context)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()


def self_signed(context: ssl.SSLContext, directory: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    cert_file, key_file = directory / "self.pem", directory / "self.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    context.load_cert_chain(cert_file, key_file)


def wrong_context(kind: str, authority: trustme.CA, directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "expired":
        past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        authority.issue_cert("127.0.0.1", not_after=past).configure_cert(context)
    elif kind == "wronghost":
        authority.issue_cert("other.example.com").configure_cert(context)
    elif kind == "selfsigned":
        self_signed(context, directory)
    elif kind == "unknownauthority":
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    else:
        authority.issue_cert("127.0.0.1").configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return context


def test_wrong_certificates_are_told_of_and_wait_until_they_are_right(
        kafka: Kafka, receiver: Receiver, unique, postrider, serve, tmp_path: Path) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    contexts = {kind: wrong_context(kind, authority, tmp_path) for kind in WRONG}
    servers = {kind: serve(context) for kind, context in contexts.items()}
    shop = Shop(kafka, receiver, unique, NONE)
    for kind, server in servers.items():
        shop.config.destination(kind, server.url("/crm"), connection="login",
                                ca_file=str(ca_file))
        shop.config.rule(kind, "shop", wants("sale"), {
            "destination": kind, "retry_policy": {"maximum_retry_attempts": 50}})
    shop.publish(range(20))
    daemon = postrider(shop.config)
    for kind, words in WRONG.items():
        # The breaker has opened: it was the site's fault, not the events'.
        line = daemon.wait_for_log(f"destination_open .*destination={kind} .*last=.*({words})")
        print(line)
        assert "certificate" in line.lower() or "handshake" in line or "SSL" in line
    assert holds_for(lambda: not any(s.count() for s in servers.values()), 1.0)
    assert shop.dead_letters() == []
    shop.wait_for_all(20)

    for kind, context in contexts.items():
        authority.issue_cert("127.0.0.1").configure_cert(context)
        context.verify_mode = ssl.CERT_NONE
    for kind, server in servers.items():
        server.wait_for(20, "/crm", timeout=60)
        assert numbers(server.requests("/crm")) == dict.fromkeys(range(20), 1)
        daemon.wait_for_log(f"destination_closed .*destination={kind} ", timeout=30)
    assert shop.dead_letters() == []


def test_private_authority_and_client_certificate_serve_api_and_token_server(
        kafka: Kafka, receiver: Receiver, unique, postrider, serve, authority: Authority) -> None:
    certificate, key = authority.files("postrider")
    server = serve(authority.server_context("127.0.0.1", client_certificate=True))
    tokens = TokenEndpoint(server)
    server.on("/crm", tokens.guard(Reply()))
    files = {"ca_file": str(authority.ca_file), "client_certificate_file": str(certificate),
             "client_key_file": str(key)}
    shop = Shop(kafka, server, unique, {**oauth(tokens.url, **files), "allow_http": False},
                ONE_ATTEMPT, **files)
    shop.config["destinations"]["crm"]["allow_http"] = False
    shop.publish(range(50))
    postrider(shop.config)
    shop.wait_for_all(50)
    assert tokens.issued == 1
    assert shop.dead_letters() == []


def test_replaced_client_certificate_is_shown_by_the_next_connection(
        kafka: Kafka, receiver: Receiver, unique, postrider, serve, tmp_path: Path) -> None:
    old, new = Authority(tmp_path), trustme.CA()
    certificate, key = old.files("client")
    context = old.server_context("127.0.0.1", client_certificate=True)
    server = serve(context)
    shop = Shop(kafka, server, unique, NONE, ca_file=str(old.ca_file),
                client_certificate_file=str(certificate), client_key_file=str(key))
    shop.publish(range(10))
    postrider(shop.config)
    shop.wait_for_all(10)
    # From now on only certificates of the new authority are taken, on new connections.
    fresh = new.issue_cert("client")
    certificate.write_bytes(b"".join(blob.bytes() for blob in fresh.cert_chain_pems))
    key.write_bytes(fresh.private_key_pem.bytes())
    server.stop()
    context = old.server_context("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    new.configure_trust(context)
    server._tls = context
    server.start()
    shop.publish(range(10, 30))
    shop.wait_for_all(30)
    assert shop.dead_letters() == []


def test_skipping_verification_works_and_is_warned_of_at_the_start(
        kafka: Kafka, receiver: Receiver, unique, postrider, serve, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    self_signed(context, tmp_path)
    server = serve(context)
    shop = Shop(kafka, server, unique, NONE, insecure_skip_verify=True)
    shop.publish(range(5))
    daemon = postrider(shop.config)
    shop.wait_for_all(5)
    assert "crm" in daemon.log_lines("level=warn.*insecure_skip_verify|warning: .*insecure_skip_verify")[0]


def test_proxy_is_used_when_configured_and_never_from_the_environment(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    stray = {name: "http://127.0.0.1:9" for name in
             ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    shop = Shop(kafka, receiver, unique, NONE, ONE_ATTEMPT)
    shop.config.destination("far", "http://api.invalid/far", connection="login",
                            proxy=receiver.url().replace("//", "//joe:s3cret@"))
    shop.config.rule("far", "shop", wants("sale"), {"destination": "far", **ONE_ATTEMPT})
    shop.publish(range(10))
    postrider(shop.config, env=stray)
    shop.wait_for_all(10)
    received = receiver.wait_for(10, "/far")
    tunnels = receiver.requests("api.invalid:80")  # what the proxy was asked for
    assert {r.method for r in tunnels} == {"CONNECT"}
    assert {r.header("Proxy-Authorization") for r in tunnels} == {"Basic am9lOnMzY3JldA=="}
    assert {r.header("Proxy-Authorization") for r in received} == {None}
    assert shop.dead_letters() == []
