# SPDX-License-Identifier: Apache-2.0
"""What GET /metrics promises: each metric, its labels and a value that fits what happened."""

from __future__ import annotations

import re
import resource
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from postrider_test.all_ways import EACH, AllWays
from postrider_test.config import Config
from postrider_test.embedded import Embedded
from postrider_test.events import record, wants
from postrider_test.postrider import BINARY, SANITIZED, Postrider
from postrider_test.receiver import Receiver
from postrider_test.wait import wait_until

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "include/app/metrics/metrics_table.h"
CODES = ROOT / "doc/eventbridge.md"

# Whatever a label may be called: none of them is made from an event.
LABELS = {"lane", "rule", "target", "destination", "connection", "topic", "partition", "class", "code",
          "worker", "result", "version", "librdkafka", "libcurl", "le"}


class Samples:
    """One scrape."""

    def __init__(self, text: str):
        self.all: dict[str, list[tuple[dict[str, str], float]]] = {}
        for line in text.splitlines():
            if found := re.fullmatch(r"(postrider_\w+)(?:{(.*)})? (\S+)", line):
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
                self.all.setdefault(found[1], []).append((labels, float(found[3])))

    def value(self, name: str, **labels: str) -> float:
        """The one sample that has these labels."""
        fitting = [value for has, value in self.all.get(name, []) if labels.items() <= has.items()]
        assert len(fitting) == 1, (name, labels, self.all.get(name))
        return fitting[0]

    def total(self, name: str) -> float:
        return sum(value for _, value in self.all.get(name, []))


def scrape(daemon: Postrider) -> Samples:
    try:
        return Samples(daemon.admin("/metrics"))
    except OSError:
        return Samples("")  # it does not listen yet


def settled(ways: AllWays, daemon: Postrider) -> bool:
    samples = scrape(daemon)
    # Gauges, and what is counted by libcurl, are brought up to date every now and then.
    return (samples.total("postrider_invocations_total") == EACH * len(ways.names())
            and "postrider_lag_records" in samples.all
            and samples.total("postrider_lag_records") == 0
            and samples.total("postrider_connections_opened_total")
            == samples.total("postrider_request_connect_seconds_count"))


def test_each_promised_metric_says_what_happened(all_ways: AllWays, postrider) -> None:
    daemon = postrider(all_ways.config)
    all_ways.publish()
    wait_until(lambda: settled(all_ways, daemon), 30, lambda: daemon.admin("/metrics"))
    s, lane, ways = Samples(daemon.admin("/metrics")), {"lane": "shop"}, len(all_ways.names())

    assert s.value("postrider_events_total", **lane) == EACH * ways
    assert s.value("postrider_matched_events_total", **lane) == EACH * ways
    for name in all_ways.names():
        assert s.value("postrider_triggered_rules_total", rule=f"rule-{name}") == EACH
        assert s.value("postrider_invocations_total", rule=f"rule-{name}", target=name) == EACH
        again = EACH if name in ("sick", "throttled") else 0
        at = {"destination": name}
        assert s.value("postrider_invocation_attempts_total", **at) == EACH + again
        assert s.value("postrider_retry_invocation_attempts_total", **at) == again
        assert s.value("postrider_successful_invocation_attempts_total", **at) == \
            (0 if name == "bad" else EACH)
        for histogram, count in (
                ("postrider_event_to_complete_seconds", EACH),
                ("postrider_ingestion_to_complete_seconds", EACH),
                ("postrider_queue_wait_seconds", EACH),
                ("postrider_invocation_attempt_seconds", EACH + again),
                ("postrider_request_first_byte_seconds", EACH + again)):
            assert s.value(f"{histogram}_count", **at) == count, (histogram, name)
            # A pass of the loop has one time: who needs not wait has waited for 0.
            assert s.value(f"{histogram}_sum", **at) > 0 or histogram == "postrider_queue_wait_seconds"
            assert s.value(f"{histogram}_bucket", le="+Inf", **at) == count
        opened = s.value("postrider_connections_opened_total", **at)
        assert s.value("postrider_request_connect_seconds_count", **at) == opened >= 1
        assert s.value("postrider_request_tls_seconds_count", **at) == (opened if name == "tls" else 0)
        assert s.value("postrider_in_flight", **at) == 0
        assert s.value("postrider_window", **at) == 64
        assert s.value("postrider_breaker_open", **at) == 0
    assert s.value("postrider_failed_invocations_total", rule="rule-bad", target="bad") == EACH
    assert s.value("postrider_invocations_sent_to_dlq_total", rule="rule-bad", target="bad") == EACH
    assert s.value("postrider_dead_letters_total", code="ERROR_FROM_TARGET") == EACH
    assert s.value("postrider_throttled_invocation_attempts_total", destination="throttled") == EACH
    assert s.value("postrider_responses_total", destination="sick", **{"class": "5xx"}) == EACH
    assert s.value("postrider_responses_total", destination="sick", **{"class": "2xx"}) == EACH
    assert s.value("postrider_responses_total", destination="bad", **{"class": "4xx"}) == EACH
    assert s.value("postrider_rate_limit_wait_seconds_total", destination="limited") > 0
    assert s.value("postrider_rate_limit_wait_seconds_total", destination="good") == 0

    assert s.value("postrider_token_refreshes_total", connection="login") == all_ways.tokens.issued == 1
    assert 0 < s.value("postrider_token_age_seconds", connection="login") < 60
    assert s.value("postrider_token_expires_in_seconds", connection="login") > 3000

    partitions = {has["partition"] for has, _ in s.all["postrider_lag_records"]}
    assert len(partitions) == s.value("postrider_assigned_partitions", **lane)
    for partition in partitions:
        place = {**lane, "topic": all_ways.topic, "partition": partition}
        assert s.value("postrider_lag_records", **place) == 0
        assert s.value("postrider_open_records", **place) == 0
        assert s.value("postrider_oldest_open_record_age_seconds", **place) == 0
    assert s.value("postrider_open_bytes", **lane) == 0 < s.value("postrider_open_limit_bytes")
    assert s.value("postrider_commits_total", **lane) > 0
    assert s.value("postrider_commit_failures_total", **lane) == 0
    assert s.value("postrider_rebalances_total", **lane) >= 1
    assert s.value("postrider_loop_stalls_total", worker="0") >= 0


