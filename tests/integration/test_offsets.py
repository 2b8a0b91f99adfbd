# SPDX-License-Identifier: Apache-2.0
"""Never lost, hardly ever repeated: what a crash of the program does to what it committed."""

from __future__ import annotations

import gc
import os
import random
import statistics
import time
from dataclasses import dataclass

import pytest

from postrider_test.client import Record
from postrider_test.events import event
from postrider_test.fleet import KEYS, Fleet, fails_in_all_ways
from postrider_test.group_log import SLACK_S, Commit, last_before, steps_back, told_before
from postrider_test.http_server import Hold, Reply
from postrider_test.kafka import Kafka
from postrider_test.delivery_log import Entry, histogram, since
from postrider_test.postrider import Postrider
from postrider_test.receiver import Receiver
from postrider_test.wait import elapse, holds_for, wait_until, wait_until_still


class Kill:
    """One kill -9, as the receiver saw it."""

    def __init__(self, fleet: Fleet, daemon: Postrider):
        self.marks = {name: log.mark() for name, log in fleet.logs.items()}
        self.at = time.monotonic()
        daemon.kill()
        self.restart_at = time.monotonic()
        daemon.start()

    def first_delivery_s(self, fleet: Fleet) -> float:
        """From the restart to the first delivery, at the destination that had it later."""
        def first(name: str) -> float:
            came = [e.at for e in fleet.logs[name].entries(self.marks[name])
                    if e.at > self.restart_at]
            return min(came, default=0.0)

        wait_until(lambda: all(first(name) for name in fleet.logs), 30, "a first delivery")
        return max(first(name) for name in fleet.logs) - self.restart_at


@dataclass
class Cost:
    """What a kill cost, and what it might have: only what was on the wire or answered since the
    last commit was gathered may be sent again."""

    repeated: int
    on_wire: int
    recent: int
    gap_s: float        # from the last commit to the kill
    told_s: float       # from when what was answered must be in that commit
    wrong: list[Entry]  # repeated without such an excuse

    def check(self) -> None:
        assert not self.wrong, (
            f"{len(self.wrong)} of {self.repeated} had been answered {self.told_s * 1000:.0f} ms before "
            f"the kill, the last commit was made {self.gap_s * 1000:.0f} ms before it: "
            f"{self.wrong[:3]}")


def cost_of(kill: Kill, entries: list[Entry], history: list[Commit]) -> Cost:
    """From the entries of the two lives that the kill divides."""
    again = {e.n for e in entries if e.at >= kill.restart_at}
    # Who had no answer in time sends again; what it got last is what counts.
    before = {e.n: e for e in entries if e.at < kill.restart_at}
    told_s = told_before(history, kill.at) - SLACK_S
    on_wire = {n for n, e in before.items() if e.answered >= kill.at}
    recent = {n for n, e in before.items() if told_s <= e.answered < kill.at}
    repeated = again & before.keys()
    return Cost(len(repeated), len(on_wire), len(recent),
                kill.at - last_before(history, kill.at), kill.at - told_s,
                [before[n] for n in repeated - on_wire - recent])


def kill_often(fleet: Fleet, daemon: Postrider, count: int, rng: random.Random) -> list[Kill]:
    kills: list[Kill] = []
    for _ in range(count):
        if fleet.backlog() < 6000:
            fleet.publish(3000)
        fleet.wait_for_more()
        elapse(rng.uniform(0.02, 0.6))
        # A collector that walks the books of a million requests stalls the receiver for a second.
        gc.freeze()
        kills.append(Kill(fleet, daemon))
        kills[-1].took_s = kills[-1].first_delivery_s(fleet)
    return kills


