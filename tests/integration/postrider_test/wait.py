# SPDX-License-Identifier: Apache-2.0
"""Waiting: for a condition, with a deadline, or for time to pass; and free ports.

Tests wait here alone: time.sleep() in a test is refused by lint.
"""

from __future__ import annotations

import random
import socket
import time
from typing import Callable, TypeVar

T = TypeVar("T")

# Below the kernel's ephemeral range, so that no client connection takes one meanwhile.
_PORTS = range(20000, 32000)
_given_out: set[int] = set()


def wait_until(condition: Callable[[], T], timeout: float = 60.0, what: object = None) -> T:
    """Call `condition` until it is truthy and return what it gave.

    After `timeout` seconds: TimeoutError with `what`, which may be a callable that tells
    how things stand.
    """
    deadline = time.monotonic() + timeout
    pause = 0.002
    while not (value := condition()):
        if time.monotonic() > deadline:
            text = what() if callable(what) else what or "condition"
            raise TimeoutError(f"after {timeout:g} s still not: {text}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return value


def holds_for(condition: Callable[[], object], seconds: float) -> bool:
    """True when `condition` stays truthy all the time: for "this must NOT happen"."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            return False
        time.sleep(0.02)
    return True


def wait_until_still(value: Callable[[], object], seconds: float, timeout: float = 60.0) -> None:
    """Wait until `value` has given the same for so long: what goes on has come to rest."""
    deadline = time.monotonic() + timeout
    last, since = value(), time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:g} s still not at rest: {last}")
        time.sleep(0.02)
        if (now := value()) != last:
            last, since = now, time.monotonic()


def elapse(seconds: float) -> None:
    """Let time pass, because the test is about that time: the length of an outage, the span of
    a measurement, a pace, a random moment. Never to give something time to happen."""
    time.sleep(max(0.0, seconds))


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on and that was not given out before."""
    while True:
        port = random.choice(_PORTS)
        if port in _given_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_out.add(port)
        return port
