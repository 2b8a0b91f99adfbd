# SPDX-License-Identifier: Apache-2.0
"""The samples in etc/samples: their own tests, and each against a receiver that demands what the
real API documents.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable

import pytest

from postrider_test.embedded import Embedded
from postrider_test.postrider import ROOT, Postrider, command
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.tls import Authority

SAMPLES = ROOT / "etc/samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir())
SECRET = "s3cret-of-the-sample"


def json_of(request: Request) -> Any:
    assert (request.header("Content-Type") or "").startswith("application/json")
    return json.loads(request.body)


def bearer(request: Request) -> None:
    assert request.header("Authorization") == f"Bearer {SECRET}"


def slack(request: Request) -> None:
    """https://api.slack.com/methods/chat.postMessage"""
    bearer(request)
    body = json_of(request)
    assert (request.method, request.path) == ("POST", "/api/chat.postMessage")
    assert body["channel"] == "#orders" and body["text"].startswith("Order A-")


def hubspot(request: Request) -> None:
    """https://developers.hubspot.com/docs/api/crm/contacts: batch upsert"""
    bearer(request)
    assert (request.method, request.path) == ("POST", "/crm/v3/objects/contacts/batch/upsert")
    (contact,) = json_of(request)["inputs"]
    assert contact["idProperty"] == "email" and contact["id"] == contact["properties"]["email"]


def salesforce(request: Request) -> None:
    """sObject rows by external id: PATCH, and only fields in the body"""
    assert request.header("Authorization") == "Bearer token-of-the-sample"
    assert request.method == "PATCH"
    assert re.fullmatch(r"/services/data/v60\.0/sobjects/Account/External_Id__c/[^/]+", request.path)
    assert set(json_of(request)) == {"Name", "Website"}


def stripe(request: Request) -> None:
    """https://docs.stripe.com/api/payment_intents/create: a form, and an Idempotency-Key"""
    bearer(request)
    assert (request.method, request.path) == ("POST", "/v1/payment_intents")
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.header("Idempotency-Key")
    assert b"amount=" in request.body and b"metadata%5Binvoice%5D=" in request.body


def warehouse(request: Request) -> None:
    assert (request.method, request.target) == ("PUT", "/events?from=kafka")
    assert request.header("X-Sku") == json_of(request)["sku"]


def pagerduty(request: Request) -> None:
    """https://developer.pagerduty.com/docs/events-api-v2: routing_key in the body, no credential header"""
    body = json_of(request)
    assert (request.method, request.path) == ("POST", "/v2/enqueue")
    assert body["routing_key"] == SECRET and body["event_action"] == "trigger"
    assert set(body["payload"]) == {"summary", "source", "severity"}
    assert request.header("Authorization") is None


def shopify(request: Request) -> None:
    """https://shopify.dev/docs/api/admin-graphql: a query and its variables"""
    assert request.header("X-Shopify-Access-Token") == SECRET
    body = json_of(request)
    assert (request.method, request.path) == ("POST", "/admin/api/2025-01/graphql.json")
    assert body["query"].startswith("mutation") and body["variables"]["input"]["email"]


def elasticsearch(request: Request) -> None:
    """https://www.elastic.co/docs/api/doc/elasticsearch: create a document with this id"""
    assert request.header("Authorization") == f"ApiKey {SECRET}"
    assert request.method == "PUT"
    assert request.path == f"/orders/_create/{json_of(request)['orderId']}"


DEMANDS: dict[str, Callable[[Request], None]] = {
    "slack": slack, "hubspot": hubspot, "crm-oauth": salesforce, "payment-form": stripe,
    "internal-mtls": warehouse, "pagerduty": pagerduty, "shopify": shopify,
    "elasticsearch": elasticsearch,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_samples_own_tests_pass(name: str) -> None:
    done = command("check", "--no-secrets", "-c", SAMPLES / name / "postrider.cfg",
                   "--tests", SAMPLES / name / "tests.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r" [3-9] passed, 0 failed", done.stdout)


def token_endpoint(request: Request) -> Reply:
    assert b"grant_type=client_credentials" in request.body and SECRET.encode() in request.body
    return Reply(200, json.dumps({"access_token": "token-of-the-sample", "token_type": "Bearer"}).encode())


def localise(text: str, receiver: Receiver, bootstrap: str, topic: str, files: dict[str, Path]) -> str:
    """The sample with the receiver in the API's place."""
    text = text.replace("localhost:9092", bootstrap)
    text = re.sub(r'topics = \[ "\w+" \]; group_id = "postrider"',
                  f'topics = [ "{topic}" ]; group_id = "{topic}"', text)
    text = re.sub(r'(endpoint = ")https://[^/"]+', rf'\g<1>{receiver.url()}', text)
    if not receiver.url().startswith("https"):
        text = re.sub(r'(\n\s+(?:authorization_)?endpoint = ")', r'\n    allow_http = true;\1', text)
    for path, real in files.items():
        text = text.replace(path, str(real))
    # Several run at once; the listener's own port is one.
    return re.sub(r"\$\{file:[^}]+\}", SECRET, text) + 'admin = { listen = "none"; };\n'


def deliver(name: str, receiver: Receiver, embedded: Embedded, unique: Callable[[str], str],
            postrider: Callable[..., Postrider], files: dict[str, Path]) -> list[Request]:
    topic = unique(name)
    tests = json.loads((SAMPLES / name / "tests.json").read_text())
    wanted = sum(1 for test in tests if test["expect"])
    embedded.wait_for_topic(topic)
    embedded.produce(topic, [json.dumps(test["event"]).encode() for test in tests])
    postrider(localise((SAMPLES / name / "postrider.cfg").read_text(), receiver, embedded.bootstrap,
                       topic, files))

    def api(requests: list[Request]) -> list[Request]:
        return [r for r in requests if "oauth2" not in r.path]

    return api(receiver.wait_for(lambda requests: len(api(requests)) >= wanted, "/*", timeout=90))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "internal-mtls"])
def test_a_sample_sends_what_the_api_documents(
        name: str, receiver: Receiver, embedded: Embedded, unique: Callable[[str], str],
        postrider: Callable[..., Postrider]) -> None:
    receiver.on("/services/oauth2/token", token_endpoint)
    requests = deliver(name, receiver, embedded, unique, postrider, {})
    assert requests
    for request in requests:
        DEMANDS[name](request)


def test_the_mutual_tls_sample_shows_its_certificate(
        embedded: Embedded, unique: Callable[[str], str], postrider: Callable[..., Postrider],
        authority: Authority) -> None:
    certificate, key = authority.files("postrider")
    receiver = Receiver(tls=authority.server_context(client_certificate=True))
    receiver.start()
    try:
        requests = deliver("internal-mtls", receiver, embedded, unique, postrider, {
            "/etc/postrider/ca.pem": authority.ca_file, "/etc/postrider/client.pem": certificate,
            "/etc/postrider/client.key": key})
        for request in requests:
            warehouse(request)
    finally:
        receiver.shutdown()
