# SPDX-License-Identifier: Apache-2.0
"""One configuration in which all that can become of a delivery becomes of some."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

from .client import Client
from .config import Config
from .events import number, record, wants
from .oauth import TokenEndpoint
from .receiver import Receiver, Reply, Request
from .shop import oauth

EACH = 10  # events of each kind


class AllWays:
    """A destination for each thing that can become of a delivery, and one event kind for each."""

    def __init__(self, broker: Client, receiver: Receiver, secure: Receiver,
                 unique: Callable[[str], str], ca_file: Path):
        self.broker, self.receiver, self.secure = broker, receiver, secure
        self.topic, self.letters = unique("sales"), unique("letters")
        broker.create_topic(self.topic)
        self.tokens = TokenEndpoint(receiver)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=unique("group"), auto_offset_reset="earliest",
                             dead_letter_topic=self.letters, isolation="shared")
        self.config.connection("plain", authorization_type="NONE")
        self.config.connection("login", **oauth(self.tokens.url))
        for name in ("good", "sick", "bad", "throttled"):
            self.way(name)
        self.way("behind-login", connection="login")
        self.way("limited", invocation_rate_limit_per_second=20)
        self.way("tls", secure.url("/tls"), ca_file=str(ca_file), allow_http=False)
        seen: set[tuple[str, int]] = set()

        def once(status: int):
            def answer(request: Request) -> Reply:
                key = (request.path, number(request))
                first = key not in seen
                seen.add(key)
                return Reply(status if first else 200)
            return answer

        receiver.on("/sick", once(503))
        receiver.on("/throttled", once(429))
        receiver.on("/bad", Reply(400))

    def way(self, name: str, url: str | None = None, connection: str = "plain", **keys: object) -> None:
        self.config.destination(name, url or self.receiver.url(f"/{name}"), connection=connection,
                                breaker_failures=0, **keys)
        self.config.rule(f"rule-{name}", "shop", wants(name), {
            "destination": name, "retry_policy": {"retry_base": "10ms"}})

    def names(self) -> list[str]:
        return list(self.config["destinations"])

    def publish(self) -> None:
        self.broker.produce(self.topic, [record(name, n) for n in range(EACH) for name in self.names()])