def test_each_counter_is_shown_before_anything_is_counted(all_ways: AllWays, postrider) -> None:
    """An alert on an increase misses the first event of a counter that begins with it."""
    all_ways.config.rule("rule-none", "shop", wants("none"), {
        "destination": "good", "dead_letter_topic": "none"})
    daemon = postrider(all_ways.config)
    wait_until(lambda: scrape(daemon).total("postrider_assigned_partitions") > 0)
    s = Samples(daemon.admin("/metrics"))
    counters = set(re.findall(r'^METRIC\(\w+, COUNTER, "(postrider_\w+)"', TABLE.read_text(), re.M))
    assert {name for name in counters if name not in s.all and "spans" not in name
            and "response_rule" not in name} == set()
    for name in all_ways.names():
        at = {"rule": f"rule-{name}", "target": name}
        assert s.value("postrider_failed_invocations_total", **at) == 0
        assert s.value("postrider_invocations_sent_to_dlq_total", **at) == 0
    assert s.value("postrider_invocations_sent_to_dlq_total", rule="", target="") == 0
    assert s.value("postrider_invocations_dropped_total", rule="rule-none") == 0
    assert s.value("postrider_config_reloads_total", result="refused") == 0
    assert s.value("postrider_token_refresh_failures_total", connection="login") == 0
    codes = re.findall(r"^\| `([A-Z_]+)` \|", CODES.read_text().partition("## Error codes")[2], re.M)
    assert {has["code"] for has, _ in s.all["postrider_dead_letters_total"]} == set(codes)


def test_the_process_says_what_every_client_of_prometheus_says(all_ways: AllWays, postrider) -> None:
    daemon = postrider(all_ways.config)
    wait_until(lambda: scrape(daemon).total("postrider_assigned_partitions") > 0)
    limit, page = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[0], resource.getpagesize()
    assert daemon.metric("process_max_fds") == limit
    assert 10 < daemon.metric("process_open_fds") < limit
    assert page < daemon.metric("process_resident_memory_bytes") < daemon.metric("process_virtual_memory_bytes")
    assert abs(daemon.metric("process_start_time_seconds") - time.time()) < 60
    before = daemon.cpu_seconds()
    wait_until(lambda: daemon.metric("process_cpu_seconds_total") >= before > 0)
    version = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True).stdout
    info = Samples(daemon.admin("/metrics")).all["postrider_build_info"][0][0]
    assert f"postrider {info['version']} (librdkafka {info['librdkafka']}, libcurl/{info['libcurl']} " in version


def test_what_is_open_is_told_by_partition_and_no_label_is_made_from_an_event(all_ways: AllWays, postrider) -> None:
    held = all_ways.receiver.hold("/good")
    daemon = postrider(all_ways.config)
    all_ways.publish()
    wait_until(lambda: held.waiting == EACH)
    wait_until(lambda: daemon.metric("postrider_open_records") == EACH, 30)
    wait_until(lambda: daemon.metric("postrider_lag_records") >= EACH, 30)
    s = Samples(daemon.admin("/metrics"))
    assert s.value("postrider_in_flight", destination="good") == EACH
    assert s.total("postrider_lag_records") >= EACH
    assert max(v for _, v in s.all["postrider_oldest_open_record_age_seconds"]) > 0
    assert s.value("postrider_open_bytes", lane="shop") > 0
    assert {label for samples in s.all.values() for has, _ in samples for label in has} <= LABELS
    held.release()
    wait_until(lambda: settled(all_ways, daemon), 30)


@pytest.mark.alone
def test_a_scrape_of_a_thousand_destinations_holds_the_loop_for_less_than_20_ms(
        embedded: Embedded, receiver: Receiver, unique, postrider) -> None:
    topic = unique("sales")
    embedded.create_topic(topic)
    config = Config(embedded.bootstrap)
    config.consumer("shop", topic, group_id=unique("group"), auto_offset_reset="earliest",
                    isolation="shared")
    config.connection("plain", authorization_type="NONE")
    for n in range(1000):
        config.destination(f"api-{n}", receiver.url(f"/{n}"), connection="plain")
        config.rule(f"rule-{n}", "shop", wants(f"kind-{n}"), {"destination": f"api-{n}"})
    daemon = postrider(config)
    embedded.produce(topic, [record(f"kind-{n}", n) for n in range(1000)])
    wait_until(lambda: receiver.count() == 1000, 60, lambda: f"1,000: {receiver.count()}")

    def longest_ms() -> float:
        """Of the passes in the last second; the scrapes before this one are in it."""
        text = daemon.admin("/metrics")
        assert text.count("postrider_in_flight{") == 1000
        found = re.search(r'^postrider_loop_longest_pass_seconds{worker="0"} (\S+)$', text, re.M)
        return float(found[1]) * 1000

    passes = [longest_ms() for _ in range(5)]
    print(f"longest pass around a scrape: median {statistics.median(passes):.1f} ms, most {max(passes):.1f}")
    # Each scrape would show it; other processes' noise does not show in each.
    assert SANITIZED or min(passes) < 20
