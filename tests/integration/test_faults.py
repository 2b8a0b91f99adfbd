# SPDX-License-Identifier: Apache-2.0
"""What a broker or the network does to deliveries: it delays their commits, no more."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from postrider_test.cluster import Cluster
from postrider_test.fleet import Fleet
from postrider_test.group_log import steps_back
from postrider_test.kafka import Kafka, KafkaMissing
from postrider_test.delivery_log import DeliveryLog
from postrider_test.receiver import Receiver
from postrider_test.toxiproxy import Toxiproxy, ToxiproxyMissing
from postrider_test.wait import elapse, wait_until


pytestmark = pytest.mark.soak


@pytest.fixture
def toxiproxy(tmp_path: Path, show_log) -> Iterator[Toxiproxy]:
    try:
        proxy = Toxiproxy(tmp_path / "toxiproxy")
    except ToxiproxyMissing as missing:
        pytest.skip(f"no Toxiproxy here: {missing}")
    show_log(proxy)
    yield proxy
    proxy.kill()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    try:
        brokers = Cluster(tmp_path / "cluster")
    except KafkaMissing as missing:
        pytest.skip(f"no Apache Kafka here: {missing}")
    brokers.start()
    yield brokers
    brokers.kill()


def check(fleet: Fleet, repeats: int) -> None:
    print(f"{fleet.published} events: {fleet.lost()} lost, {fleet.repeated()} repeated")
    assert fleet.lost() == 0
    assert fleet.repeated() <= repeats
    for name in fleet.logs:
        assert steps_back(fleet.commits(name)) == []


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
        own_kafka: Callable[..., Kafka], receiver: Receiver, unique, postrider) -> None:
    kafka = own_kafka()
    # Not so long away that the session ends.
    fleet = Fleet(kafka, receiver, unique, properties=("session.timeout.ms=45000",))
    fleet.publish(6000)
    daemon = postrider(fleet.config())
    fleet.wait_for_more(500)
    kafka.kill()
    elapse(2)
    kafka.start()
    fleet.publish(500)
    fleet.wait_until_empty()
    check(fleet, 0)
    assert daemon.running


@pytest.mark.parametrize("pause_s, session_ms", [
    # Longer than the session: it ends, and the partitions come back from an old commit.
    pytest.param(4, 15000, id="shorter-than-the-session"),
    pytest.param(30, 6000, marks=[pytest.mark.soak, pytest.mark.timeout(180)], id="30-s")])
def test_a_broker_that_is_paused_costs_nothing(
        own_kafka: Callable[..., Kafka], receiver: Receiver, unique, postrider,
        pause_s: int, session_ms: int) -> None:
    kafka = own_kafka()
    fleet = Fleet(kafka, receiver, unique, properties=(f"session.timeout.ms={session_ms}",))
    fleet.publish(8000)
    daemon = postrider(fleet.config())
    fleet.wait_for_more(500)
    kafka.pause()
    begin = {name: log.accepted for name, log in fleet.logs.items()}
    elapse(pause_s)
    print({name: log.accepted - begin[name] for name, log in fleet.logs.items()},
          "were delivered meanwhile")
    # What had been read goes on without a broker.
    assert all(log.accepted > begin[name] for name, log in fleet.logs.items())
    kafka.resume()
    fleet.wait_until_empty(90)
    # When the session ends, what is on the wire is let go of, and sent again. What was
    # delivered meanwhile is remembered, although it could not be committed.
    on_the_wire = fleet.concurrency * len(fleet.logs)
    check(fleet, 0 if pause_s * 1000 < session_ms else on_the_wire)
    assert daemon.running


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_leader_that_is_killed_costs_nothing_but_time(
        cluster: Cluster, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(cluster.first, receiver, unique, replicas=3, bootstrap=cluster.bootstrap)
    fleet.publish(8000)
    postrider(fleet.config())
    fleet.wait_for_more(500)
    leaders = {cluster.leader(fleet.topic, p) for p in range(4)} - {1}
    for number in leaders:
        cluster.nodes[number].kill()
        fleet.wait_for_more(200, 60)
        elapse(3)
        cluster.nodes[number].start()
        fleet.publish(2000)
        wait_until(lambda: min(cluster.first.in_sync(fleet.topic)) == 3, 60, "all in sync again")
    fleet.wait_until_empty(90)
    check(fleet, 64 * len(leaders))


def through_a_proxy(own_kafka: Callable[..., Kafka], toxiproxy: Toxiproxy) -> Kafka:
    """A broker that its clients reach through the proxy alone."""
    port = toxiproxy.port
    kafka = own_kafka(properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"})
    toxiproxy.forward(f"127.0.0.1:{kafka.port}")
    return kafka


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["cut", "latency", "cut-in-mid-response", "reset"])
def test_a_network_to_the_broker_that_fails_loses_nothing(
        own_kafka: Callable[..., Kafka], toxiproxy: Toxiproxy, receiver: Receiver, unique,
        postrider, fault: str) -> None:
    kafka = through_a_proxy(own_kafka, toxiproxy)
    fleet = Fleet(kafka, receiver, unique, bootstrap=f"127.0.0.1:{toxiproxy.port}")
    fleet.publish(8000)
    postrider(fleet.config())
    fleet.wait_for_more(500)
    faults = {"cut": lambda: toxiproxy.cut(),
              "latency": lambda: toxiproxy.ail("latency", latency=300, jitter=50),
              "cut-in-mid-response": lambda: toxiproxy.ail("limit_data", bytes=20_000),
              "reset": lambda: toxiproxy.ail("reset_peer", timeout=200)}
    for _ in range(3):
        faults[fault]()
        elapse(2)
        toxiproxy.mend()
        elapse(1)
    fleet.publish(1000)
    fleet.wait_until_empty(90)
    check(fleet, 0)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["reset", pytest.param("cut", marks=pytest.mark.soak),
                                   pytest.param("cut-in-mid-response", marks=pytest.mark.soak)])
def test_a_network_to_the_receiver_that_is_cut_in_mid_response_repeats_those_requests_alone(
        kafka: Kafka, toxiproxy: Toxiproxy, receiver: Receiver, unique, postrider,
        fault: str) -> None:
    fleet = Fleet(kafka, receiver, unique, destinations=("crm",))
    log: DeliveryLog = fleet.logs["crm"]
    toxiproxy.forward(f"127.0.0.1:{receiver.port}")
    log.url = f"http://127.0.0.1:{toxiproxy.port}/crm"
    fleet.publish(4000)
    postrider(fleet.config())
    fleet.wait_for_more(300)
    faults = {"reset": lambda: toxiproxy.ail("reset_peer", timeout=100),
              "cut": lambda: toxiproxy.cut(),
              "cut-in-mid-response": lambda: toxiproxy.ail("limit_data", bytes=20)}
    begin = time.monotonic()
    faults[fault]()
    elapse(1)
    toxiproxy.mend()
    end = time.monotonic()
    fleet.wait_until_empty()
    again = {n for n, times in log.numbers().items() if times > 1}
    print(f"{len(again)} had an answer that never came, {log.repeats()} repeats")
    assert fleet.lost() == 0
    assert again and fleet.disorder() == []
    # Nothing whose answer went out before the cut, or that came after the mending, came again.
    for entry in log.entries():
        if entry.n in again:
            assert begin - 0.3 < entry.at < end + 15
    assert all(not (e.answered < begin - 0.05 and e.n in again) for e in log.entries())
