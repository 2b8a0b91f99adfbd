# SPDX-License-Identifier: Apache-2.0
"""A server that does to a connection whatever a test says: bytes, silence, resets."""

from __future__ import annotations

import re
import socket
import struct
import threading
from typing import Callable

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Talk:
    """One connection. Sends do not fail when the client has gone."""

    def __init__(self, connection: socket.socket, number: int):
        self.number = number  # of the connection, from 0
        self._socket = connection
        self._left = b""

    def request(self) -> bytes | None:
        """The next request, whole; None when there is none."""
        while b"\r\n\r\n" not in self._left:
            if not self._more():
                return None
        head, _, rest = self._left.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
        length = int(found[1]) if found else 0
        while len(rest) < length:
            if not self._more():
                return None
            rest = self._left.partition(b"\r\n\r\n")[2]
        self._left = rest[length:]
        return head + b"\r\n\r\n" + rest[:length]

    def _more(self) -> bool:
        try:
            data = self._socket.recv(65536)
        except OSError:
            return False
        self._left += data
        return bool(data)

    def send(self, data: bytes) -> bool:
        """False: the client has gone."""
        try:
            self._socket.sendall(data)
            return True
        except OSError:
            return False

    def reset(self) -> None:
        """RST instead of FIN."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


Manner = Callable[[Talk], None]


class MalformedPeer:
    """Every connection is given to `manner`, in a thread of its own, and then closed."""

    def __init__(self, manner: Manner):
        self._manner = manner
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            talk = Talk(connection, self.connections)
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, talk), daemon=True).start()

    def _serve(self, connection: socket.socket, talk: Talk) -> None:
        try:
            self._manner(talk)
        finally:
            connection.close()

    def close(self) -> None:
        self._listener.close()


def polite(talk: Talk) -> None:
    """As servers are."""
    while talk.request() is not None:
        if not talk.send(GOOD):
            return


def at_first(manner: Manner, times: int = 2) -> Manner:
    """So for the first connections, and polite from then on."""
    return lambda talk: manner(talk) if talk.number < times else polite(talk)


def saying(*parts: bytes) -> Manner:
    """Answers each connection's first request with these bytes, and closes."""
    def manner(talk: Talk) -> None:
        if talk.request() is not None:
            for part in parts:
                if not talk.send(part):
                    return

    return manner