def report(fleet: Fleet, kills: list[Kill]) -> None:
    """Check each kill and print what it cost."""
    costs: list[list[Cost]] = [[] for _ in kills]
    ends = [kill.restart_at for kill in kills[1:]] + [float("inf")]
    for name, log in fleet.logs.items():
        history, entries = fleet.commits(name), log.entries()
        assert steps_back(history) == []
        assert max(len(c.metadata) for c in history) <= 4096
        for i, kill in enumerate(kills):
            # What comes again only after the next kill is counted there.
            lives = entries[since(entries, kills[i - 1].restart_at) if i else 0:
                            since(entries, ends[i])]
            costs[i].append(cost_of(kill, lives, history))
    repeats = [sum(cost.repeated for cost in of_kill) for of_kill in costs]
    excused = sum(cost.on_wire + cost.recent for of_kill in costs for cost in of_kill)
    gaps_ms = [cost.gap_s * 1000 for of_kill in costs for cost in of_kill]
    took_ms = [kill.took_s * 1000 for kill in kills]
    print(f"{len(kills)} kills, {fleet.published} events to {len(fleet.logs)} destinations: "
          f"{fleet.lost()} lost, {fleet.repeated()} repeated, "
          f"{fleet.repeated() / len(kills):.1f} a kill (median {statistics.median(repeats):g}, "
          f"most {max(repeats)}; on the wire or answered too late for the last commit: "
          f"{excused / len(kills):.1f})\n"
          f"repeats a kill: {histogram(repeats)}\n"
          f"last commit before the kill: median {statistics.median(gaps_ms):.0f} ms, "
          f"most {max(gaps_ms):.0f} ms\n"
          f"first delivery after the start: median {statistics.median(took_ms):.0f} ms, "
          f"most {max(took_ms):.0f} ms")
    for cost in (cost for of_kill in costs for cost in of_kill):
        cost.check()
    assert statistics.median(took_ms) < 1000
    assert fleet.repeated() / len(kills) < 100 * len(fleet.logs)


