# SPDX-License-Identifier: Apache-2.0
"""Several instances in one group, and topics that come, go and grow."""

from __future__ import annotations

import os
import random
import time
from typing import Callable

import pytest
from confluent_kafka.admin import NewPartitions

from postrider_test.fleet import Fleet, fails_in_all_ways
from postrider_test.group_log import SLACK_S, steps_back, told_before
from postrider_test.kafka import Kafka
from postrider_test.postrider import Postrider
from postrider_test.receiver import Receiver
from postrider_test.wait import elapse, holds_for, wait_until

# A member that stopped is missed after a second.
QUICK = ("session.timeout.ms=1500", "heartbeat.interval.ms=200")
REFRESH = ("topic.metadata.refresh.interval.ms=300", "metadata.max.age.ms=1000")
NAMES = ("one", "two", "three")


def start_all(fleet: Fleet, postrider: Callable[..., Postrider], **keys) -> dict[str, Postrider]:
    daemons = {name: postrider(fleet.config(name, **keys)) for name in NAMES}
    wait_for_members(fleet, len(NAMES))
    return daemons


def wait_for_members(fleet: Fleet, count: int) -> None:
    for name in fleet.logs:
        fleet.broker.wait_for_members(f"{fleet.group}.{name}", count)


def all_took_part(fleet: Fleet) -> bool:
    return all({e.instance for e in log.entries()} == set(NAMES)
               for log in fleet.logs.values())


def no_commit_moved_back(fleet: Fleet) -> None:
    for name in fleet.logs:
        assert steps_back(fleet.commits(name)) == []


@pytest.mark.long
@pytest.mark.parametrize("instance_id", [
    pytest.param(False, id="members"), pytest.param(True, id="static-members")])
def test_rolling_restart_of_three_repeats_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider, instance_id: bool) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=6, concurrency=16)
    fleet.publish(8000)
    daemons = start_all(fleet, postrider, instance_id=instance_id)
    for daemon in daemons.values():
        if fleet.backlog() < 4000:
            fleet.publish(4000)
        fleet.wait_for_more(200)
        assert daemon.terminate() == 0
        fleet.wait_for_more(200)
        daemon.start()
        wait_for_members(fleet, len(NAMES))
    fleet.wait_until_empty()
    print(f"{fleet.published} events: {fleet.lost()} lost, {fleet.repeated()} repeated")
    assert fleet.lost() == 0
    assert fleet.repeated() == 0
    assert fleet.disorder() == []
    assert all(not daemon.log_lines("drain_timed_out") for daemon in daemons.values())
    no_commit_moved_back(fleet)


def come_and_go(fleet: Fleet, daemons: dict[str, Postrider], steps: int,
                rng: random.Random) -> dict[str, int]:
    """At each step one instance is ended, killed, or stopped for longer than its session."""
    done = {"SIGTERM": 0, "SIGKILL": 0, "SIGSTOP": 0}
    for step in range(steps):
        if fleet.backlog() < 4000:
            fleet.publish(3000)
        way = list(done)[step % 3]
        daemon = daemons[rng.choice(NAMES)]
        elapse(rng.uniform(0.1, 0.6))
        if way == "SIGSTOP":
            daemon.pause()
            elapse(rng.uniform(1.8, 2.6))
            daemon.resume()
        else:
            daemon.terminate() if way == "SIGTERM" else daemon.kill()
            elapse(rng.uniform(0.0, 0.5))
            daemon.start()
        done[way] += 1
        fleet.wait_for_more(10, 30)
    return done


