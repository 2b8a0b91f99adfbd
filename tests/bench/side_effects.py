# SPDX-License-Identifier: Apache-2.0
"""Two figures of what happens beside the fast path.

    side_effects.py [--letters N] [--connections N] [--rounds N]

letters      An API refuses everything, its guard is off: dead letters a second, written and
             acknowledged; and how the rate of another destination, which is limited, suffers.
connections  So many TLS connections made at once, each verified: the program's CPU for one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness import Endpoint, cpu_s, event, fill
from bridges import PATTERN, TEMPLATE
from postrider_test.client import Record
from postrider_test.config import Config
from postrider_test.kafka import Kafka
from postrider_test.postrider import Postrider
from postrider_test.receiver import Receiver
from postrider_test.tls import Authority
from postrider_test.wait import wait_until

OTHER_RATE = 5000


def configuration(kafka: Kafka, topic: str, group: str, **destinations: dict) -> Config:
    config = Config(kafka.bootstrap)
    config["kafka"]["properties"] = []
    config.consumer("shop", topic, group_id=group, dead_letter_topic=f"{group}.letters")
    config.connection("none", authorization_type="NONE")
    for name, keys in destinations.items():
        config.destination(name, connection="none", **keys)
        config.rule(name, "shop", PATTERN, {"destination": name, "input_transformer": TEMPLATE})
    return config


def rate_of_other(kafka: Kafka, group: str, count: int, refused: bool, scratch: Path) -> tuple[float, float]:
    """Events a second of the limited destination, and letters a second of the other."""
    good, bad = Endpoint(), Endpoint(status=400)
    destinations = {"good": {"url": good.url, "invocation_rate_limit_per_second": OTHER_RATE}}
    if refused:
        destinations["bad"] = {"url": bad.url, "dead_letter_guard": False}
    kafka.create_topic(f"{group}.letters", 4)
    daemon = Postrider(configuration(kafka, "side", group, **destinations), scratch / group)
    try:
        daemon.start()
        wait_until(lambda: good.served() > 0 and (not refused or bad.served() > 0), 60)
        begun, first = time.monotonic(), good.served()
        written = kafka.count(f"{group}.letters")
        wait_until(lambda: kafka.count(f"{group}.letters") >= count if refused
                   else time.monotonic() - begun > 10, 300)
        took = time.monotonic() - begun
        return (good.served() - first) / took, (kafka.count(f"{group}.letters") - written) / took
    finally:
        daemon.kill()
        good.stop()
        bad.stop()


def letters(kafka: Kafka, count: int, rounds: int, scratch: Path) -> None:
    fill(kafka, "side", count)
    alone, beside, written = [], [], []
    for n in range(rounds):
        alone.append(rate_of_other(kafka, f"alone-{n}", count, False, scratch)[0])
        other, rate = rate_of_other(kafka, f"beside-{n}", count, True, scratch)
        beside.append(other)
        written.append(rate)
    print(f"letters: {statistics.median(written):.0f} a second; another destination, limited to "
          f"{OTHER_RATE}: {statistics.median(alone):.0f}/s alone, {statistics.median(beside):.0f}/s beside them")


def connections(kafka: Kafka, count: int, rounds: int, scratch: Path) -> None:
    authority, spent = Authority(scratch), []
    for n in range(rounds):
        server = Receiver(tls=authority.server_context())
        server.start()
        hold = server.hold("/orders")
        topic = f"tls-{n}"
        kafka.create_topic(topic, 4)
        daemon = Postrider(configuration(kafka, topic, topic, api={
            "url": server.url("/orders"), "max_concurrency": count, "ca_file": str(authority.ca_file),
            "timeout": "120s", "connect_timeout": "60s"}), scratch / topic)
        try:
            daemon.start()
            kafka.wait_for_members(f"{topic}.api", 1)
            cpu = cpu_s(daemon.pid)
            kafka.produce(topic, [Record(event(i), b"c-%d" % i) for i in range(count)])
            wait_until(lambda: hold.waiting == count, 120, lambda: f"{hold.waiting} of {count}")
            spent.append((cpu_s(daemon.pid) - cpu) * 1000 / count)
        finally:
            hold.release()
            daemon.kill()
            server.shutdown()
    print(f"connections: {count} TLS connections at once, {statistics.median(spent):.2f} ms CPU each, "
          f"the first request included")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--letters", type=int, default=100_000)
    arguments.add_argument("--connections", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    o = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="postrider-bench-") as scratch:
        kafka = Kafka(Path(scratch) / "kafka")
        kafka.start()
        try:
            if o.letters:
                letters(kafka, o.letters, o.rounds, Path(scratch))
            if o.connections:
                connections(kafka, o.connections, o.rounds, Path(scratch))
        finally:
            kafka.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
