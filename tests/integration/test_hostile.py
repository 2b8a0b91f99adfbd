# SPDX-License-Identifier: Apache-2.0
"""APIs that are broken or mean: every delivery gets its verdict, nothing grows, nothing hangs."""

from __future__ import annotations

import gzip
import socket
from typing import Callable, Iterator

import pytest

from postrider_test.config import Config
from postrider_test.embedded import Embedded
from postrider_test.events import event, number, wants
from postrider_test.postrider import SANITIZED, Postrider
from postrider_test.receiver import Receiver
from postrider_test.malformed_peer import GOOD, Manner, MalformedPeer, Talk, at_first, saying
from postrider_test.wait import elapse, wait_until

MB = 1_000_000


def endless(head: bytes, part: bytes) -> Manner:
    """Goes on until the client has had enough."""
    def manner(talk: Talk) -> None:
        if talk.request() is not None and talk.send(head):
            while talk.send(part):
                pass

    return manner


def slowly(talk: Talk) -> None:
    """A byte at a time; the whole would take minutes."""
    if talk.request() is not None:
        for byte in GOOD + b" " * 1000:
            if not talk.send(bytes([byte])):
                return
            elapse(0.2)


def ok(headers: bytes, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + body


# What is the site's fault: tried again, and delivered when the site has come to its senses.
TRIED_AGAIN: dict[str, Manner] = {
    "garbage": saying(b"\x16\x03\x01garbage\r\n\r\n"),
    "http-0-9": saying(b"<html>ok</html>"),
    "nothing": saying(b""),
    "status-000": saying(b"HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n"),
    "status-of-letters": saying(b"HTTP/1.1 abc\r\n\r\n"),
    "endless-status-line": endless(b"HTTP/1.1 200 ", b"x" * 10_000),
    "flood-of-1xx": endless(b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 100),
    "slow-loris": slowly,
}

# What is an answer, however odd: delivered at once.
TAKEN: dict[str, Manner] = {
    # A status is one, whatever becomes of the rest.
    "endless-header": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000),
    "endless-headers": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "nul-in-a-header": saying(ok(b"X: a\0b\r\nContent-Length: 0")),
    "no-end-of-headers": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
    "negative-length": saying(ok(b"Content-Length: -1", b"x")),
    "length-too-long": saying(ok(b"Content-Length: 100", b"short")),
    "ten-gigabytes": endless(ok(b"Content-Length: 10000000000"), b"x" * 65536),
    "endless-body": endless(ok(b"Connection: close"), b"x" * 65536),
    "chunk-of-nonsense": saying(ok(b"Transfer-Encoding: chunked", b"zz\r\nxx\r\n")),
    "chunk-without-end": saying(ok(b"Transfer-Encoding: chunked", b"5\r\nab")),
    "endless-chunks": endless(ok(b"Transfer-Encoding: chunked"), b"400\r\n" + b"x" * 1024 + b"\r\n"),
    "some-1xx-before": saying(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5 + GOOD),
    "no-length-and-a-close": saying(ok(b"Connection: close", b"ok")),
    # libcurl takes a length beyond 64 bits as none, and reads to the end.
    "absurd-length": saying(ok(b"Content-Length: 99999999999999999999999", b"x")),
    "gzip-bomb": saying(ok(b"Content-Encoding: gzip\r\nConnection: close",
                           gzip.compress(b"\0" * 100 * MB))),
    "trailers": saying(ok(b"Transfer-Encoding: chunked", b"2\r\nok\r\n0\r\nX: y\r\n\r\n")),
    "absurd-retry-after": saying(ok(b"Retry-After: 99999999999999999999\r\nContent-Length: 0")),
    "bytes-in-headers": saying(ok(b"X: \xff\xfe\x80\r\nContent-Length: 0")),
}

