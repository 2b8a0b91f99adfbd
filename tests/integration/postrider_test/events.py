# SPDX-License-Identifier: Apache-2.0
"""Events as the tests make and recognise them: {"detail-type": KIND, "detail": {"n": N, …}}."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Iterable

from .client import Record
from .http_server import Request


def event(kind: str, n: int, **detail: Any) -> bytes:
    return json.dumps({"detail-type": kind, "detail": {"n": n, **detail}}).encode()


def record(kind: str, n: int, partition: int | None = None, **detail: Any) -> Record:
    """An event with its number as key."""
    return Record(event(kind, n, **detail), str(n).encode(), partition=partition)


def number(request: Request | bytes) -> int:
    """N of an event, or of a request whose body is one."""
    body = request if isinstance(request, bytes) else request.body
    return json.loads(body)["detail"]["n"]


def numbers(requests: Iterable[Request]) -> Counter[int]:
    """How often each event has come."""
    return Counter(number(request) for request in requests)


def wants(kind: str) -> dict[str, Any]:
    """The pattern of one kind."""
    return {"detail-type": [kind]}
