# SPDX-License-Identifier: Apache-2.0
"""Access tokens: never wrong, never late, whatever the token server does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Iterator

import pytest

from postrider_test.events import number, numbers, wants
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.oidc import SECRET, Oidc, OidcMissing
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop, connection_status, oauth
from postrider_test.wait import elapse, holds_for, wait_until

TTL_S = 2
RUDE = {
    "500": Reply(500, b"<h1>Oops</h1>"),
    "hang": Reply(hang=True),
    "HTML": Reply(200, b"<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"}),
    "1 MB": Reply(200, b'{"access_token": "' + b"x" * 1_000_000 + b'"}'),
    "CR LF": Reply(200, b'{"access_token": "abc\\r\\nX-Evil: 1", "token_type": "Bearer"}'),
    "close": Reply(200, b'{"access_token": "abc", "token_type": "Bearer"}', cut=70),
}
# What the log has to say of each.
SAYS = {"500": "500", "hang": "time", "HTML": "JSON", "1 MB": "65536|large|more than|long",
        "CR LF": "character|header", "close": "clos|transfer|bytes"}


def start_oidc(directory: Path, ttl: int) -> Oidc:
    try:
        server = Oidc(directory, ttl)
    except OidcMissing as missing:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(missing))
    server.start()
    return server


@pytest.fixture
def oidc(tmp_path: Path) -> Iterator[Oidc]:
    server = start_oidc(tmp_path, TTL_S)
    yield server
    server.kill()


def real_login(oidc: Oidc, method: str = "post") -> dict:
    return oauth(oidc.token_url, client_id=f"client_secret_{method}", client_secret=SECRET,
                 client_auth="body" if method == "post" else "basic")


@pytest.mark.alone
@pytest.mark.parametrize("total, seconds", [
    (600, 3), pytest.param(10_000, 40, marks=[pytest.mark.soak, pytest.mark.timeout(180)])])
def test_expiring_tokens_reach_no_attempt_and_delay_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider, oidc: Oidc,
        total: int, seconds: int) -> None:
    shop = Shop(kafka, receiver, unique, real_login(oidc), ONE_ATTEMPT)
    receiver.on("/crm", oidc.guard)
    daemon = postrider(shop.config)
    shop.publish(range(10))
    shop.wait_for_all(10)
    begin = time.monotonic()
    share = (total - 10) // (10 * seconds)
    sent = 10
    while sent < total:
        count = min(share, total - sent)
        shop.publish(range(sent, sent + count))
        sent += count
        elapse(begin + (sent - 10) / share / 10 - time.monotonic())
    shop.wait_for_all(total)
    took = time.monotonic() - begin
    tokens = len(oidc.issued)
    arrived = sorted(r.at for r in receiver.requests("/crm") if r.at > begin)
    gap = max(b - a for a, b in zip(arrived, arrived[1:]))
    print(f"{total} deliveries in {took:.1f} s: {tokens} tokens, {oidc.refused} refused, "
          f"longest gap {gap * 1000:.0f} ms")
    assert shop.dead_letters() == []
    assert receiver.count("/crm") == total + oidc.refused
    # A token is renewed when half of its life is over.
    assert took / TTL_S <= tokens <= took / (TTL_S / 2) + 2
    wait_until(lambda: daemon.metric("postrider_token_refreshes_total") == tokens)
    assert gap < 0.5


def test_thousand_deliveries_without_a_token_make_one_token_request(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    server = TokenEndpoint(receiver)
    answer = server.answer
    receiver.on("/token", lambda r: Reply(**{**vars(answer(r)), "delay": 1.0}))
    receiver.on("/crm", server.guard(Reply()))
    shop = Shop(kafka, receiver, unique, oauth(server.url), ONE_ATTEMPT)
    shop.config["workers"] = 2
    shop.publish(range(1000))
    postrider(shop.config)
    shop.wait_for_all(1000)
    assert (server.issued, len(server.requests)) == (1, 1)
    assert receiver.count("/crm") == 1000
    assert shop.dead_letters() == []


def test_revoked_token_costs_one_refresh_and_no_attempt(
        kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    server = start_oidc(tmp_path, 3600)
    try:
        shop = Shop(kafka, receiver, unique, real_login(server, "basic"), ONE_ATTEMPT)
        receiver.on("/crm", server.guard)
        daemon = postrider(shop.config)
        shop.publish(range(100))
        shop.wait_for_all(100)
        [token] = server.issued
        server.revoke(token)
        shop.publish(range(100, 300))
        shop.wait_for_all(300)
        assert len(server.issued) == 2
        assert server.refused > 0
        assert receiver.count("/crm") == 300 + server.refused
        assert shop.dead_letters() == []
        assert daemon.log_lines("connection_authorized") != []
    finally:
        server.kill()


@pytest.mark.parametrize("method", ["basic", "post"])
def test_secret_of_awkward_characters_is_taken_by_a_real_server(
        kafka: Kafka, receiver: Receiver, unique, postrider, oidc: Oidc,
        method: str) -> None:
    shop = Shop(kafka, receiver, unique, real_login(oidc, method), ONE_ATTEMPT)
    receiver.on("/crm", oidc.guard)
    shop.publish(range(5))
    postrider(shop.config)
    shop.wait_for_all(5)
    assert oidc.log_lines("^refused") == []


def test_raw_basic_header_is_sent_to_servers_that_want_it(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/token", Reply(200, b'{"access_token": "abc"}'))
    shop = Shop(kafka, receiver, unique, oauth(
        receiver.url("/token"), client_auth="basic_raw", client_secret=SECRET))
    shop.publish(range(1))
    postrider(shop.config)
    shop.wait_for_all(1)
    [request] = receiver.requests("/token")
    assert request.header("Authorization") == "Basic cG9zdHJpZGVyOnMzOmMvcit0ICU="
    assert receiver.requests("/crm")[0].header("Authorization") == "Bearer abc"


@pytest.mark.parametrize("seconds", [
    3, pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(240)])])
def test_rude_token_servers_make_deliveries_wait_and_nothing_else(
        kafka: Kafka, receiver: Receiver, unique, postrider, seconds: int) -> None:
    """Six connections, each with a server that is rude in its own way for a while."""
    shop = Shop(kafka, receiver, unique, {"authorization_type": "NONE"}, ONE_ATTEMPT)
    servers = {}
    for n, (kind, reply) in enumerate(RUDE.items()):
        servers[kind] = TokenEndpoint(receiver, f"/token{n}")
        receiver.on(f"/token{n}", reply)
        receiver.on(f"/api{n}", servers[kind].guard(Reply()))
        shop.config.connection(f"login{n}", **oauth(servers[kind].url, timeout=1))
        shop.config.destination(f"api{n}", receiver.url(f"/api{n}"), connection=f"login{n}")
        shop.config.rule(f"rule{n}", "shop", wants("sale"),
                         {"destination": f"api{n}", **ONE_ATTEMPT})
    shop.publish(range(100))
    daemon = postrider(shop.config)
    for n, kind in enumerate(RUDE):
        line = daemon.wait_for_log(f"connection_deauthorized.*connection=login{n} ")
        state = connection_status(daemon, f"api{n}")
        assert any(word in line for word in SAYS[kind].split("|")), line
        assert state["state"] == "DEAUTHORIZED"
        assert state["reason"] and state["reason"] in line.replace('\\"', '"')
    assert holds_for(lambda: receiver.count("/api*") == 0, seconds)
    assert len(daemon.log_lines("connection_deauthorized")) == len(RUDE)  # once each
    for n, kind in enumerate(RUDE):
        assert daemon.metric("postrider_connection_authorized", connection=f"login{n}") == 0
        # Its own back-off: 1, 2, 4 s…, each less up to a half.
        assert 1 <= receiver.count(f"/token{n}") <= 3 + seconds // 2

    for n, kind in enumerate(RUDE):
        receiver.on(f"/token{n}", servers[kind].answer)
    for n, kind in enumerate(RUDE):
        receiver.wait_for(100, f"/api{n}", timeout=90)
        kafka.wait_for_lag(f"{shop.consumer_group}.api{n}", shop.topic)
        assert numbers(receiver.requests(f"/api{n}")) == dict.fromkeys(range(100), 1)
        assert servers[kind].issued == 1
        assert connection_status(daemon, f"api{n}")["state"] == "AUTHORIZED"
    assert len(daemon.log_lines("connection_authorized")) == len(RUDE)
    assert shop.dead_letters() == []


def test_refused_client_is_told_in_the_servers_words_without_the_secret(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    reply = {"error": "invalid_client", "error_description": "no such client: t0psecret"}
    receiver.on("/token", Reply(401, json.dumps(reply).encode()))
    shop = Shop(kafka, receiver, unique,
                oauth(receiver.url("/token"), client_secret="t0psecret"))
    shop.publish(range(1))
    daemon = postrider(shop.config)
    line = daemon.wait_for_log("connection_deauthorized")
    assert "invalid_client" in line and "no such client: ***" in line
    assert "t0psecret" not in daemon.log_text() + daemon.admin("/status")


def test_no_token_until_the_age_is_over_ends_as_no_permissions(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/token", Reply(503))
    shop = Shop(kafka, receiver, unique, oauth(receiver.url("/token")),
                {"retry_policy": {"maximum_event_age": 3}})
    shop.publish(range(3))
    postrider(shop.config)
    letters = kafka.wait_for_records(shop.letters, 3)
    for letter in letters:
        assert letter.header("ERROR_CODE") == b"NO_PERMISSIONS"
        assert b"503" in (letter.header("ERROR_MESSAGE") or b"")
        assert letter.header("RETRY_ATTEMPTS") in (None, b"0")
    assert receiver.count("/crm") == 0


def test_fresh_token_refused_too_is_an_attempt(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    server = TokenEndpoint(receiver)
    receiver.on("/crm", lambda r: Reply(401 if number(r) < 3 else 200))
    shop = Shop(kafka, receiver, unique, oauth(server.url),
                {"retry_policy": {"maximum_retry_attempts": 1}})
    shop.publish(range(3))
    postrider(shop.config)
    letters = kafka.wait_for_records(shop.letters, 3)
    assert {letter.header("HTTP_STATUS") for letter in letters} == {b"401"}
    # One more at no cost, then two attempts; and the token server is not beleaguered.
    assert receiver.count("/crm") <= 3 * 4
    assert server.issued <= 3
