# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: events, endpoints, and a reading of a process's figures."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from postrider_test.client import Record  # noqa: E402
from postrider_test.kafka import Kafka  # noqa: E402

ENDPOINT = Path(os.environ.get("ENDPOINT", ROOT / "build/plain/bench/endpoint"))
TICKS = os.sysconf("SC_CLK_TCK")


class Endpoint:
    """tests/bench/endpoint.c as a child."""

    def __init__(self, delay_ms: int = 0, fail_every: int = 0, status: int = 200):
        self.child = subprocess.Popen(
            [ENDPOINT, "--port", "0", "--delay-ms", str(delay_ms), "--fail-every", str(fail_every),
             "--status", str(status)], stdout=subprocess.PIPE, text=True)
        self.port = int(self._line().split()[1])
        self.url = f"http://127.0.0.1:{self.port}/orders/new"

    def _line(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline()

    def figures(self) -> dict[str, int]:
        self.child.send_signal(signal.SIGUSR1)
        return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", self._line())}

    def served(self) -> int:
        """Requests that were answered with success."""
        figures = self.figures()
        return figures["requests"] - figures["failed"]

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


def number(body: bytes) -> int:
    """Of the event that became this body."""
    found = re.search(rb'"A-(\d+)"', body)
    assert found, body[:200]
    return int(found[1])


def fill(kafka: Kafka, topic: str, count: int, keys: int = 5000) -> None:
    kafka.create_topic(topic, 4)
    for first in range(0, count, 20000):
        kafka.produce(topic, [Record(value=event(n), key=b"c-%d" % (n % keys))
                              for n in range(first, min(first + 20000, count))])
