# SPDX-License-Identifier: Apache-2.0
"""workers = 2: all that is promised of one loop holds for several."""

from __future__ import annotations

import signal
import time

import pytest

from postrider_test.events import number, numbers
from postrider_test.kafka import Kafka
from postrider_test.receiver import Receiver, Reply
from postrider_test.wait import holds_for, wait_until
from test_delivery import Lab, in_order

WORKERS = 2


@pytest.fixture
def lab(kafka: Kafka, unique) -> Lab:
    made = Lab(kafka, unique, partitions=6)
    made.config["workers"] = WORKERS
    return made


def test_two_workers_deliver_everything_once_and_in_order(
        lab: Lab, receiver: Receiver, postrider) -> None:
    total, keys = 10_000, 500
    lab.destination("crm", receiver.url("/crm"))
    lab.destination("chat", receiver.url("/chat"))
    receiver.on("/chat", lambda r: Reply(503) if r.number % 50 == 0 else Reply())
    lab.config["rules"]["chat"]["targets"][0]["retry_policy"] = {
        "retry_base": "5ms", "retry_cap": "20ms"}
    daemon = postrider(lab.config)
    for name in ("crm", "chat"):  # before that, what one has taken up may go to the other
        lab.broker.wait_for_members(f"{lab.group}.{name}", WORKERS)
    lab.publish(total, keys=keys)
    for name in ("crm", "chat"):
        lab.wait_for_lag(name, timeout=60)
    assert set(numbers(receiver.requests("/crm")).values()) == {1}
    for name in ("crm", "chat"):
        got = receiver.requests(f"/{name}")
        assert numbers(got).keys() == set(range(total))
        assert in_order(got, lambda request: number(request) % keys)
    attempts = daemon.metric("postrider_invocation_attempts_total")
    assert attempts == receiver.count()
    assert daemon.metric("postrider_events_total", lane="shop.crm") == total
    assert daemon.terminate() == 0


def test_the_window_holds_over_all_workers(lab: Lab, receiver: Receiver, postrider) -> None:
    window = 10
    lab.destination("crm", receiver.url("/crm"), max_concurrency=window)
    hold = receiver.hold("/crm")
    daemon = postrider(lab.config)
    # What one takes up before the other is there has to be given back, and hangs here.
    lab.broker.wait_for_members(f"{lab.group}.crm", WORKERS)
    lab.publish(200)
    wait_until(lambda: hold.waiting == window, 20, lambda: f"{window}, there are {hold.waiting}")
    assert holds_for(lambda: hold.waiting == window, 0.5)
    wait_until(lambda: daemon.metric("postrider_in_flight", destination="crm") == window)
    hold.release()
    lab.wait_for_lag("crm")
    assert set(numbers(receiver.requests("/crm")).values()) == {1}


def test_kill_9_and_a_reload_lose_nothing_with_two_workers(
        lab: Lab, receiver: Receiver, postrider) -> None:
    total = 6_000
    lab.destination("crm", receiver.url("/crm"))
    lab.config["consumers"]["shop"]["instance_id"] = "one"
    receiver.on("/crm", Reply(delay=0.01))
    lab.publish(total)
    daemon = postrider(lab.config)
    receiver.wait_for(total // 4, "/crm")
    daemon.signal(signal.SIGHUP)
    receiver.wait_for(total // 2, "/crm")
    daemon.kill()
    daemon.start()
    lab.wait_for_lag("crm", timeout=60)
    times = numbers(receiver.requests("/crm"))
    assert times.keys() == set(range(total))
    assert sum(1 for n in times.values() if n > 1) < total / 8
    begin = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - begin < 5
