# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a deadline; and ports that nobody listens on."""

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