@pytest.mark.long
@pytest.mark.parametrize("steps", [
    6, pytest.param(int(os.environ.get("SOAK_KILLS", "200")) // 2,
                    marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_instances_join_and_leave_at_random_and_nothing_is_lost(
        kafka: Kafka, receiver: Receiver, unique, postrider, steps: int) -> None:
    seed = int(os.environ.get("SEED", "1"))
    fleet = Fleet(kafka, receiver, unique, partitions=6, concurrency=16, properties=QUICK,
                  answer=fails_in_all_ways(seed))
    fleet.publish(8000)
    daemons = start_all(fleet, postrider)
    done = come_and_go(fleet, daemons, steps, random.Random(seed))
    fleet.wait_until_empty()
    harsh = done["SIGKILL"] + done["SIGSTOP"]
    print(f"{done}, {fleet.published} events: {fleet.lost()} lost, {fleet.repeated()} repeated, "
          f"{fleet.repeated() / harsh:.1f} for each that did not leave by itself")
    assert fleet.lost() == 0
    # Six partitions of three members: what one had on the wire and had not committed.
    assert fleet.repeated() / harsh < 100 * len(fleet.logs)
    no_commit_moved_back(fleet)


@pytest.mark.long
def test_a_zombie_neither_commits_nor_sends_once_it_knows(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=4, concurrency=16, properties=QUICK,
                  destinations=("crm",))
    crm = fleet.logs["crm"]
    fleet.publish(6000)
    zombie, other = postrider(fleet.config("one")), postrider(fleet.config("two"))
    wait_for_members(fleet, 2)
    wait_until(lambda: {e.instance for e in crm.entries()} >= {"one", "two"}, 20)
    fleet.publish(3000)
    fleet.wait_for_more(100)
    zombie.pause()
    stopped_at = crm.mark()
    of_zombie = {e.partition for e in crm.entries()[-200:] if e.instance == "one"}
    wait_for_members(fleet, 1)
    wait_until(lambda: {e.partition for e in crm.entries(stopped_at) if e.instance == "two"}
               >= of_zombie, 30, "the other has taken over")
    fleet.publish(4000)
    others = {e.n for e in crm.entries() if e.instance == "two"}
    resumed_at = time.monotonic()
    zombie.resume()
    fleet.wait_until_empty()
    late = [e for e in crm.entries() if e.instance == "one" and e.at > resumed_at]
    stale = [e for e in late if e.n in others]
    print(f"{fleet.repeated()} repeated; woken, it sent {len(stale)} again of what the other had, "
          f"the last after {max((e.at - resumed_at for e in stale), default=0) * 1000:.0f} ms")
    assert fleet.lost() == 0
    assert all(e.at - resumed_at < 0.5 for e in stale)
    assert fleet.repeated() <= 3 * fleet.concurrency + len(stale)
    no_commit_moved_back(fleet)
    assert other.running and zombie.running


def test_the_older_of_two_with_one_id_is_fenced_and_exits_with_78(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, destinations=("crm",))
    crm = fleet.logs["crm"]
    config = fleet.config("one", instance_id=True)
    fleet.publish(6000)
    older = postrider(config)
    fleet.wait_for_more(200)
    config["connections"]["login"]["api_key_value"] = "newer"
    newer = postrider(config)
    # When the older one learns of it is Kafka's matter: seconds, on a busy machine more.
    assert older.wait(60) == 78
    # The receiver's clock is read when it gets to a request, not when that was sent.
    gone_at = time.monotonic() + 1
    assert len(older.log_lines("id=fenced")) == 1
    fleet.wait_until_empty()
    assert fleet.lost() == 0
    of_older = [e for e in crm.entries() if e.instance == "one"]
    of_newer = [e for e in crm.entries() if e.instance == "newer"]
    assert all(e.at < gone_at for e in of_older)
    # What the older one could still commit is not sent again.
    told_s = told_before(fleet.commits("crm"), min(e.at for e in of_newer)) - SLACK_S
    again = {e.n for e in of_newer}
    assert all(e.answered >= told_s for e in of_older if e.n in again)
    assert newer.running
    no_commit_moved_back(fleet)


# Topics


def test_a_topic_that_does_not_exist_yet_is_waited_for(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, properties=REFRESH, destinations=("crm",))
    config = fleet.config()
    fleet.topic = unique("later")
    config["consumers"]["shop"]["topics"] = [fleet.topic]
    daemon = postrider(config)
    assert holds_for(lambda: daemon.running, 1.0)
    kafka.create_topic(fleet.topic)
    fleet.publish(100)
    wait_until(lambda: fleet.logs["crm"].accepted == 100, 20)
    assert fleet.repeated() == 0


def test_a_pattern_takes_up_a_topic_that_starts_to_match(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, properties=REFRESH, destinations=("crm",))
    fleet.topic = unique("first")
    config = fleet.config()
    other = unique("second")
    config["consumers"]["shop"]["topics"] = ["^(first|second)" + other[len("second"):].replace(
        ".", "\\.") + "$"]
    kafka.create_topic(fleet.topic)
    postrider(config)
    fleet.publish(100)
    wait_until(lambda: fleet.logs["crm"].accepted == 100)
    kafka.create_topic(other)
    fleet.topic = other
    fleet.publish(100)
    wait_until(lambda: fleet.logs["crm"].accepted == 200, 20)
    fleet.wait_until_empty()
    assert fleet.repeated() == 0


def test_partitions_that_a_topic_grows_are_read_from_their_beginning(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, properties=REFRESH,
                  destinations=("crm",))
    postrider(fleet.config())
    fleet.publish(100)
    wait_until(lambda: fleet.logs["crm"].accepted == 100)
    kafka.admin.create_partitions([NewPartitions(fleet.topic, 4)])[fleet.topic].result(20)
    wait_until(lambda: len(kafka.partitions(fleet.topic)) == 4)
    kafka.wait_for_topic(fleet.topic)
    kafka.close()  # a producer that knows of the new partitions
    fleet.publish(400)
    wait_until(lambda: fleet.logs["crm"].accepted == 500, 20)
    fleet.wait_until_empty()
    assert {e.partition for e in fleet.logs["crm"].entries()} == {0, 1, 2, 3}
    assert fleet.repeated() == 0


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=4, properties=REFRESH,
                  destinations=("crm",))
    crm = fleet.logs["crm"]
    daemon = postrider(fleet.config())
    fleet.publish(200)
    wait_until(lambda: crm.accepted == 200)
    fleet.wait_until_empty()
    kafka.delete_topic(fleet.topic)
    wait_until(lambda: fleet.topic not in kafka.admin.list_topics(timeout=5).topics)
    kafka.create_topic(fleet.topic, 2)  # with fewer partitions
    kafka.close()  # a producer that knows of the new ones
    fleet.publish(400)  # more than there were
    wait_until(lambda: crm.accepted == 600, 40, lambda: f"{crm.accepted} of 600")
    assert set(crm.numbers().values()) == {1}
    assert fleet.lost() == 0
    wait_until(lambda: kafka.lag(f"{fleet.group}.crm", fleet.topic) == 0)
    assert daemon.running
