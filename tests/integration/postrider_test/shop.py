# SPDX-License-Identifier: Apache-2.0
"""One topic, one connection "login", one destination "crm" at /crm that wants every sale."""

from __future__ import annotations

import json
from typing import Any, Callable

from .client import Client, Record
from .config import Config
from .events import numbers, record, wants
from .http_server import Request
from .postrider import Postrider
from .receiver import Receiver
from .wait import wait_until

# Whatever counts as an attempt and fails ends as a dead letter at once.
ONE_ATTEMPT = {"retry_policy": {"maximum_retry_attempts": 0}}


class Shop:
    def __init__(self, broker: Client, receiver: Receiver, unique: Callable[[str], str],
                 login: dict[str, Any], target: dict[str, Any] | None = None,
                 **destination: Any):
        self.broker, self.receiver = broker, receiver
        self.topic, self.letters, group = unique("sales"), unique("letters"), unique("group")
        self.consumer_group, self.group = group, f"{group}.crm"
        broker.create_topic(self.topic, 4)
        broker.create_topic(self.letters, 4)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=group, dead_letter_topic=self.letters)
        self.config.connection("login", **login)
        self.config.destination("crm", receiver.url("/crm"), connection="login", **destination)
        self.config.rule("sales", "shop", wants("sale"), {"destination": "crm", **(target or {})})

    def publish(self, numbers_: range) -> None:
        self.broker.produce(self.topic, [record("sale", n) for n in numbers_])

    def accepted(self, good: Callable[[Request], bool]) -> list[Request]:
        return [r for r in self.receiver.requests("/crm") if good(r)]

    def wait_for_all(self, count: int, timeout: float = 60.0) -> None:
        """Events 0 to count - 1 have come, and all is committed: nothing is under way."""
        wait_until(lambda: self.receiver.count("/crm") >= count and
                   len(numbers(self.receiver.requests("/crm"))) == count, timeout,
                   lambda: f"{count} events, there are "
                           f"{len(numbers(self.receiver.requests('/crm')))}")
        self.settle(timeout)

    def settle(self, timeout: float = 60.0) -> None:
        self.broker.wait_for_lag(self.group, self.topic, timeout=timeout)

    def dead_letters(self) -> list[Record]:
        return self.broker.consume(self.letters)


def oauth(url: str, **keys: Any) -> dict[str, Any]:
    """A connection that gets its tokens at `url`."""
    return {"authorization_type": "OAUTH_CLIENT_CREDENTIALS", "authorization_endpoint": url,
            "allow_http": True, "client_id": "postrider", "client_secret": "s3cret", **keys}


def connection_status(daemon: Postrider, destination: str = "crm") -> dict[str, Any]:
    """What /status says of the destination's connection."""
    status = json.loads(daemon.admin("/status"))
    return next(d["connection"] for d in status["destinations"] if d["name"] == destination)
