# SPDX-License-Identifier: Apache-2.0
"""An OAuth 2 token endpoint on a receiver, for the client credentials grant.

It gives out opaque tokens, knows which are good, and counts. To fail now and then, script
its path: `receiver.script("/token", [Reply(500)])`.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Callable
from urllib.parse import parse_qsl, unquote_plus

from .receiver import Receiver, Reply, Request


class TokenEndpoint:
    """Client id and secret are taken from the body or from a Basic header (RFC 6749 2.3.1)."""

    def __init__(self, receiver: Receiver, path: str = "/token", client_id: str = "postrider",
                 client_secret: str = "s3cret", expires_in: float | None = 3600):
        self.url = receiver.url(path)
        self.client_id = client_id
        self.client_secret = client_secret
        self.expires_in = expires_in
        self.issued = 0           # tokens given out
        self.refused = 0          # requests with wrong credentials or another grant
        self.requests: list[dict[str, str]] = []  # the parameters of every request
        self._lock = threading.Lock()
        self._good: dict[str, float] = {}
        receiver.on(path, self.answer)

    def answer(self, request: Request) -> Reply:
        """The handler of the token path."""
        parameters = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.requests.append(parameters)
        if parameters.get("grant_type") != "client_credentials":
            return self._refuse(400, "unsupported_grant_type")
        if self._credentials(request, parameters) != (self.client_id, self.client_secret):
            return self._refuse(401, "invalid_client")
        answer: dict[str, object] = {"access_token": self._issue(), "token_type": "Bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        return _json(200, answer)

    @staticmethod
    def _credentials(request: Request, parameters: dict[str, str]) -> tuple[str, str]:
        scheme, _, value = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() == "basic":
            name, _, secret = base64.b64decode(value).decode().partition(":")
            return unquote_plus(name), unquote_plus(secret)
        return parameters.get("client_id", ""), parameters.get("client_secret", "")

    def _refuse(self, status: int, error: str) -> Reply:
        self.refused += 1
        return _json(status, {"error": error})

    def _issue(self) -> str:
        with self._lock:
            self.issued += 1
            token = f"token-{self.issued}"
            self._good[token] = time.monotonic() + (self.expires_in or 1e9)
            return token

    def revoke_all(self) -> None:
        """No token given out so far is good any more."""
        with self._lock:
            self._good.clear()

    def accepts(self, request: Request) -> bool:
        """The request bears a token that is good now."""
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        with self._lock:
            return scheme == "Bearer" and self._good.get(token, 0) > time.monotonic()

    def guard(self, answer: Reply | Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """A handler: 401 without a good token, otherwise `answer`."""
        def handle(request: Request) -> Reply:
            if not self.accepts(request):
                return Reply(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
            return answer(request) if callable(answer) else answer

        return handle


def _json(status: int, value: dict[str, object]) -> Reply:
    return Reply(status, json.dumps(value).encode(),
                 {"Content-Type": "application/json", "Cache-Control": "no-store"})
