# SPDX-License-Identifier: Apache-2.0
"""A real OAuth 2 authorisation server (tests/integration/oidc), and an API that trusts it."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path

from .http_server import Reply, Request
from .postrider import ROOT
from .process import Process
from .wait import free_port

# Characters that RFC 6749, 2.3.1 wants form-urlencoded in a Basic header.
SECRET = "s3:c/r+t %"


class OidcMissing(Exception):
    """The server cannot be had here; the text says why."""


@cache
def installation() -> Path:
    done = subprocess.run([ROOT / "scripts/oidc.sh"], capture_output=True, text=True)
    if done.returncode:
        raise OidcMissing(done.stderr.strip() or f"scripts/oidc.sh: status {done.returncode}")
    return Path(done.stdout.strip())


class Oidc(Process):
    """Its tokens live `ttl` seconds; it counts in whole ones, so one may live a second less.
    Clients: "client_secret_post", "client_secret_basic", both with SECRET."""

    def __init__(self, directory: Path, ttl: int):
        self.port = free_port()
        super().__init__(["node", str(installation() / "server.mjs"), str(self.port), str(ttl),
                          SECRET], directory / "oidc.log")
        self._lock = threading.Lock()
        self._ends: dict[str, int] = {}
        self.refused = 0  # requests to the API with a token that was not good

    def start(self) -> None:
        super().start()
        self.wait_for_log("^ready$")

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    @property
    def issued(self) -> list[str]:
        """All tokens given out, in that order."""
        return [line.split()[1] for line in self.log_lines("^issued ")]

    def _ask(self, path: str, token: str) -> str:
        secret = base64.b64encode(
            f"client_secret_basic:{urllib.parse.quote_plus(SECRET)}".encode()).decode()
        request = urllib.request.Request(
            self.token_url + path, urllib.parse.urlencode({"token": token}).encode(),
            {"Authorization": f"Basic {secret}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def revoke(self, token: str) -> None:
        self._ask("/revocation", token)
        with self._lock:
            self._ends.pop(token, None)

    def accepts(self, request: Request) -> bool:
        """As an API does it: introspected when first seen, then good until it ends."""
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        if scheme != "Bearer":
            return False
        with self._lock:
            end = self._ends.get(token)
        if end is None:
            told = json.loads(self._ask("/introspection", token))
            end = told["exp"] if told["active"] else 0
            with self._lock:
                self._ends[token] = end
        return int(time.time()) < end

    def guard(self, request: Request) -> Reply:
        """A handler: 200, or 401 without a token that is good now."""
        if self.accepts(request):
            return Reply()
        self.refused += 1
        return Reply(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
