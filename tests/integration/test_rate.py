# SPDX-License-Identifier: Apache-2.0
"""The rate limit: never more than it says in any second, and nearly as much as it says; for one
process, for all of its workers, and for all instances of the group while they come and go."""

from __future__ import annotations

import time

import pytest

from postrider_test.kafka import Kafka
from postrider_test.receiver import Receiver, Request
from postrider_test.wait import elapse, wait_until
from test_delivery import Lab

# By how much the receiver may notice a request late on a busy machine, so that those behind
# seem closer to it than they were sent. The simulation checks the same to the millisecond.
JITTER_S = 0.06


def busiest_second(requests: list[Request]) -> int:
    """The most requests within any second, wherever it begins."""
    times = sorted(request.at for request in requests)
    most, first = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - (1.0 - JITTER_S):
            first += 1
        most = max(most, last - first + 1)
    return most


def between(requests: list[Request], begin: float, end: float) -> list[Request]:
    return [request for request in requests if begin <= request.at < end]


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.soak), 2])
def test_rate_is_kept_and_used(
        workers: int, kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    rate, burst, seconds = 100, 5, 3.0
    lab = Lab(kafka, unique)
    lab.config["workers"] = workers
    lab.destination("crm", receiver.url("/crm"), invocation_rate_limit_per_second=rate,
                    burst=burst)
    lab.publish(2_000)
    postrider(lab.config)
    receiver.wait_for(rate * (workers + 2), "/crm")  # all workers have joined, the burst is over
    begin = time.monotonic()
    elapse(seconds)
    got = receiver.requests("/crm")
    steady = len(between(got, begin, begin + seconds)) / seconds
    print(f"{busiest_second(got)} in the busiest second, {steady:.1f}/s")
    assert busiest_second(got) <= rate + burst
    assert steady >= 0.94 * rate


@pytest.mark.long
@pytest.mark.parametrize("phase_s", [
    8, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(300)])])
def test_rate_holds_for_the_group_while_instances_come_and_go(
        phase_s: int, kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    """Three instances; one leaves, another joins, one is killed. While Kafka gives partitions
    from one to the other the group sends less, never more."""
    rate, burst = 50, 10
    lab = Lab(kafka, unique, partitions=12)
    lab.destination("crm", receiver.url("/crm"), invocation_rate_limit_per_second=rate,
                    burst=burst)
    lab.publish(rate * (phase_s * 5 + 30))
    group = [postrider(lab.config) for _ in range(3)]
    for daemon in group:
        daemon.wait_for_log("id=started")
    wait_until(lambda: sum(d.metric("postrider_assigned_partitions") == 4 for d in group) == 3,
               30, "four partitions each")
    begin = time.monotonic()
    elapse(phase_s)
    steady_end = time.monotonic()
    assert group[0].terminate() == 0
    elapse(phase_s)
    group.append(postrider(lab.config))
    elapse(phase_s)
    end = time.monotonic()
    got = receiver.requests("/crm")
    steady = len(between(got, begin + 1, steady_end)) / (steady_end - begin - 1)
    whole = len(between(got, begin, end)) / (end - begin)
    print(f"{busiest_second(got)} in the busiest second; {steady:.1f}/s with three, "
          f"{whole:.1f}/s over {end - begin:.0f} s with one leaving and one joining")
    assert busiest_second(got) <= rate + burst
    assert steady >= 0.94 * rate
    # Rebalances cost a second or so each, however long the phases.
    assert whole >= (0.94 if phase_s >= 20 else 0.75) * rate


def test_a_fractional_rate_is_kept(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(kafka, unique)
    lab.destination("crm", receiver.url("/crm"), invocation_rate_limit_per_second=2.5)
    lab.publish(100)
    postrider(lab.config)
    receiver.wait_for(11, "/crm")
    got = receiver.requests("/crm")[:11]
    gaps = [later.at - earlier.at for earlier, later in zip(got, got[1:])]
    assert 3.6 <= got[-1].at - got[0].at <= 4.8
    assert min(gaps) > 0.4 - 2 * JITTER_S


def test_a_reload_changes_the_rate_and_forgets_no_token(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(kafka, unique)
    lab.destination("crm", receiver.url("/crm"), invocation_rate_limit_per_second=20, burst=1)
    lab.publish(500)
    daemon = postrider(lab.config)
    receiver.wait_for(20, "/crm")
    for _ in range(5):  # reloads in a row would let a fresh bucket's burst through each time
        daemon.reload()
    assert busiest_second(receiver.requests("/crm")) <= 21
    lab.config["destinations"]["crm"]["invocation_rate_limit_per_second"] = 60
    daemon.configure(lab.config)
    daemon.reload()
    begin, had = time.monotonic(), receiver.count("/crm")
    elapse(2)
    rate = (receiver.count("/crm") - had) / (time.monotonic() - begin)
    assert 54 <= rate <= 63
