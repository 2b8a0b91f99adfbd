# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on asyncio, just enough of it, and quick: some 10,000 requests a second.

The server reads a request whole, asks `handle` what to do and does it: answers, answers
later, never, or breaks the connection. Requests of one connection are taken one at a time.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Callable
from urllib.parse import parse_qsl, urlsplit

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Request:
    """One request as it came in. Header names keep the sender's spelling in `headers`."""

    __slots__ = ("method", "target", "headers", "body", "at", "connection", "number")

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes,
                 connection: int, number: int):
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.at = time.monotonic()
        self.connection = connection
        self.number = number  # 1 for the first on its path

    @property
    def path(self) -> str:
        """The path as it was sent, percent-encoding and all, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case; None without."""
        name = name.lower()
        return next((v for n, v in self.headers if n.lower() == name), None)

    def __repr__(self) -> str:
        return f"<{self.method} {self.target} {self.body[:80]!r}>"


class Hold:
    """Requests answered with `Reply(hold=…)` hang until `release` is called, by any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._actions: list[Callable[[], object]] = []
        self._released = False

    @property
    def waiting(self) -> int:
        """How many requests hang now."""
        return len(self._actions)

    def add(self, action: Callable[[], object]) -> None:
        if self._released:
            action()
        else:
            self._loop = asyncio.get_running_loop()
            self._actions.append(action)

    def release(self) -> None:
        """Answer all that hang, and from now on at once."""
        if self._loop:
            self._loop.call_soon_threadsafe(self._run)
        else:
            self._released = True

    def _run(self) -> None:
        self._released = True
        actions, self._actions = self._actions, []
        for action in actions:
            action()


@dataclass
class Reply:
    """What a request gets."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0          # seconds before the answer
    hold: Hold | None = None    # answered only when it is released
    hang: bool = False          # never answered; the connection stays open
    reset: bool = False         # no answer, a TCP reset instead
    close: bool = False         # answered, then the connection is closed
    cut: int | None = None      # only answer[:cut] is sent, then the connection closed

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        names = {name.lower() for name in self.headers}
        if "content-length" not in names and self.status not in (204, 304):
            lines.append(f"Content-Length: {len(self.body)}")
        if self.close:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, handle: Callable[[str, str, list[tuple[str, str]], bytes, int], Reply],
                 number: int, connections: set["Connection"]):
        self._handle = handle
        self._number = number
        self._connections = connections
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._busy = False
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._busy and self._take_request():
            pass

    def _take_request(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in
                   (line.partition(":") for line in lines)]
        length, chunked = 0, False
        for name, value in headers:
            lower = name.lower()
            if lower == "content-length":
                length = int(value)
            elif lower == "transfer-encoding":
                chunked = "chunked" in value.lower()
            elif lower == "expect" and not self._continued:
                self._continued = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        start = end + 4
        if chunked:
            body, stop = _dechunk(self._buffer, start)
        else:
            stop = start + length
            body = bytes(self._buffer[start:stop]) if len(self._buffer) >= stop else None
        if body is None:
            return False
        del self._buffer[:stop]
        self._continued = False
        self._answer(self._handle(method, target, headers, body, self._number))
        return True

    def _answer(self, reply: Reply) -> None:
        self._busy = True
        if reply.hang:
            return
        if reply.hold:
            reply.hold.add(lambda: self._finish(reply))
        elif reply.delay > 0:
            asyncio.get_running_loop().call_later(reply.delay, self._finish, reply)
        else:
            self._finish(reply)

    def _finish(self, reply: Reply) -> bool:
        """Whether the client was still there."""
        self._busy = False
        if self._transport.is_closing():
            return False
        if reply.reset:
            self.reset()
            return True
        data = reply.encode()
        self._transport.write(data[:reply.cut])
        if reply.close or reply.cut is not None:
            self._transport.close()
        elif self._buffer:
            self.data_received(b"")
        return True

    def reset(self) -> None:
        """Break the connection with a TCP reset."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        """Close it as a server does that has waited long enough for a next request."""
        self._transport.close()


def _dechunk(buffer: bytearray, start: int) -> tuple[bytes | None, int]:
    """The body of a chunked request and where it ends; None: not all there yet."""
    body = b""
    while (line_end := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:line_end].split(b";")[0], 16)
        start = line_end + 2
        if len(buffer) < start + size + 2:
            break
        body += buffer[start:start + size]
        start += size + 2
        if size == 0:
            return body, start
    return None, start
