# SPDX-License-Identifier: Apache-2.0
"""Where a group begins to read, and what it says about where it is."""

from __future__ import annotations

import json

import pytest
from confluent_kafka.admin import NewPartitions

from postrider_test.client import Client, Record
from postrider_test.events import event
from postrider_test.fleet import Fleet
from postrider_test.kafka import Kafka
from postrider_test.postrider import Postrider, command
from postrider_test.receiver import Receiver
from postrider_test.wait import wait_until

REFRESH = ("topic.metadata.refresh.interval.ms=2000", "metadata.max.age.ms=4000")


def new_fleet(kafka: Kafka, receiver: Receiver, unique, **keys) -> Fleet:
    return Fleet(kafka, receiver, unique, destinations=("crm",), properties=REFRESH, **keys)


def publish_to(fleet: Fleet, partitions: range, each: int, topic: str | None = None) -> None:
    """So many events into each of these partitions."""
    first, count = fleet.published, each * len(partitions)
    fleet.published += count
    writer = Client(fleet.broker.bootstrap)  # a producer that has been there longer knows fewer
    writer.produce(topic or fleet.topic, [
        Record(event("sale", n, key=n), partition=partitions[n % len(partitions)])
        for n in range(first, first + count)])
    writer.close()


def grow(fleet: Fleet, partitions: int) -> None:
    fleet.broker.admin.create_partitions(
        [NewPartitions(fleet.topic, partitions)])[fleet.topic].result(60)
    wait_until(lambda: len(fleet.broker.partitions(fleet.topic)) == partitions, 10,
               f"{partitions} partitions")
    fleet.broker.wait_for_topic(fleet.topic)


def wait_until_known(fleet: Fleet, topic: str | None = None, destination: str = "crm") -> None:
    """The group has an offset in every partition."""
    group = f"{fleet.group}.{destination}"
    wait_until(lambda: all(c.offset >= 0 for c in fleet.broker.committed(
        group, topic or fleet.topic).values()), 30, f"offsets of {group}")


def wait_until_delivered(fleet: Fleet) -> None:
    wait_until(lambda: fleet.accepted() >= fleet.published, 30, lambda: f"{fleet.published} deliveries, "
               f"there are {fleet.accepted()}")


@pytest.mark.parametrize("policy", ["latest", "error"])
def test_a_partition_that_is_added_begins_at_its_beginning(
        kafka: Kafka, receiver: Receiver, unique, postrider, policy: str) -> None:
    fleet = new_fleet(kafka, receiver, unique, partitions=2)
    daemon = postrider(fleet.config(auto_offset_reset="latest"))
    wait_until_known(fleet)
    publish_to(fleet, range(2), 10)
    wait_until_delivered(fleet)
    assert daemon.terminate() == 0
    daemon.configure(fleet.config(auto_offset_reset=policy))
    daemon.start()
    kafka.wait_for_members(f"{fleet.group}.crm", 1)
    grow(fleet, 4)  # while it runs, and before it has noticed
    publish_to(fleet, range(4), 20)
    wait_until_delivered(fleet)
    assert daemon.terminate() == 0
    grow(fleet, 6)  # while it does not run
    publish_to(fleet, range(6), 20)
    daemon.start()
    wait_until_delivered(fleet)
    assert fleet.published == 220
    assert fleet.lost() == 0
    assert fleet.repeated() == 0


