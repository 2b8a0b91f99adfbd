# SPDX-License-Identifier: Apache-2.0
"""One kill -9 each: what is lost, what is repeated, how long it is silent.

    loss.py [--events N] [--who NAME]...

Each bridge works with 64 requests in flight at an endpoint that takes 20 ms; it is killed when
half of the events have arrived, and started again at once. Lost is what has not arrived when
nothing has come for a minute; silent, the time from the start to the next request.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import fill, number
from bridges import PEERS, POSTRIDER, Bridge, Task
from postrider_test.kafka import Kafka
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.wait import wait_until

QUIET_S = 60.0


class Book:
    """An API that notes which events came, and when the last one did."""

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()
        self.last = time.monotonic()
        self.receiver = Receiver()
        self.receiver.start()
        self.receiver.on("/orders", self._take)
        self.url = self.receiver.url("/orders")

    def _take(self, request: Request) -> Reply:
        self.seen[number(request.body)] += 1
        self.last = time.monotonic()
        return Reply(delay=0.02)


def kill_once(kafka: Kafka, topic: str, events: int, c: Bridge, scratch: Path) -> None:
    book = Book()
    task = Task(kafka.bootstrap, topic, f"loss-{c.name}", [book.url], 64, scratch / c.name)
    process = c.make()(task)
    try:
        process.start()
        wait_until(lambda: len(book.seen) >= events // 2, 300, lambda: f"{c.name}: {process.tail()}")
        process.kill()
        mark, started = book.last, time.monotonic()
        process.start()
        wait_until(lambda: book.last > mark or time.monotonic() - started > 2 * QUIET_S, 300)
        silent = book.last - started
        wait_until(lambda: len(book.seen) == events or time.monotonic() - book.last > QUIET_S, 600)
        repeated = sum(times - 1 for times in book.seen.values())
        print(f"{c.name:14} {events - len(book.seen):8} {repeated:9} {max(silent, 0):9.1f}", flush=True)
    finally:
        process.kill()
        book.receiver.shutdown()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--events", type=int, default=20_000)
    arguments.add_argument("--who", action="append", default=[])
    o = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="postrider-loss-") as scratch:
        kafka = Kafka(Path(scratch) / "kafka")
        kafka.start()
        try:
            fill(kafka, "loss", o.events)
            print(f"{o.events} events\n{'who':14} {'lost':>8} {'repeated':>9} {'silent s':>9}")
            for c in [POSTRIDER, *PEERS]:
                if not o.who or c.name in o.who:
                    kill_once(kafka, "loss", o.events, c, Path(scratch))
        finally:
            kafka.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
