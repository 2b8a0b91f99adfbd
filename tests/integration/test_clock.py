# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set while events wait: none grows older by it, and nothing hangs."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest

from postrider_test.client import Client
from postrider_test.postrider import ROOT, SANITIZED
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import Shop
from postrider_test.wait import wait_until

HOUR_S = 3600
EVENTS = 20

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer wants to be loaded first")


class Clock:
    """The program's wall clock, as far as it differs from the machine's."""

    def __init__(self, directory: Path):
        self.file, library = directory / "step", directory / "step.so"
        self.set(0)
        subprocess.run([os.environ.get("CC", "cc").split()[-1], "-std=gnu17", "-D_GNU_SOURCE", "-shared",
                        "-fPIC", "-O2", "-Wall", "-o", library,
                        ROOT / "tests/integration/step.c"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEP": str(self.file)}

    def set(self, seconds: int) -> None:
        if not self.file.exists():
            self.file.write_bytes(bytes(8))
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", seconds * 1000))


@pytest.mark.parametrize("hours", [25, -25])
def test_a_wall_clock_that_steps_by_a_day_ages_nothing_and_hangs_nothing(
        hours: int, embedded: Client, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    clock, down = Clock(tmp_path), True
    receiver.on("/crm", lambda _: Reply(503 if down else 200))
    shop = Shop(embedded, receiver, unique, {"authorization_type": "NONE"}, breaker_failures=0,
                target={"retry_policy": {"retry_base": "50ms", "retry_cap": "200ms"}})
    shop.publish(range(EVENTS))
    daemon = postrider(shop.config, env=clock.environment)
    wait_until(lambda: receiver.count("/crm") > 2 * EVENTS)
    clock.set(hours * HOUR_S)
    stepped = daemon.wait_for_log("id=clock_stepped")
    assert abs(int(stepped.partition("by_ms=")[2]) - hours * HOUR_S * 1000) < 1000
    attempts = receiver.count("/crm")
    wait_until(lambda: receiver.count("/crm") > attempts + 3 * EVENTS)
    assert daemon.admin("/healthz").startswith("ok")
    status = json.loads(daemon.admin("/status"))
    (crm,) = status["destinations"]
    open_ms = [p["oldest_open_ms"] for lane in status["lanes"] for p in lane["partitions"]]
    assert 0 <= crm["last_error_age_ms"] < 60_000
    assert 0 < max(open_ms) < 60_000 and min(open_ms) >= 0
    down = False
    shop.wait_for_all(EVENTS)
    assert shop.dead_letters() == []
    assert daemon.metric("postrider_ingestion_to_complete_seconds_sum") < 60 * EVENTS
    assert daemon.terminate() == 0
