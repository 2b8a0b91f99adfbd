# SPDX-License-Identifier: Apache-2.0
"""An HTTP API for tests: it answers as the test says and remembers what it was sent.

It runs in a thread of this process. What a path does, in the order of asking:

    receiver.script("/orders", [Reply(503), Reply(503)])     # the next requests, one each
    receiver.on("/orders", lambda request: Reply(201))       # then this, for every request
                                                             # and otherwise 200 with no body

A path ending in "*" stands for all that begin so; the longest wins. What happened:

    receiver.wait_for(10, "/orders")                         # that many requests have come
    receiver.requests("/orders")[0].header("Authorization")
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter, deque
from typing import Callable, Iterable

from .http_server import Connection, Hold, Reply, Request
from .wait import wait_until

__all__ = ["Hold", "Receiver", "Reply", "Request"]

Handler = Callable[[Request], Reply]

_OK = Reply()


class Receiver:
    """Start it, script it, ask it. With `tls` it serves HTTPS under that context."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1",
                 port: int = 0):
        self.host = host
        self.port = port  # 0 until it is started: any
        self._tls = tls
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._counts: Counter[str] = Counter()
        self._scripts: dict[str, deque[Reply]] = {}
        self._handlers: dict[str, Handler] = {}
        self._connections: set[Connection] = set()
        self._accepted = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        """Close the listener and every connection: a connect is refused from now on."""
        self._call(self._close())

    def shutdown(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            self._accept, self.host, self.port, ssl=self._tls, reuse_address=True, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.close()

    def _accept(self) -> Connection:
        self._accepted += 1
        return Connection(self._handle, self._accepted, self._connections)

    # What it does

    def url(self, path: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}{path}"

    def script(self, path: str, replies: Iterable[Reply]) -> None:
        """The next requests to `path` get these, one each, before any handler is asked."""
        with self._lock:
            self._scripts.setdefault(path, deque()).extend(replies)

    def on(self, path: str, answer: Handler | Reply) -> None:
        """Every request to `path` gets this Reply, or what the function makes of it.

        The function runs in the receiver's thread, so it must not wait for anything.
        """
        with self._lock:
            self._handlers[path] = answer if callable(answer) else lambda _: answer

    def hold(self, path: str, reply: Reply | None = None) -> Hold:
        """Requests to `path` hang until the Hold is released, then get `reply`."""
        reply = reply or Reply()
        reply.hold = Hold()
        self.on(path, reply)
        return reply.hold

    def reset_connections(self) -> None:
        """Break every open connection."""
        self._loop.call_soon_threadsafe(
            lambda: [connection.reset() for connection in list(self._connections)])

    def close_connections(self) -> None:
        """Close every open connection as a server does that is tired of keeping it."""
        self._loop.call_soon_threadsafe(
            lambda: [connection.close() for connection in list(self._connections)])

    def _handle(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes,
                connection: int) -> Reply:
        path = target.partition("?")[0]
        with self._lock:
            self._counts[path] += 1
            request = Request(method, target, headers, body, connection, self._counts[path])
            self._requests.append(request)
            script = self._match(self._scripts, path)
            if script:
                return script.popleft()
            handler = self._match(self._handlers, path)
        return handler(request) if handler else _OK

    @staticmethod
    def _match(table: dict, path: str):
        found = table.get(path)
        if found is not None or not table:
            return found
        fits = [p for p in table if p.endswith("*") and path.startswith(p[:-1])]
        return table[max(fits, key=len)] if fits else None

    # What happened

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    @property
    def accepted(self) -> int:
        """How many connections were ever made."""
        return self._accepted

    def requests(self, path: str | None = None) -> list[Request]:
        """All requests so far, in the order of arrival; `path` may end in "*"."""
        with self._lock:
            if path is None:
                return list(self._requests)
            if path.endswith("*"):
                return [r for r in self._requests if r.path.startswith(path[:-1])]
            return [r for r in self._requests if r.path == path]

    def forget(self) -> list[Request]:
        """All requests so far, for the last time: only their numbers by path are kept."""
        with self._lock:
            requests, self._requests = self._requests, []
            return requests

    def count(self, path: str | None = None) -> int:
        with self._lock:
            if path is None:
                return self._counts.total()
            if path.endswith("*"):
                return sum(n for p, n in self._counts.items() if p.startswith(path[:-1]))
            return self._counts[path]

    def bodies(self, path: str | None = None) -> list[bytes]:
        return [request.body for request in self.requests(path)]

    def wait_for(self, what: int | Callable[[list[Request]], object], path: str | None = None,
                 timeout: float = 30.0) -> list[Request]:
        """Wait for a number of requests, or until the function of them is truthy."""
        if callable(what):
            wait_until(lambda: what(self.requests(path)), timeout,
                       lambda: f"as wished at {path}: {self.requests(path)[:20]}")
        else:
            wait_until(lambda: self.count(path) >= what, timeout,
                       lambda: f"{what} requests at {path}, there are {self.count(path)}: "
                               f"{dict(self._counts)}")
        return self.requests(path)
