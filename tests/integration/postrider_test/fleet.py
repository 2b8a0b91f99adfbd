# SPDX-License-Identifier: Apache-2.0
"""One topic, two destinations that keep books, and as many instances of the program as wanted.

Every event of kind "sale" goes to both. It has one of a few keys, so that order shows.
"""

from __future__ import annotations

import random
from typing import Any, Callable

from .client import Client, Record
from .config import Config
from .events import event, number, wants
from .group_log import Commit, commits
from .http_server import Reply
from .delivery_log import Answer, DeliveryLog
from .receiver import Receiver
from .wait import wait_until

KEYS = 500


def fails_in_all_ways(seed: int, share: float = 0.01) -> Answer:
    """Each attempt fails by that chance: status, refusal, reset, cut, silence."""
    rng = random.Random(seed)
    ways = [lambda: Reply(503), lambda: Reply(429, headers={"Retry-After": "0"}),
            lambda: Reply(400, b"no"), lambda: Reply(reset=True), lambda: Reply(close=True, status=500),
            lambda: Reply(body=b"0123456789", cut=-5), lambda: Reply(cut=0), lambda: Reply(hang=True)]
    return lambda n, attempt: rng.choice(ways)() if rng.random() < share else None


class Fleet:
    def __init__(self, broker: Client, receiver: Receiver, unique: Callable[[str], str],
                 partitions: int = 4, delay: float = 0.02, concurrency: int = 32,
                 properties: tuple[str, ...] = (), answer: Answer | None = None,
                 destinations: tuple[str, ...] = ("crm", "chat"),
                 bootstrap: str | None = None, replicas: int = 1):
        self.broker, self.concurrency = broker, concurrency
        self.bootstrap = bootstrap or broker.bootstrap
        self.topic, self.letters, self.group = unique("sales"), unique("letters"), unique("group")
        self.properties = properties
        broker.create_topic(self.topic, partitions, replicas=replicas)
        broker.create_topic(self.letters, 2, replicas=replicas)
        self.logs = {name: DeliveryLog(receiver, f"/{name}", delay, answer or (lambda n, a: None))
                        for name in destinations}
        self.published = 0

    def config(self, instance: str = "one", instance_id: bool = False, **consumer: Any) -> Config:
        """The configuration of one instance; its name is its API key."""
        config = Config(self.bootstrap, *self.properties)
        if instance_id:
            consumer["instance_id"] = instance
        config.consumer("shop", self.topic, group_id=self.group, dead_letter_topic=self.letters,
                        **consumer)
        config.connection("login", authorization_type="API_KEY", api_key_name="X-Api-Key",
                          api_key_value=instance)
        for name, log in self.logs.items():
            config.destination(name, log.url, connection="login", breaker_failures=0,
                               max_concurrency=self.concurrency, timeout="500ms")
        config.rule("sales", "shop", wants("sale"), *(
            {"destination": name, "retry_policy": {"maximum_retry_attempts": 50,
                                                   "retry_base": "20ms", "retry_cap": "100ms"}}
            for name in self.logs))
        return config

    def publish(self, count: int) -> None:
        first, self.published = self.published, self.published + count
        self.broker.produce(self.topic, [
            Record(event("sale", n, key=n % KEYS), str(n % KEYS).encode())
            for n in range(first, self.published)])

    # What came of it

    def dead_letters(self) -> dict[str, set[int]]:
        """The events that were given up, by destination."""
        given_up: dict[str, set[int]] = {name: set() for name in self.logs}
        for letter in self.broker.consume(self.letters):
            assert letter.value is not None
            given_up[(letter.header("DESTINATION") or b"").decode()].add(number(letter.value))
        return given_up

    def accepted(self) -> int:
        return sum(log.accepted for log in self.logs.values())

    def lost(self) -> int:
        given_up = self.dead_letters()
        return sum(len(set(range(self.published)) - log.numbers().keys() - given_up[name])
                   for name, log in self.logs.items())

    def repeated(self) -> int:
        return sum(log.repeats() for log in self.logs.values())

    def backlog(self) -> int:
        """About how many deliveries are still to be made; given up ones count, too."""
        return self.published * len(self.logs) - self.accepted()

    def wait_until_empty(self, timeout: float = 60.0) -> None:
        """All is delivered or given up, and committed."""
        for name in self.logs:
            self.broker.wait_for_lag(f"{self.group}.{name}", self.topic, timeout=timeout)

    def wait_for_more(self, count: int = 1, timeout: float = 60.0) -> None:
        """Until that many more events were accepted by each destination."""
        goal = {name: log.accepted + count for name, log in self.logs.items()}
        wait_until(lambda: all(log.accepted >= goal[name]
                               for name, log in self.logs.items()), timeout,
                   lambda: f"{goal}: "
                           f"{ {name: log.accepted for name, log in self.logs.items()} }")

    def commits(self, destination: str) -> list[Commit]:
        return commits(self.broker, f"{self.group}.{destination}")

    def disorder(self) -> list[tuple[int, int]]:
        return [pair for log in self.logs.values() for pair in log.disorder()]
