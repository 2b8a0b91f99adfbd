# SPDX-License-Identifier: Apache-2.0
"""The engine at work: thousands in flight, destinations apart from each other, memory bounded."""

from __future__ import annotations

import statistics
import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import Config
from postrider_test.endpoint import Endpoint
from postrider_test.events import event, number, numbers, wants
from postrider_test.kafka import Kafka
from postrider_test.postrider import Postrider, libcurl_version
from postrider_test.receiver import Receiver, Reply, Request
from postrider_test.wait import elapse, holds_for, wait_until
from postrider_test.wrk import wrk

MB = 1_000_000
PADDING = "x" * 950  # makes an event of 1 KB


@pytest.fixture
def endpoint(tmp_path: Path, show_log) -> Iterator[Callable[..., Endpoint]]:
    """A function that starts a quick API of this test's own: endpoint(delay_ms=20)."""
    started: list[Endpoint] = []

    def start(**options: Any) -> Endpoint:
        server = Endpoint(tmp_path / f"endpoint-{len(started)}", **options)
        started.append(server)
        show_log(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


class Lab:
    """A topic of `sale` events of 1 KB, and a configuration with whatever destinations."""

    def __init__(self, broker: Client, unique: Callable[[str], str], partitions: int = 4,
                 **consumer: Any):
        self.broker = broker
        self.topic, self.letters, self.group = unique("sales"), unique("letters"), unique("group")
        broker.create_topic(self.topic, partitions)
        self.config = Config(broker.bootstrap)
        self.config.consumer("shop", self.topic, group_id=self.group,
                             dead_letter_topic=self.letters, **consumer)

    def destination(self, name: str, url: str, target: dict[str, Any] | None = None,
                    **keys: Any) -> None:
        self.config.destination(name, url, **keys)
        self.config.rule(name, "shop", wants("sale"), {"destination": name, **(target or {})})

    def begin_again(self, n: int) -> None:
        """No destinations yet, and a group that has read nothing."""
        self.config.pop("destinations", None)
        self.config.pop("rules", None)
        self.config["consumers"]["shop"]["group_id"] = f"{self.group}-{n}"

    def publish(self, count: int, first: int = 0, keys: int = 0) -> None:
        """Keys are 0 to keys - 1; with keys=0 every event has one of its own."""
        self.broker.produce(self.topic, (
            Record(event("sale", n, text=PADDING), str(n % keys if keys else n).encode())
            for n in range(first, first + count)))

    def wait_for_lag(self, destination: str = "", timeout: float = 30.0) -> None:
        group = f"{self.group}.{destination}" if destination else self.group
        self.broker.wait_for_lag(group, self.topic, 0, timeout)


def peak_bytes(daemon: Postrider) -> int:
    """The most memory that it ever had resident."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def seconds_until(endpoint: Endpoint, count: int, timeout: float = 60.0) -> float:
    """From the first request to the one that makes it `count`."""
    wait_until(lambda: endpoint.requests > 0, timeout, "a first request")
    begin, had = time.monotonic(), endpoint.requests
    wait_until(lambda: endpoint.requests >= count, timeout,
               lambda: f"{count} requests, there are {endpoint.requests}")
    reached = endpoint.requests  # what came until this look counts too
    return (time.monotonic() - begin) * count / (reached - had)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_two_workers_reach_nine_tenths_of_what_wrk_does(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    lab, total, connections = Lab(kafka, unique), 200_000, 1000
    lab.publish(total)
    lab.config["workers"] = 2
    shares: list[float] = []
    for n in range(3):
        api = endpoint(delay_ms=20)
        lab.begin_again(n)
        lab.destination("crm", api.url(), max_concurrency=connections)
        daemon = postrider(lab.config)
        wait_until(lambda: api.requests >= total // 10, 60)
        rate = total * 0.8 / seconds_until(api, total * 8 // 10)
        assert daemon.terminate() == 0
        most = min(wrk(api.url(), connections, 1024, seconds=4), connections / 0.02)
        shares.append(rate / most)
        print(f"{rate:.0f} a second, wrk {most:.0f}")
    # wrk waits for the endpoint, we also for the CPU: what else runs here only takes from our share.
    assert max(shares) >= 0.9


def test_behind_a_full_window_few_events_are_taken_up(
        embedded: Client, endpoint, unique, postrider) -> None:
    lab, hanging = Lab(embedded, unique), endpoint(delay_ms=3_600_000)
    lab.destination("crm", hanging.url(), max_concurrency=500, timeout="1h")
    lab.publish(2_000)
    daemon = postrider(lab.config)
    wait_until(lambda: hanging.requests == 500)
    wait_until(lambda: daemon.metric("postrider_queued_deliveries") == 64)
    assert daemon.metric("postrider_in_flight") == 500


# On a machine that does other things too, 5 % is within what the same run differs from itself.
@pytest.mark.parametrize("total, rounds, within", [
    (4_000, 1, 1.5), pytest.param(6_000, 5, 1.05, marks=[pytest.mark.soak, pytest.mark.timeout(240)])])
def test_a_destination_that_hangs_for_ever_costs_the_other_nothing(
        kafka: Kafka, endpoint, unique, postrider, total: int, rounds: int, within: float) -> None:
    lab = Lab(kafka, unique)
    lab.publish(total)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for n in range(rounds * 2):
        beside = n % 2 == 1
        quick, hanging = endpoint(delay_ms=20), endpoint(delay_ms=3_600_000)
        lab.begin_again(n)
        lab.destination("quick", quick.url())
        if beside:
            lab.destination("hanging", hanging.url(), timeout="1h")
        daemon = postrider(lab.config)
        if beside:
            wait_until(lambda: hanging.requests == 64)
        seconds[beside].append(seconds_until(quick, total))
        peak = peak_bytes(daemon)
        daemon.kill()
        assert hanging.requests == (64 if beside else 0)
        assert peak < 150 * MB
    alone, together = (statistics.median(seconds[beside]) for beside in (False, True))
    print(f"{total / alone:.0f}/s alone, {total / together:.0f}/s beside one that hangs")
    assert together <= alone * within


def test_memory_stays_bounded_while_a_destination_hangs(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    lab = Lab(kafka, unique)
    hanging = endpoint(delay_ms=3_600_000)
    lab.config["max_memory"] = "8MiB"
    lab.destination("hanging", hanging.url(), timeout="1h", max_concurrency=50_000)
    lab.config["max_in_flight"] = 50_000
    lab.publish(30_000)
    daemon = postrider(lab.config)
    wait_until(lambda: hanging.requests > 0)
    wait_until(lambda: daemon.metric("postrider_reading_stopped") == 1)
    open_bytes = daemon.metric("postrider_open_bytes")
    assert 0.9 * 8 * 2**20 < open_bytes < 1.1 * 8 * 2**20
    sent = hanging.requests
    assert holds_for(lambda: hanging.requests == sent, 1.0)
    assert sent < 10_000


def test_ten_thousand_in_flight_at_an_endpoint_that_takes_a_second(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    total = 30_000
    lab = Lab(kafka, unique)
    slow = endpoint(delay_ms=1000)
    lab.destination("slow", slow.url(), max_concurrency=10_000)
    lab.publish(total)
    daemon = postrider(lab.config)
    lab.wait_for_lag("slow", timeout=60.0)
    counts, peak = slow.counts(), peak_bytes(daemon)
    print(f"{counts}, {peak / MB:.0f} MB at most")
    assert counts["requests"] == total
    assert counts["most_open"] > 5_000
    # From 8.7 on, libcurl itself keeps 16 KB for each request that is on its way.
    assert peak < (250 if libcurl_version() < (8, 7) else 400) * MB
    assert daemon.metric("postrider_successful_invocation_attempts_total") == total


@pytest.mark.soak
def test_what_ten_thousand_in_flight_took_is_given_back(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    lab = Lab(kafka, unique)
    slow = endpoint(delay_ms=1000)
    lab.destination("slow", slow.url(), max_concurrency=10_000, idle_timeout="5s")
    lab.publish(20_000)
    daemon = postrider(lab.config)
    lab.wait_for_lag("slow", timeout=60.0)
    assert peak_bytes(daemon) > 150 * MB
    wait_until(lambda: daemon.resident_bytes() < 60 * MB, 90,
               lambda: f"60 MB; it has {daemon.resident_bytes() / MB:.0f}")


def test_a_hundred_thousand_deliveries_that_wait_for_their_retry_fit_into_180_mb(
        kafka: Kafka, endpoint, postrider) -> None:
    total = 100_000
    # A completion map has room for 18,000 of each partition; an event holds its topic's name.
    lab = Lab(kafka, lambda name: f"{name}.{uuid.uuid4().hex[:8]}", partitions=8)
    down = endpoint(status=503)
    lab.config["max_in_flight"] = total
    lab.destination("down", down.url(), breaker_failures=0,
                    target={"retry_policy": {"retry_base": "600s"}})
    lab.publish(total)
    daemon = postrider(lab.config)
    wait_until(lambda: down.requests > 0)
    waiting = lambda: daemon.metric("postrider_waiting_deliveries")
    wait_until(lambda: waiting() > total * 0.97, 60, lambda: f"all to wait: {waiting():.0f}")
    # What librdkafka took for the backlog is given back after a while.
    wait_until(lambda: daemon.resident_bytes() < 180 * MB, 45,
               lambda: f"180 MB; it has {daemon.resident_bytes() / MB:.0f}")
    print(f"{waiting():.0f} wait: {daemon.resident_bytes() / MB:.0f} MB resident, "
          f"{peak_bytes(daemon) / MB:.0f} MB at most")
    assert waiting() > total * 0.97
    assert peak_bytes(daemon) < 220 * MB


def test_commits_are_further_apart_the_more_records_are_open(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    total, waiting = 32_000, 15_000  # a few are tried again meanwhile
    lab = Lab(kafka, unique)
    flaky = endpoint(fail_every=2)
    lab.config["max_in_flight"] = 100_000
    lab.destination("flaky", flaky.url(), breaker_failures=0, ordering="none",
                    target={"retry_policy": {"retry_base": "600s"}})
    lab.publish(total)
    daemon = postrider(lab.config)
    wait_until(lambda: flaky.requests >= total, 60)
    wait_until(lambda: daemon.metric("postrider_waiting_deliveries") >= waiting)
    commits = lambda: daemon.metric("postrider_commit_seconds_count")
    begin, had, published = time.monotonic(), commits(), total
    while time.monotonic() - begin < 2:
        lab.publish(40, first=published)
        published += 40
    elapsed_ms, made = (time.monotonic() - begin) * 1000, commits() - had
    print(f"{made:.0f} commits in {elapsed_ms:.0f} ms, {published - total} events meanwhile")
    assert 3 <= made <= elapsed_ms / (20 + waiting / 400) + 2
    wait_until(lambda: flaky.requests >= published)


def test_a_server_that_hangs_up_sees_as_many_requests_as_are_counted(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    total = 300
    lab = Lab(kafka, unique)
    lab.destination("rude", receiver.url("/rude"), breaker_failures=0,
                    target={"retry_policy": {"retry_base": "10ms", "retry_cap": "50ms"}})

    def rude(request: Request) -> Reply:
        """A connection's first request is answered, so it is kept; its next is taken, and
        nothing is said. There libcurl, left alone, would send a POST again by itself, and
        nobody would know; we send it again once, which costs no attempt and is counted."""
        met = request.connection in answered
        answered.add(request.connection)
        return Reply(cut=0) if met else Reply()

    answered: set[int] = set()
    receiver.on("/rude", rude)
    lab.publish(total)
    daemon = postrider(lab.config)
    lab.wait_for_lag("rude")
    attempts = daemon.metric("postrider_invocation_attempts_total", destination="rude")
    resent = daemon.metric("postrider_requests_resent_total", destination="rude")
    got = receiver.requests("/rude")
    print(f"{len(got)} requests for {total} events, {attempts:.0f} attempts and {resent:.0f} resent counted")
    assert len(got) == attempts + resent
    assert len(got) > total, "no request was ever left unanswered"
    assert numbers(got).keys() == set(range(total))


def test_a_server_that_closes_after_each_answer_gets_each_event_once(
        kafka: Kafka, endpoint, unique, postrider) -> None:
    total = 3_000
    lab = Lab(kafka, unique)
    closing = endpoint(close=True)
    lab.destination("closing", closing.url())
    lab.publish(total)
    daemon = postrider(lab.config)
    lab.wait_for_lag("closing")
    assert closing.requests == total
    assert daemon.metric("postrider_invocation_attempts_total") == total


# Order


def in_order(requests: list[Request], line_of: Callable[[Request], object]) -> bool:
    """Do the events of each line come by growing numbers?"""
    last: dict[object, int] = defaultdict(lambda: -1)
    for request in requests:
        line, n = line_of(request), number(request)
        if n < last[line]:
            return False
        last[line] = n
    return True


def most_at_once(requests: list[Request], line_of: Callable[[Request], object],
                 seconds: float) -> int:
    """The most requests of one line that came within the time in which one is answered."""
    lines: dict[object, list[float]] = defaultdict(list)
    for request in requests:
        lines[line_of(request)].append(request.at)
    return max(sum(1 for other in times if at <= other < at + seconds)
               for times in lines.values() for at in times)


def partition_of(request: Request) -> str:
    """Of its Idempotency-Key, TOPIC-PARTITION-OFFSET-RULE-TARGET."""
    return (request.header("Idempotency-Key") or "").rsplit("-", 4)[1]


@pytest.mark.parametrize("ordering", ["key", "partition", "none"])
def test_ordering_holds_just_what_it_says(
        ordering: str, embedded, receiver: Receiver, unique, postrider) -> None:
    delay, keys, total = 0.02, 8, 400
    lab = Lab(embedded, unique)
    lab.destination("crm", receiver.url("/crm"), ordering=ordering)
    receiver.on("/crm", Reply(delay=delay))
    lab.publish(total, keys=keys)
    postrider(lab.config)
    lab.wait_for_lag("crm")
    got = receiver.requests("/crm")
    assert set(numbers(got).values()) == {1} and len(got) == total
    key = lambda request: number(request) % keys
    at_once = {name: most_at_once(got, line, delay * 0.9)
               for name, line in (("key", key), ("partition", partition_of))}
    if ordering == "none":
        assert at_once["key"] > 1
        return
    assert at_once[ordering] == 1
    assert in_order(got, key if ordering == "key" else partition_of)


def test_events_without_a_key_have_no_order(
        embedded, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(embedded, unique)
    lab.destination("crm", receiver.url("/crm"))
    receiver.on("/crm", Reply(delay=0.2))
    embedded.produce(lab.topic, [Record(event("sale", n), None, partition=0) for n in range(64)])
    postrider(lab.config)
    got = receiver.wait_for(64, "/crm")
    assert got[-1].at - got[0].at < 0.2


def test_a_key_waits_behind_its_retry_and_no_other_does(
        embedded, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(embedded, unique)
    lab.destination("crm", receiver.url("/crm"), breaker_failures=0,
                    target={"retry_policy": {"retry_base": "50ms", "retry_cap": "50ms"}})
    sick = [True]
    receiver.on("/crm", lambda r: Reply(503) if sick[0] and number(r) == 3 else Reply())
    lab.publish(200, keys=10)
    postrider(lab.config)
    others = {n for n in range(200) if n % 10 != 3}
    receiver.wait_for(lambda got: {number(r) for r in got} >= others, "/crm")
    assert holds_for(lambda: {number(r) for r in receiver.requests("/crm")} == others | {3}, 0.5)
    sick[0] = False
    lab.wait_for_lag("crm")
    of_key = [number(r) for r in receiver.requests("/crm") if number(r) % 10 == 3]
    assert of_key == sorted(of_key) and set(of_key) == set(range(3, 200, 10))


# Isolation


def test_a_shared_lane_reads_once_for_all_its_destinations(
        embedded, receiver: Receiver, unique, postrider) -> None:
    total = 1_000
    lab = Lab(embedded, unique, isolation="shared")
    for name in ("crm", "chat", "billing"):
        lab.destination(name, receiver.url(f"/{name}"))
    lab.publish(total, keys=50)
    daemon = postrider(lab.config)
    lab.wait_for_lag()
    for name in ("crm", "chat", "billing"):
        got = receiver.requests(f"/{name}")
        assert set(numbers(got).values()) == {1} and len(got) == total
        assert in_order(got, lambda request: number(request) % 50)
    assert daemon.metric("postrider_events_total") == total
    assert daemon.terminate() == 0


@pytest.mark.soak
def test_a_hundred_idle_destinations_cost_next_to_nothing(
        kafka: Kafka, receiver: Receiver, unique, postrider) -> None:
    lab = Lab(kafka, unique)
    # What an operator has who sets nothing: the tests' own impatience would cost more.
    lab.config["kafka"]["properties"] = []
    for n in range(100):
        lab.destination(f"api_{n}", receiver.url(f"/{n}"))
    lab.publish(10)
    daemon = postrider(lab.config)
    wait_until(lambda: receiver.count() == 1000, 60, lambda: f"1,000: {receiver.count()}")
    lab.wait_for_lag()
    begin, cpu = time.monotonic(), daemon.cpu_seconds()
    elapse(8)
    share = (daemon.cpu_seconds() - cpu) / (time.monotonic() - begin)
    threads = len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))
    resident = daemon.resident_bytes()
    print(f"{resident / MB:.0f} MB, {share:.2%} of a core, {threads} threads")
    assert resident < 200 * MB
    # Ten fetches a second of each lane: 7 %. It was 17 % while librdkafka 2.0's main threads spun
    # for the last millisecond before each of their timers.
    assert share < 0.12