def test_a_topic_that_comes_to_match_a_pattern_begins_at_its_beginning(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = new_fleet(kafka, receiver, unique, partitions=2)
    config = fleet.config(auto_offset_reset="latest")
    config["consumers"]["shop"]["topics"] = [f"^{fleet.topic}.*"]
    postrider(config)
    wait_until_known(fleet)
    kafka.create_topic(f"{fleet.topic}-more", 2)
    publish_to(fleet, range(2), 20, f"{fleet.topic}-more")
    wait_until_delivered(fleet)
    assert fleet.lost() == 0


@pytest.mark.parametrize("subscription", ["name", "pattern"])
def test_members_of_a_new_group_that_begin_together_begin_at_the_ends(
        kafka: Kafka, receiver: Receiver, unique, postrider, subscription: str) -> None:
    fleet = new_fleet(kafka, receiver, unique, partitions=6)
    topics = [fleet.topic]
    if subscription == "pattern":
        topics.append(f"{fleet.topic}-more")
        kafka.create_topic(topics[1], 4)
    for topic in topics:
        publish_to(fleet, range(4), 50, topic)
    old = fleet.published
    config = fleet.config(auto_offset_reset="latest")
    config["workers"] = 4
    if subscription == "pattern":
        config["consumers"]["shop"]["topics"] = [f"^{fleet.topic}.*"]
    postrider(config)
    kafka.wait_for_members(f"{fleet.group}.crm", 4)
    for topic in topics:
        wait_until_known(fleet, topic)
        publish_to(fleet, range(4), 5, topic)
        kafka.wait_for_lag(f"{fleet.group}.crm", topic)
    assert sorted(fleet.logs["crm"].numbers()) == list(range(old, fleet.published))


def test_a_topic_that_is_new_to_a_group_begins_at_its_end_under_latest(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = new_fleet(kafka, receiver, unique, partitions=2)
    config = fleet.config(auto_offset_reset="latest")
    daemon = postrider(config)
    wait_until_known(fleet)
    assert daemon.terminate() == 0
    kafka.create_topic(f"{fleet.topic}-more", 2)
    publish_to(fleet, range(2), 20, f"{fleet.topic}-more")
    old = fleet.published
    config["consumers"]["shop"]["topics"] = [fleet.topic, f"{fleet.topic}-more"]
    daemon.configure(config)
    daemon.start()
    wait_until_known(fleet, f"{fleet.topic}-more")
    publish_to(fleet, range(2), 5, f"{fleet.topic}-more")
    kafka.wait_for_lag(f"{fleet.group}.crm", f"{fleet.topic}-more")
    assert sorted(fleet.logs["crm"].numbers()) == list(range(old, fleet.published))


def partitions_of(daemon: Postrider) -> list[dict]:
    lane, = json.loads(daemon.admin("/status"))["lanes"]
    return lane["partitions"]


def is_ready(daemon: Postrider) -> bool:
    return bool(json.loads(daemon.admin("/status"))["ready"])


def test_a_topic_that_may_not_be_read_is_told_with_its_lag(
        own_kafka, receiver: Receiver, unique, postrider) -> None:
    kafka = own_kafka(properties={
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true"})
    fleet = new_fleet(kafka, receiver, unique, partitions=2)
    daemon = postrider(fleet.config())
    publish_to(fleet, range(2), 10)
    fleet.wait_until_empty()
    wait_until(lambda: [p["lag"] for p in partitions_of(daemon)] == [0, 0], 30, lambda: daemon.admin("/status"))
    assert is_ready(daemon)
    tool, rule = "kafka.admin.AclCommand", ["--topic", fleet.topic, "--deny-principal", "User:ANONYMOUS",
                                            "--operation", "Read"]
    kafka.tool(tool, "--add", "--topic", fleet.topic, "--allow-principal", "User:ANONYMOUS", "--operation", "All")
    kafka.tool(tool, "--add", *rule)
    wait_until(lambda: all("uthoriz" in p["problem"] for p in partitions_of(daemon)), 30,
               lambda: daemon.admin("/status"))
    publish_to(fleet, range(2), 10)
    wait_until(lambda: sum(p["lag"] for p in partitions_of(daemon)) == 20, 30, lambda: daemon.admin("/status"))
    assert not is_ready(daemon)
    wait_until(lambda: daemon.metric("postrider_lag_records") == 20, 10, lambda: daemon.admin("/metrics"))
    assert daemon.metric("postrider_partition_failing") == 2
    shown = command("status", "-c", daemon.file)
    assert shown.returncode == 1
    assert "uthoriz" in shown.stdout
    kafka.tool(tool, "--remove", "--force", *rule)
    wait_until_delivered(fleet)
    wait_until(lambda: is_ready(daemon), 30, lambda: daemon.admin("/status"))
    assert fleet.repeated() == 0