# What is an answer, and no: a dead letter at once.
REFUSED: dict[str, Manner] = {
    "status-999": saying(b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"),
    "redirect-to-itself": saying(b"HTTP/1.1 308 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
}


class Town:
    """A topic, and a destination for each server; every event goes to all of them."""

    def __init__(self, broker: Embedded, unique: Callable[[str], str]):
        self.broker, self.servers = broker, {}  # type: ignore[var-annotated]
        self.topic, self.group = unique("sales"), unique("group")
        self.letters = unique("letters")
        broker.create_topic(self.topic)
        broker.create_topic(self.letters)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=self.group, isolation="shared",
                             dead_letter_topic=self.letters)

    def add(self, name: str, url: str) -> None:
        self.config.destination(name, url, breaker_failures=0, timeout="1500ms")
        self.config.rule(name, "shop", wants("sale"), {
            "destination": name,
            "retry_policy": {"retry_base": "5ms", "retry_cap": "10ms", "maximum_retry_attempts": 500}})

    def serve(self, name: str, manner: Manner) -> MalformedPeer:
        self.servers[name] = server = MalformedPeer(manner)
        self.add(name, server.url)
        return server

    def publish(self, count: int) -> None:
        self.broker.produce(self.topic, [event("sale", n) for n in range(count)])


@pytest.fixture
def town(embedded: Embedded, unique) -> Iterator[Town]:
    made = Town(embedded, unique)
    yield made
    for server in made.servers.values():
        server.close()


def holds_at_most(daemon: Postrider, most: int) -> None:
    """The address sanitizer keeps what was freed: there it says nothing."""
    assert SANITIZED or daemon.resident_bytes() < most


def test_every_delivery_to_a_hostile_api_gets_its_verdict(
        town: Town, receiver: Receiver, postrider) -> None:
    for name, manner in TRIED_AGAIN.items():
        town.serve(name, at_first(manner))
    for name, manner in {**TAKEN, **REFUSED}.items():
        town.serve(name, manner)
    town.add("good", receiver.url("/good"))
    daemon = postrider(town.config)
    town.publish(1)
    town.broker.wait_for_lag(town.group, town.topic, timeout=60)

    def attempts(name: str) -> int:
        return int(daemon.metric("postrider_invocation_attempts_total", destination=name))

    def delivered(name: str) -> int:
        return int(daemon.metric("postrider_successful_invocation_attempts_total", destination=name))

    assert {name: (attempts(name), delivered(name)) for name in TRIED_AGAIN} == dict.fromkeys(
        TRIED_AGAIN, (3, 1))
    assert {name: (attempts(name), delivered(name)) for name in TAKEN} == dict.fromkeys(
        TAKEN, (1, 1))
    letters = town.broker.consume(town.letters)
    assert sorted((r.header("DESTINATION") or b"").decode() for r in letters) == sorted(REFUSED)
    assert receiver.count("/good") == 1
    holds_at_most(daemon, 100 * MB)
    assert daemon.running


def test_a_reply_that_breaks_off_within_its_status_line_is_none(town: Town, postrider) -> None:
    def broken(talk: Talk) -> None:
        """The n-th connection gets n bytes, and a reset."""
        if talk.request() is None:
            return
        talk.send(GOOD[:talk.number])
        if talk.number < len(GOOD):
            elapse(0.01)  # that the bytes arrive before the reset overtakes them
            talk.reset()

    server = town.serve("broken", broken)
    daemon = postrider(town.config)
    town.publish(1)
    town.broker.wait_for_lag(town.group, town.topic, timeout=60)
    assert server.connections == len(GOOD.partition(b"\n")[0]) + 2
    assert daemon.metric("postrider_successful_invocation_attempts_total") == 1
    assert town.broker.count(town.letters) == 0


def test_what_follows_a_reply_is_not_taken_for_the_next_one(
        town: Town, receiver: Receiver, postrider) -> None:
    """Every reply is followed by one that nobody asked for, and the next request is refused."""
    taken: list[bytes] = []

    def smuggle(talk: Talk) -> None:
        while (request := talk.request()) is not None:
            taken.append(request)
            refused = number(request.partition(b"\r\n\r\n")[2]) % 2 == 1
            talk.send(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n" if refused
                      else GOOD + GOOD)

    town.serve("smuggler", smuggle)
    town.config["destinations"]["smuggler"].update(max_concurrency=1, dead_letter_guard=False)
    daemon = postrider(town.config)
    town.publish(20)
    town.broker.wait_for_lag(town.group, town.topic, timeout=60)
    letters = {number(r.value or b"") for r in town.broker.consume(town.letters)}
    assert letters == set(range(1, 20, 2))
    assert daemon.metric("postrider_successful_invocation_attempts_total") == 10
    assert len(taken) == daemon.metric("postrider_invocation_attempts_total")


def test_nothing_grows_while_an_api_is_hostile(town: Town, receiver: Receiver, postrider) -> None:
    worst = ("endless-header", "ten-gigabytes", "endless-chunks", "flood-of-1xx", "garbage", "nothing")
    for name in worst:
        town.serve(name, {**TRIED_AGAIN, **TAKEN}[name])
    town.add("good", receiver.url("/good"))
    daemon = postrider(town.config, readable=True)
    town.publish(150)
    receiver.wait_for(150, "/good")

    def attempts() -> float:
        return min(daemon.metric("postrider_invocation_attempts_total", destination=name)
                   for name in worst)

    wait_until(lambda: attempts() >= 40, 60, lambda: f"40 attempts each, there are {attempts()}")
    memory, files = daemon.resident_bytes(), daemon.descriptors()
    wait_until(lambda: attempts() >= 120, 90, lambda: f"120 attempts each, there are {attempts()}")
    holds_at_most(daemon, memory + 10 * MB)
    assert daemon.descriptors() <= files + 2 * 64 * len(worst)
    assert daemon.descriptors() < 400


def besiege(port: int, count: int) -> list[socket.socket]:
    """Clients that say nothing, half of something, garbage; or ask, and do not read."""
    words = [b"", b"GET /status HTTP/1.1\r\nHost:", bytes(range(256)) * 4, b"\r\n" * 100,
             b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50, b"X" * 100_000]
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)  # more than the listener takes wait in the kernel, or are lost
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
    elapse(0.2)
    for n, client in enumerate(clients):
        try:
            client.send(words[n % len(words)])
        except OSError:
            pass
    return clients


@pytest.mark.alone
@pytest.mark.timeout(240)
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_hostile_clients_of_the_admin_listener_touch_no_delivery(
        town: Town, receiver: Receiver, postrider, count: int) -> None:
    town.add("good", receiver.url("/good"))
    daemon = postrider(town.config, readable=True)
    town.publish(100)
    receiver.wait_for(100, "/good")
    memory, files = daemon.resident_bytes(), daemon.descriptors()
    clients = besiege(daemon.admin_port, count)
    town.publish(2000)
    receiver.wait_for(2100, "/good", timeout=60)
    assert daemon.descriptors() <= files + 100
    for client in clients:
        client.close()
    wait_until(lambda: healthy(daemon), 30)
    town.broker.wait_for_lag(town.group, town.topic, timeout=30)
    wait_until(lambda: daemon.descriptors() <= files + 10, 120)
    holds_at_most(daemon, memory + 20 * MB)


def healthy(daemon: Postrider) -> bool:
    try:
        return daemon.admin("/healthz") == "ok\n"
    except OSError:
        return False
