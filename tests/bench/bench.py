# SPDX-License-Identifier: Apache-2.0
"""Kafka to one HTTP request an event: events a second, CPU an event, memory; beside wrk.

    bench.py [--events N] [--rounds N] [--scenario NAME]...

Everything is real and on loopback: Apache Kafka, the program, tests/bench/endpoint.c. The topic
is filled first; the clock runs from the first request at the endpoint to the last; CPU is the
process's, its start left out. `wrk` against the same endpoint in the same run says what the
endpoint can take. Rounds are interleaved, and medians printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from postrider_test.client import Record  # noqa: E402
from postrider_test.config import Config  # noqa: E402
from postrider_test.kafka import Kafka  # noqa: E402
from postrider_test.postrider import Postrider  # noqa: E402
from postrider_test.wait import wait_until  # noqa: E402

ENDPOINT = Path(os.environ.get("ENDPOINT", ROOT / "build/plain/bench/endpoint"))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Scenario:
    name: str
    what: str
    delay_ms: int = 0
    max_concurrency: int = 64
    rules: int = 1


SCENARIOS = [
    Scenario("instant", "64 in flight, endpoint answers at once"),
    Scenario("rules", "the same with 100 rules", rules=100),
    Scenario("20ms", "1,000 in flight, endpoint takes 20 ms", delay_ms=20, max_concurrency=1000),
    Scenario("200ms", "10,000 in flight, endpoint takes 200 ms", delay_ms=200,
             max_concurrency=10000),
]


class Endpoint:
    """tests/bench/endpoint.c as a child."""

    def __init__(self, delay_ms: int):
        self.child = subprocess.Popen([ENDPOINT, "--port", "0", "--delay-ms", str(delay_ms)],
                                      stdout=subprocess.PIPE, text=True)
        self.port = int(self._line().split()[1])

    def _line(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline()

    def figures(self) -> dict[str, int]:
        self.child.send_signal(signal.SIGUSR1)
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", self._line())}

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait()


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def event(number: int) -> bytes:
    """1 KB, an order as a shop would publish it."""
    order = {"version": "0", "id": f"{number:032x}", "source": "bench", "detail-type": "Order Placed",
             "time": "2026-11-23T09:05:04Z", "resources": [],
             "detail": {"orderId": f"A-{number}", "amount": number % 1000 + 0.5, "currency": "EUR",
                        "customer": {"id": number % 5000, "name": "Ada Lovelace", "vip": number % 7 == 0},
                        "lines": [{"sku": f"S-{i}", "quantity": i + 1, "price": 9.99} for i in range(8)]}}
    text = json.dumps(order)
    order["detail"]["note"] = "x" * (1024 - len(text) - len(', "note": ""'))
    return json.dumps(order).encode()


def fill(kafka: Kafka, topic: str, count: int) -> None:
    kafka.create_topic(topic, 4)
    for first in range(0, count, 20000):
        kafka.produce(topic, [Record(value=event(n), key=b"c-%d" % (n % 5000))
                              for n in range(first, min(first + 20000, count))])


def configuration(kafka: Kafka, topic: str, group: str, port: int, s: Scenario) -> Config:
    config = Config(kafka.bootstrap)
    config["kafka"]["properties"] = []
    config["max_in_flight"] = max(20000, 2 * s.max_concurrency)
    config.consumer("shop", topic, group_id=group)
    config.connection("none", authorization_type="NONE")
    config.destination("api", f"http://127.0.0.1:{port}/orders/new", connection="none",
                       max_concurrency=s.max_concurrency)
    target = {"destination": "api", "input_transformer": {
        "input_paths_map": {"id": "$.detail.orderId", "amount": "$.detail.amount",
                            "customer": "$.detail.customer", "time": "$.time", "note": "$.detail.note"},
        "input_template": '{"order": <id>, "amount": <amount>, "by": <customer>, "at": <time>, "note": <note>}'}}
    pattern = {"source": ["bench"], "detail-type": ["Order Placed"]}
    config.rule("orders", "shop", pattern, target)
    for n in range(1, s.rules):
        config.rule(f"other-{n}", "shop", {"source": [f"other-{n}"], "detail-type": ["Order Placed"]}, target)
    return config


@dataclass
class Figures:
    events_per_second: float
    cpu_us: float
    memory_mb: float
    connections: int


def run(kafka: Kafka, topic: str, count: int, s: Scenario, name: str, directory: Path) -> Figures:
    endpoint = Endpoint(s.delay_ms)
    postrider = Postrider(configuration(kafka, topic, name, endpoint.port, s), directory / name)
    try:
        postrider.start()
        wait_until(lambda: endpoint.figures()["requests"] > 0, 60, "the first request")
        begun, cpu = time.monotonic(), cpu_s(postrider.pid)
        first = endpoint.figures()["requests"]
        wait_until(lambda: endpoint.figures()["requests"] >= count, 600, "all events")
        took = time.monotonic() - begun
        figures = endpoint.figures()
        cpu = cpu_s(postrider.pid) - cpu
        return Figures((count - first) / took, cpu * 1e6 / (count - first), peak_mb(postrider.pid),
                       figures["connections"])
    finally:
        postrider.terminate()
        postrider.wait()
        endpoint.stop()


def wrk(s: Scenario) -> float:
    """What the endpoint takes from as many connections, POSTing as many bytes."""
    endpoint = Endpoint(s.delay_ms)
    script = Path(tempfile.mkstemp(suffix=".lua")[1])
    script.write_text('wrk.method="POST" wrk.body=string.rep("x", 600)\n')
    try:
        out = subprocess.run(["wrk", "-t1", f"-c{min(s.max_concurrency, 1000)}", "-d3s", "-s", script,
                              f"http://127.0.0.1:{endpoint.port}/orders/new"],
                             capture_output=True, text=True, check=True).stdout
        found = re.search(r"Requests/sec:\s+([\d.]+)", out)
        return float(found[1]) if found else 0.0
    finally:
        script.unlink()
        endpoint.stop()


def median(values: list[float]) -> float:
    return statistics.median(values)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--scenario", action="append", choices=[s.name for s in SCENARIOS])
    o = arguments.parse_args()
    chosen = [s for s in SCENARIOS if not o.scenario or s.name in o.scenario]
    with tempfile.TemporaryDirectory(prefix="postrider-bench-") as scratch:
        kafka = Kafka(Path(scratch) / "kafka")
        kafka.start()
        try:
            fill(kafka, "bench", o.events)
            results: dict[str, list[Figures]] = {s.name: [] for s in chosen}
            ceilings: dict[str, list[float]] = {s.name: [] for s in chosen}
            for n in range(o.rounds):
                for s in chosen:
                    results[s.name].append(run(kafka, "bench", o.events, s, f"bench-{s.name}-{n}", Path(scratch)))
                    ceilings[s.name].append(wrk(s))
        finally:
            kafka.stop()
    print(f"{o.events} events of 1 KB, medians of {o.rounds}")
    print(f"{'scenario':10} {'events/s':>9} {'CPU us/event':>13} {'peak MB':>8} {'connections':>12} {'wrk/s':>9}  what")
    for s in chosen:
        f = results[s.name]
        print(f"{s.name:10} {median([x.events_per_second for x in f]):9.0f} {median([x.cpu_us for x in f]):13.1f} "
              f"{median([x.memory_mb for x in f]):8.0f} {median([x.connections for x in f]):12.0f} "
              f"{median(ceilings[s.name]):9.0f}  {s.what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