@pytest.mark.parametrize("count", [
    10, pytest.param(int(os.environ.get("SOAK_KILLS", "200")),
                     marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_kill_9_at_random_moments_loses_nothing_and_repeats_what_was_on_the_wire(
        kafka: Kafka, receiver: Receiver, unique, postrider, count: int) -> None:
    seed = int(os.environ.get("SEED", "1"))
    fleet = Fleet(kafka, receiver, unique, answer=fails_in_all_ways(seed))
    fleet.publish(6000)
    daemon = postrider(fleet.config(instance_id=True))
    kills = kill_often(fleet, daemon, count, random.Random(seed))
    fleet.wait_until_empty()
    report(fleet, kills)
    assert fleet.lost() == 0
    assert fleet.disorder() == []


@pytest.mark.parametrize("count", [
    20_000, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(600)])])
def test_one_delivery_held_open_at_the_head_is_all_that_is_repeated(
        kafka: Kafka, receiver: Receiver, unique, postrider, count: int) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, delay=0, concurrency=64,
                  destinations=("crm",))
    crm, head = fleet.logs["crm"], Hold()
    crm.answer = lambda n, attempt: Reply(hold=head) if n == 0 and attempt == 1 else None
    config = fleet.config(instance_id=True)
    config["destinations"]["crm"]["timeout"] = "600s"
    fleet.publish(1)
    daemon = postrider(config)
    wait_until(lambda: head.waiting == 1)
    # Its own key waits behind it, and nothing else does.
    behind = (count - 1) // KEYS
    for _ in range(count // 10_000):
        fleet.publish(10_000)
    wait_until(lambda: crm.accepted >= (count - behind) * 0.98, 300,
               lambda: f"{crm.accepted} passed")
    assert kafka.committed(f"{fleet.group}.crm", fleet.topic)[0].offset == 0
    kill = Kill(fleet, daemon)
    fleet.wait_until_empty()
    cost = cost_of(kill, crm.entries(), fleet.commits("crm"))
    print(f"{count} passed one that was held open: {cost.repeated} repeated, {cost.on_wire} were "
          f"on the wire, {cost.recent} answered too late for the last commit")
    cost.check()
    assert fleet.lost() == 0
    assert fleet.disorder() == []


def test_no_commit_is_made_while_nothing_settles(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, delay=0, destinations=("crm",))
    crm, held = fleet.logs["crm"], Hold()
    crm.answer = lambda n, attempt: Reply(hold=held) if n == 0 else None
    config = fleet.config()
    config["destinations"]["crm"]["timeout"] = "600s"
    fleet.publish(2000)
    daemon = postrider(config)
    # All but one of the held one's key, which wait behind it.
    wait_until(lambda: crm.accepted == 2000 - 2000 // KEYS and held.waiting == 1)

    def commits_rest(seconds: float) -> bool:
        made = daemon.metric("postrider_commits_total")
        return made > 0 and holds_for(
            lambda: daemon.metric("postrider_commits_total") == made, seconds)

    wait_until(lambda: commits_rest(0.3), 20, "the last commits")
    assert commits_rest(3)


def test_metadata_near_the_limit_is_never_refused(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, delay=0, destinations=("crm",))
    # Two of three fail for an hour, strewn at random so that no run length is long.
    rng = random.Random(4)
    stuck = {n for n in range(16_000) if rng.random() < 0.35}
    crm = fleet.logs["crm"]
    crm.answer = lambda n, attempt: (
        Reply(409, headers={"Retry-After": "3600"}) if n in stuck else None)
    config = fleet.config(instance_id=True)
    config["destinations"]["crm"].update(ordering="none")
    fleet.publish(16_000)
    daemon = postrider(config)

    def longest() -> int:
        return max((len(c.metadata) for c in fleet.commits("crm")), default=0)

    wait_until(lambda: crm.refused > 4000, 60, lambda: f"{crm.refused} refused")
    wait_until_still(lambda: crm.accepted + crm.refused, 0.6)
    wait_until(lambda: kafka.committed(f"{fleet.group}.crm", fleet.topic)[0].metadata)
    # Attempts are committed once a second; then there is nothing new to commit.
    wait_until_still(lambda: daemon.metric("postrider_commits_total"), 1.5)
    accepted, length = crm.accepted, longest()
    print(f"{accepted} accepted, {crm.refused} open, the longest map has {length} bytes")
    assert 3000 < length <= 4096
    assert daemon.metric("postrider_commit_failures_total") == 0
    assert daemon.log_lines("commit_failed") == []
    daemon.kill()
    crm.answer = lambda n, attempt: None
    daemon.start()
    fleet.wait_for_more(100)
    # What fails may be tried again after a restart, since an hour has passed for all we know.
    wait_until(lambda: crm.accepted == 16_000, 60, lambda: f"{crm.accepted} accepted")
    fleet.wait_until_empty()
    assert crm.repeats() <= fleet.concurrency
    assert daemon.log_lines("completion_map_ignored|commit_failed") == []


def test_aborted_transactions_are_passed(kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    from confluent_kafka import Producer

    fleet = Fleet(kafka, receiver, unique, partitions=2, delay=0, destinations=("crm",))
    daemon = postrider(fleet.config(instance_id=True))
    settings = {"bootstrap.servers": kafka.bootstrap, "transactional.id": unique("tx")}
    producer = Producer(settings)
    producer.init_transactions()
    committed: set[int] = set()
    for round_ in range(40):
        producer.begin_transaction()
        numbers = range(round_ * 10, round_ * 10 + 10)
        for n in numbers:
            producer.produce(fleet.topic, event("sale", n, key=n), str(n).encode())
        producer.flush()
        if round_ % 2:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
            committed |= set(numbers)
        if round_ == 20:
            daemon.kill()
            daemon.start()
    crm = fleet.logs["crm"]
    wait_until(lambda: crm.accepted >= len(committed), 30, lambda: f"{crm.accepted} accepted")
    assert crm.numbers().keys() == committed
    # The last transaction was aborted: its records and its marker are passed, although nothing
    # is read behind them. Kafka writes the marker after it has answered; the id's next owner
    # has to wait for it.
    Producer(settings).init_transactions()
    fleet.wait_until_empty()
    assert daemon.terminate() == 0
    ends = kafka.log_ends(fleet.topic)
    kafka.delete_records(fleet.topic, ends)
    daemon.start()
    for partition in range(2):
        kafka.produce(fleet.topic, [Record(event("sale", 1000 + partition, key=partition),
                                           partition=partition)])
    wait_until(lambda: {1000, 1001} <= crm.numbers().keys(), 60, lambda: daemon.admin("/status"))
    fleet.wait_until_empty()
    assert crm.numbers().keys() == committed | {1000, 1001}
    assert crm.repeats() <= fleet.concurrency
    assert daemon.log_lines("records_lost") == []


def test_compacted_topics_are_passed(kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, delay=0, destinations=("crm",))
    kafka.configure_topic(fleet.topic, cleanup_policy="compact", segment_ms="100",
                          min_cleanable_dirty_ratio="0.01", max_compaction_lag_ms="200")
    for round_ in range(4):
        kafka.produce(fleet.topic, [
            Record(event("sale", round_ * 100 + n, key=n), str(n).encode()) for n in range(100)])
        elapse(0.15)  # longer than segment.ms: the broker begins a new segment
    kafka.produce(fleet.topic, [Record(event("sale", 999, key=999), b"999")])
    wait_until(lambda: len(kafka.consume(fleet.topic)) < 250, 40,
               lambda: f"compaction, {len(kafka.consume(fleet.topic))} records are left")
    crm, first = fleet.logs["crm"], Hold()
    crm.answer = lambda n, attempt: Reply(hold=first) if attempt == 1 and n == 350 else None
    daemon = postrider(fleet.config(instance_id=True))
    wait_until(lambda: first.waiting and 999 in crm.numbers())
    wait_until(lambda: kafka.committed(f"{fleet.group}.crm", fleet.topic)[0].metadata)
    wait_until_still(lambda: daemon.metric("postrider_commits_total"), 0.2)
    passed = crm.mark()
    daemon.kill()
    daemon.start()
    fleet.wait_until_empty()
    assert [e.n for e in crm.entries(passed)] == [350]


@pytest.mark.long
def test_retries_longer_than_max_poll_interval_keep_the_membership(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, delay=0, destinations=("crm",),
                  properties=("max.poll.interval.ms=6000",))
    crm = fleet.logs["crm"]
    crm.answer = lambda n, attempt: (
        Reply(503, headers={"Retry-After": "13"}) if n == 0 and attempt == 1 else None)
    config = fleet.config()
    # All wait behind the first, and the lane is full: nothing is read.
    config["destinations"]["crm"].update(ordering="partition", breaker_retry_after="0s")
    config["max_in_flight"] = 10
    fleet.publish(200)
    daemon = postrider(config)
    wait_until(lambda: crm.refused == 1)
    assert holds_for(lambda: crm.accepted == 0 and len(kafka.members(f"{fleet.group}.crm")) == 1,
                     12.2)
    fleet.wait_until_empty()
    assert daemon.metric("postrider_rebalances_total") == 1  # that it joined
    assert crm.numbers() == {n: 1 for n in range(200)}
    assert fleet.disorder() == []


def old_records(count: int) -> list[Record]:
    """Written 50 minutes ago."""
    written_ms = int(time.time() * 1000) - 50 * 60_000
    return [Record(event("sale", n, key=n), timestamp_ms=written_ms) for n in range(count)]


def test_records_that_near_their_retention_are_warned_of(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, destinations=("crm",))
    kafka.configure_topic(fleet.topic, retention_ms="3600000")
    hold = receiver.hold("/crm")
    kafka.produce(fleet.topic, old_records(10))
    daemon = postrider(fleet.config())
    line = daemon.wait_for_log("retention_near")
    assert "partition=0" in line and "offset=0" in line and "retention_ms=3600000" in line
    where = {"lane": "shop.crm", "topic": fleet.topic, "partition": "0"}
    assert 0.8 < daemon.metric("postrider_retention_used_ratio", **where) < 0.9
    hold.release()
    fleet.broker.wait_for_lag(f"{fleet.group}.crm", fleet.topic)
    wait_until(lambda: daemon.metric("postrider_retention_used_ratio", **where) == 0)
    assert daemon.log_text().count("id=retention_near") == 1


def test_a_topic_that_comes_later_has_its_retention_watched_at_once(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    fleet = Fleet(kafka, receiver, unique, partitions=1, destinations=("crm",))
    kafka.configure_topic(fleet.topic, retention_ms="3600000")
    receiver.hold("/crm")
    config = fleet.config()
    config["consumers"]["shop"]["topics"] = [f"^{fleet.topic}.*"]
    kafka.produce(fleet.topic, old_records(1))
    daemon = postrider(config)
    daemon.wait_for_log(f"retention_near.*{fleet.topic} ")  # what is known of is asked for again in ten minutes
    kafka.create_topic(f"{fleet.topic}.late", 1, config={"retention.ms": "3600000"})
    kafka.produce(f"{fleet.topic}.late", old_records(1))
    assert "offset=0" in daemon.wait_for_log(f"retention_near.*{fleet.topic}[.]late", timeout=50)


def test_records_that_retention_removed_are_counted(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    from confluent_kafka import TopicPartition

    fleet = Fleet(kafka, receiver, unique, partitions=1, delay=0, destinations=("crm",))
    daemon = postrider(fleet.config(instance_id=True))
    fleet.publish(100)
    fleet.wait_until_empty()
    daemon.kill()
    fleet.publish(300)
    gone = TopicPartition(fleet.topic, 0, 250)
    kafka.admin.delete_records([gone])[gone].result(20)
    daemon.start()
    line = daemon.wait_for_log("records_lost")
    assert "records=150" in line and "from_offset=100" in line
    fleet.wait_until_empty()
    assert daemon.metric("postrider_lost_records_total") == 150
    assert fleet.logs["crm"].numbers().keys() == set(range(100)) | set(range(250, 400))
