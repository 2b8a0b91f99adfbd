# SPDX-License-Identifier: Apache-2.0
"""Names of headers by the places where one may be configured: what `postrider check` says of each."""

from __future__ import annotations

import subprocess

import pytest

from postrider_test.postrider import BINARY

TRANSPORT = ["Connection", "Content-Length", "Expect", "Host", "HTTP2-Settings", "Keep-Alive",
             "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade"]
NO_NAMES = ["X Y", "X:", "X\\r\\nY", "(x)", "X-\u00c4"]
OURS = ["Content-Type", "User-Agent", "traceparent", "tracestate"]

PLACES = {
    "api_key_name": "connection 'key': api_key_name: ",
    "connection's parameter": "connection 'none': invocation_http_parameters.header_parameters.",
    "target's parameter": "rule 'r' target 't': header_parameters.",
    "idempotency_header": "destination 'named': idempotency_header: ",
    "token request": "connection 'oauth': oauth_http_parameters.header_parameters.",
    "collector": "tracing.header_parameters.",
}

CONFIGURATION = """
kafka = {{ bootstrap_servers = "localhost:9092"; }};
tracing = {{ otlp_endpoint = "{collector}"; header_parameters = ( {{ key = "{collector_header}"; value = "{value}"; }} ); }};
consumers = {{ c = {{ topics = [ "orders" ]; group_id = "g"; }}; }};
connections = {{
  key = {{ authorization_type = "API_KEY"; api_key_name = "{api_key}"; api_key_value = "secret"; }};
  none = {{ authorization_type = "NONE";
    invocation_http_parameters = {{ header_parameters = ( {{ key = "{connection}"; value = "1"; }} ); }}; }};
  bare = {{ authorization_type = "NONE"; }};
  webhooks = {{ authorization_type = "STANDARD_WEBHOOKS";
    signing_keys = [ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" ]; }};
  oauth = {{ authorization_type = "OAUTH_CLIENT_CREDENTIALS"; client_id = "i"; client_secret = "s";
    authorization_endpoint = "https://login.example.com/";
    oauth_http_parameters = {{ header_parameters = ( {{ key = "{token}"; value = "1"; }} ); }}; }};
}};
destinations = {{
  key = {{ connection = "key"; endpoint = "https://api.example.com/"; }};
  plain = {{ connection = "none"; endpoint = "https://api.example.com/"; }};
  bare = {{ connection = "bare"; endpoint = "https://api.example.com/"; }};
  named = {{ connection = "{named_connection}"; endpoint = "https://api.example.com/";
    idempotency_header = "{idempotency}"; }};
  oauth = {{ connection = "oauth"; endpoint = "https://api.example.com/"; }};
}};
rules = {{ r = {{ consumer = "c"; event_pattern = {{ a = [ 1 ]; }};
  targets = ( {{ id = "p"; destination = "plain"; }}, {{ id = "t"; destination = "bare";
      http_parameters = {{ header_parameters = ( {{ key = "{target}"; value = "1"; }} ); }}; }},
    {{ id = "k"; destination = "key"; }}, {{ id = "n"; destination = "named"; }},
    {{ id = "o"; destination = "oauth"; }} ); }}; }};
"""


def check(tmp_path, **names: str) -> list[str]:
    """The lines that `check` says of a configuration with these names in these places."""
    given = {"collector": "https://collector.example.com/", "collector_header": "X-A", "value": "1",
             "api_key": "X-B", "connection": "X-C", "token": "X-D", "idempotency": "X-E",
             "named_connection": "none", "target": "X-F", **names}
    path = tmp_path / "conf"
    path.write_text(CONFIGURATION.format(**given), "utf-8")
    path.chmod(0o600)
    result = subprocess.run([BINARY, "check", "-c", path], capture_output=True, timeout=30, check=False)
    return result.stderr.decode().splitlines()


def faults(lines: list[str], place: str) -> list[str]:
    return [line for line in lines if PLACES[place] in line and not line.startswith("warning:")]


@pytest.mark.parametrize("name", TRANSPORT + NO_NAMES)
def test_a_name_of_the_transport_and_what_is_no_name_is_refused_in_every_place(name, tmp_path):
    lines = check(tmp_path, api_key=name, connection=name, target=name, idempotency=name, token=name,
                  collector_header=name)
    for place in PLACES:
        assert len(faults(lines, place)) >= 1, (place, lines)
        assert all(":" in line and "conf:" in line for line in faults(lines, place))


@pytest.mark.parametrize("name", OURS)
def test_no_key_and_no_id_stands_where_postrider_has_a_header_of_its_own(name, tmp_path):
    lines = check(tmp_path, api_key=name.lower(), idempotency=name.upper())
    assert faults(lines, "api_key_name") and faults(lines, "idempotency_header")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_signers_own_headers_are_its_own(name, tmp_path):
    lines = check(tmp_path, idempotency=name, named_connection="webhooks")
    assert faults(lines, "idempotency_header")


def test_sound_names_pass(tmp_path):
    assert not [line for line in check(tmp_path) if not line.startswith("warning:") and ": ok" not in line]


def test_what_a_collector_gets_is_one_line_and_not_in_the_clear(tmp_path):
    lines = check(tmp_path, value="a\\nX-Smuggled: 1")
    assert faults(lines, "collector")
    lines = check(tmp_path, collector="http://collector.example.com/")
    assert [line for line in lines if line.startswith("warning:") and "unencrypted" in line]
    assert faults(check(tmp_path, collector_header="content-type"), "collector")
    assert not [line for line in check(tmp_path, collector="http://127.0.0.1:4318/") if "unencrypted" in line]
