# SPDX-License-Identifier: Apache-2.0
"""An API goes away with a backlog behind it, and comes back: nothing is burnt, nothing is lost,
and it is not run over."""

from __future__ import annotations

import time

import pytest

from postrider_test.events import number, numbers
from postrider_test.kafka import Kafka
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.wait import elapse, holds_for
from test_delivery import Lab, in_order

WINDOW = 256
DELAY_S = 0.02
ROUND_S = 0.1  # the window doubles at most so often: breaker.h


def slow_start(seconds: float) -> float:
    """The most requests that may come within that time after the probe that succeeded: an
    opening of 1, 2, 4, … for a round each, answered after DELAY_S."""
    sent, opening, at = 0.0, 1, 0.0
    while at < seconds:
        sent += min(opening, WINDOW) * (ROUND_S / DELAY_S + 1)
        opening, at = opening * 2, at + ROUND_S
    return sent


class Api:
    """Answers 503 while it is down; remembers what came meanwhile, and when it came back."""

    def __init__(self, receiver: Receiver, down: Reply | None = None):
        self.receiver = receiver
        self.is_down = False
        self.back_at = 0.0
        self.refused: list[Request] = []
        self._down = down or Reply(503)
        receiver.on("/crm", self._answer)

    def _answer(self, request: Request) -> Reply:
        if self.is_down:
            self.refused.append(request)
            return self._down
        return Reply(delay=DELAY_S)

    def come_back(self) -> None:
        self.is_down = False
        self.back_at = time.monotonic()

    def served(self) -> list[Request]:
        refused = {id(request) for request in self.refused}
        return [r for r in self.receiver.requests("/crm") if id(r) not in refused]


@pytest.mark.parametrize("total, outage_s", [
    (10_000, 4.0), pytest.param(50_000, 30.0, marks=[pytest.mark.soak, pytest.mark.timeout(240)])])
def test_an_outage_burns_no_attempts_and_ends_with_a_slow_start(
        total: int, outage_s: float, kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    keys, failures, before = 2_000, 10, 1_000
    lab = Lab(kafka, unique)
    api = Api(receiver)
    lab.destination("crm", receiver.url("/crm"), max_concurrency=WINDOW,
                    breaker_failures=failures, breaker_probe_interval="500ms",
                    breaker_probe_interval_max="1s",
                    target={"retry_policy": {"retry_base": "1ms",
                                             "retry_cap": "10ms"}})
    lab.publish(before, keys=keys)
    daemon = postrider(lab.config)
    receiver.wait_for(before, "/crm")
    api.is_down = True
    lab.publish(total, first=before, keys=keys)
    opened = daemon.wait_for_log("id=destination_open")
    elapse(outage_s)
    burnt = len(api.refused)
    # Those that opened it; what was on the wire then; and a probe each half a second at most.
    probes = outage_s / 0.25 + 2
    print(f"{burnt} refused requests in {outage_s:g} s; {opened}")
    assert daemon.metric("postrider_breaker_open") == 1
    assert failures < burnt <= failures + WINDOW + probes
    assert holds_for(lambda: len(api.refused) - burnt <= 6, 1.0)
    probed = api.refused[failures + WINDOW:]

    api.come_back()
    lab.wait_for_lag("crm", timeout=120)
    served = api.served()
    after = [r for r in served if r.at > api.back_at]
    first = after[0].at
    for seconds in (0.2, 0.5, 1.0):
        came = sum(1 for r in after if r.at < first + seconds)
        print(f"{came} in the first {seconds:g} s, the slow start allows {slow_start(seconds):.0f}")
        assert came <= slow_start(seconds)
    assert set(numbers(served).values()) == {1}
    assert numbers(served).keys() == set(range(before + total))
    assert in_order(served, lambda request: number(request) % keys)
    assert daemon.metric("postrider_invocations_sent_to_dlq_total") == 0
    assert len(probed) <= probes + 6


def test_a_refused_connection_is_an_outage_too(
        embedded, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(embedded, unique)
    receiver.stop()
    lab.destination("crm", receiver.url("/crm"), breaker_failures=3,
                    breaker_probe_interval="200ms", breaker_probe_interval_max="400ms",
                    target={"retry_policy": {"maximum_retry_attempts": 50, "retry_base": "1ms",
                                             "retry_cap": "10ms"}})
    lab.publish(500)
    daemon = postrider(lab.config)
    daemon.wait_for_log("id=destination_open")
    elapse(2)
    # When the third one fails a window of others is on the wire; then come the probes.
    assert daemon.metric("postrider_invocation_attempts_total") <= 3 + 64 + 2 / 0.1
    receiver.start()
    lab.wait_for_lag("crm")
    assert set(numbers(receiver.requests("/crm")).values()) == {1}
    daemon.wait_for_log("id=destination_closed")
    assert len(daemon.log_lines("id=destination_open")) == 1


def test_a_long_retry_after_opens_the_breaker_at_once(
        embedded, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(embedded, unique)
    api = Api(receiver, Reply(429, headers={"Retry-After": "3"}))
    api.is_down = True
    lab.destination("crm", receiver.url("/crm"), max_concurrency=8, breaker_retry_after="2s",
                    breaker_probe_interval="100ms")
    lab.publish(100)
    daemon = postrider(lab.config)
    daemon.wait_for_log("id=destination_open")
    api.come_back()
    assert holds_for(lambda: not api.served(), 2.0)
    assert len(api.refused) <= 8
    lab.wait_for_lag("crm")
    assert set(numbers(api.served()).values()) == {1}
