# SPDX-License-Identifier: Apache-2.0
"""Kafka to one HTTP request an event: events a second, CPU an event, memory; beside wrk.

    bench.py [--events N] [--rounds N] [--scenario NAME]... [--floor] [--peers]

Everything is real and on loopback: Apache Kafka, the program, tests/bench/endpoint.c. The topic
is filled first; the clock runs from a tenth of the requests at the endpoint to the last, and so
does CPU, the process's: starting and connecting are left out, for everybody, the floor included.
`wrk` against the same endpoint in the same run says what the endpoint can take. Rounds are
interleaved, and medians printed; a ratio is one round's, of what ran one after the other, and of
ratios the median too. With --peers the other bridges take their turns, in the scenarios that they
can do.
"""

from __future__ import annotations

import argparse
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from harness import ENDPOINT, Endpoint, cpu_s, fill, peak_mb
from bridges import PEERS, POSTRIDER, Bridge, Task
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.process import Process
from postrider_test.receiver import Receiver
from postrider_test.wait import free_port, wait_until
from postrider_test.wrk import wrk


FLOORS = ENDPOINT.parent
BODY_BYTES = 480  # of what the template makes of an event


@dataclass
class Scenario:
    name: str
    what: str
    delay_ms: int = 0
    concurrency: int = 64
    rules: int = 1
    fail_every: int = 0
    destinations: int = 1
    dead: int = 0            # of the destinations
    share: float = 1.0       # of the events
    waiting: int = 0         # events, other than the others' number
    keys: int = 5000         # of the events; no more are in flight, since a key keeps its order
    special: str = ""        # "oauth", "tls"
    commit_interval: str = ""
    peers: bool = False      # others can do it, too


SCENARIOS = [
    Scenario("instant", "64 in flight, endpoint answers at once", peers=True),
    Scenario("20ms", "1,000 in flight, endpoint takes 20 ms", delay_ms=20, concurrency=1000, peers=True),
    Scenario("200ms", "10,000 in flight, endpoint takes 200 ms", delay_ms=200, concurrency=10000,
             keys=100_000),
    Scenario("failing", "64 in flight, 1 % answered with 503", fail_every=100),
    Scenario("rules", "64 in flight, 100 rules", rules=100),
    Scenario("oauth", "64 in flight, OAuth client credentials", special="oauth"),
    Scenario("tls", "64 in flight, TLS", special="tls"),
    Scenario("commits", "64 in flight, a commit a minute", commit_interval="60s"),
    Scenario("backlog", "64 in flight, a million events waiting", waiting=1_000_000),
    Scenario("ten", "ten destinations, a request each", destinations=10, share=0.1),
    Scenario("one-dead", "ten destinations, one of them dead", destinations=10, dead=1, share=0.1),
]


@dataclass
class Figures:
    events_per_second: float
    cpu_us: float
    memory_mb: float
    connections: int


@dataclass
class Course:
    """A scenario made ready: where to send, and how to see how far it is."""

    endpoint: Endpoint
    urls: list[str]
    served: Callable[[Process], int]
    login: dict[str, Any] = field(default_factory=lambda: {"authorization_type": "NONE"})
    destination: dict[str, Any] = field(default_factory=dict)
    closers: list[Callable[[], None]] = field(default_factory=list)


def nginx(directory: Path) -> tuple[str, Path, Callable[[], None]]:
    """An HTTPS endpoint: its URL, its authority, and what stops it."""
    import trustme

    authority, port = trustme.CA(), free_port()
    directory.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(directory / "server.pem"))
    (directory / "nginx.conf").write_text(f"""
daemon off; pid {directory}/pid; error_log {directory}/error.log; worker_processes 1; user root;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {directory}/body;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {directory}/server.pem;
    ssl_certificate_key {directory}/server.pem;
    location / {{ return 200 "ok"; }}
  }}
}}""")
    process = Process(["nginx", "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")],
                      directory / "log")
    process.start()

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, 10, "nginx")
    return f"https://127.0.0.1:{port}/orders/new", directory / "ca.pem", process.stop


def delivered(process: Any) -> int:
    """What Postrider says of itself; 0 before it listens."""
    try:
        return int(process.metric("postrider_successful_invocation_attempts_total"))
    except OSError:
        return 0


def make_ready(s: Scenario, directory: Path) -> Course:
    endpoint = Endpoint(s.delay_ms, s.fail_every)
    course = Course(endpoint, [endpoint.url] * (s.destinations - s.dead), lambda _: endpoint.served())
    course.closers.append(endpoint.stop)
    course.urls += [f"http://127.0.0.1:{free_port()}/"] * s.dead
    if s.special == "oauth":
        receiver = Receiver()
        receiver.start()
        tokens = TokenEndpoint(receiver)
        course.closers.append(receiver.shutdown)
        course.login = {"authorization_type": "OAUTH_CLIENT_CREDENTIALS", "allow_http": True,
                        "authorization_endpoint": tokens.url, "client_id": "postrider",
                        "client_secret": "s3cret"}
    elif s.special == "tls":
        url, ca_file, stop = nginx(directory / "nginx")
        course.urls, course.destination = [url], {"ca_file": str(ca_file)}
        course.closers.append(stop)
        course.served = delivered  # nginx does not tell
    return course


def run(kafka: Kafka, topic: str, events: int, s: Scenario, bridge: Bridge, name: str,
        directory: Path) -> Figures:
    course = make_ready(s, directory / f"{name}-course")
    task = Task(kafka.bootstrap, topic, name, course.urls, s.concurrency, directory / name, s.rules,
                course.login, course.destination, commit_interval=s.commit_interval)
    count = events * (s.destinations - s.dead)
    process = bridge.make()(task)
    try:
        process.start()
        wait_until(lambda: course.served(process) >= count / 10, 120,
                   lambda: f"{name}: {process.tail()}")
        begun, cpu, first = time.monotonic(), cpu_s(process.pid), course.served(process)
        wait_until(lambda: course.served(process) >= count, 900, lambda: f"{name}: {process.tail()}")
        took, cpu = time.monotonic() - begun, cpu_s(process.pid) - cpu
        return Figures((count - first) / took, cpu * 1e6 / (count - first), peak_mb(process.pid),
                       course.endpoint.figures()["connections"])
    finally:
        process.stop()
        for close in course.closers:
            close()


def printed(pattern: str, *command: str | Path | int) -> list[float]:
    """What a program's line says, where the pattern has groups."""
    out = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True).stdout
    found = re.search(pattern, out)
    assert found, out
    return [float(text) for text in found.groups()]


def prototype(kafka: Kafka, topic: str, events: int, s: Scenario, prefetch_kb: int) -> Figures:
    """The bare libraries in one process, doing the same work without anything of ours."""
    endpoint = Endpoint(s.delay_ms)
    try:
        rate, cpu, peak = printed(r"events_per_s=([\d.]+) cpu_us=([\d.]+) peak_mb=(\d+)",
                                  FLOORS / "prototype", kafka.bootstrap, topic, events, endpoint.url,
                                  s.concurrency, BODY_BYTES, prefetch_kb)
        return Figures(rate, cpu, peak, endpoint.figures()["connections"])
    finally:
        endpoint.stop()


def floor(kafka: Kafka, topic: str, events: int, s: Scenario) -> float:
    """CPU us an event of the bare libraries on the same work: a consumer, and a multi loop."""
    endpoint = Endpoint(s.delay_ms)
    try:
        [reading] = printed(r"cpu_us_per_record=([\d.]+)", FLOORS / "floor_kafka", kafka.bootstrap,
                            topic, events)
        [sending] = printed(r"cpu_us=([\d.]+)", FLOORS / "floor_curl", "--url", endpoint.url,
                            "--requests", events, "--in-flight", s.concurrency,
                            "--body-bytes", BODY_BYTES)
        return reading + sending
    finally:
        endpoint.stop()


def ceiling(s: Scenario) -> float:
    endpoint = Endpoint(s.delay_ms)
    try:
        return wrk(endpoint.url, min(s.concurrency, 1000), 600)
    finally:
        endpoint.stop()


def median(values: list[float]) -> float:
    return statistics.median(values)


def show_ratios(s: Scenario, who: str, figures: list[Figures], floors: list[float]) -> None:
    ratios = [f.cpu_us / floor for f, floor in zip(figures, floors)]
    if ratios:
        print(f"{s.name:10} {who:14} {median(ratios):23.2f}{'':22}  times the floor's CPU, "
              f"{min(ratios):.2f} to {max(ratios):.2f}")


def show(scenarios: list[Scenario], results: dict[tuple[str, str], list[Figures]],
         ceilings: dict[str, list[float]], floors: dict[str, list[float]]) -> None:
    print(f"{'scenario':10} {'who':14} {'events/s':>9} {'CPU us/event':>13} {'peak MB':>8} "
          f"{'connections':>12}  what")
    for s in scenarios:
        for (scenario, who), figures in results.items():
            if scenario == s.name:
                print(f"{s.name:10} {who:14} {median([f.events_per_second for f in figures]):9.0f} "
                      f"{median([f.cpu_us for f in figures]):13.1f} "
                      f"{median([f.memory_mb for f in figures]):8.0f} "
                      f"{median([f.connections for f in figures]):12.0f}  {s.what}")
        if floors.get(s.name):
            print(f"{s.name:10} {'floor':14} {'':9} {median(floors[s.name]):13.1f}{'':22}"
                  f"  bare libcurl and librdkafka, added up")
            for who in [POSTRIDER.name, "prototype", "with 64 MiB"]:
                show_ratios(s, who, results.get((s.name, who), []), floors[s.name])
        print(f"{s.name:10} {'wrk':14} {median(ceilings[s.name]):9.0f}"
              f"{'':36}  the endpoint's ceiling, no Kafka")


def bridges(s: Scenario, peers: bool, only: list[str]) -> list[Bridge]:
    return [c for c in [POSTRIDER, *(PEERS if peers and s.peers else [])] if not only or c.name in only]


def topic_of(s: Scenario, events: int) -> tuple[str, int]:
    """Where its events are, and how many."""
    count = s.waiting or int(events * s.share)
    return f"bench-{count}-{s.keys}", count


def measure(o: argparse.Namespace, kafka: Kafka, scratch: Path) -> None:
    chosen = [s for s in SCENARIOS if not o.scenario or s.name in o.scenario]
    results: dict[tuple[str, str], list[Figures]] = {}
    ceilings: dict[str, list[float]] = {s.name: [] for s in chosen}
    floors: dict[str, list[float]] = {s.name: [] for s in chosen}

    def note(s: Scenario, who: str, n: int, figures: Figures) -> None:
        results.setdefault((s.name, who), []).append(figures)
        print(f"  {s.name} {n} {who}: {figures.events_per_second:.0f}/s, {figures.cpu_us:.1f} us",
              file=sys.stderr)

    for topic, count, keys in {(*topic_of(s, o.events), s.keys) for s in chosen}:
        fill(kafka, topic, count, keys)
    for n in range(o.rounds):
        for s in chosen:
            topic, count = topic_of(s, o.events)
            for c in bridges(s, o.peers, o.who):
                note(s, c.name, n, run(kafka, topic, count, s, c, f"{c.name}-{s.name}-{n}", scratch))
            if o.floor and s.destinations == 1 and not s.special:
                floors[s.name].append(floor(kafka, topic, count, s))
                for who, prefetch_kb in (("prototype", 4096), ("with 64 MiB", 65536)):
                    note(s, who, n, prototype(kafka, topic, count, s, prefetch_kb))
            ceilings[s.name].append(ceiling(s))
    print(f"{o.events} events of 1 KB, medians of {o.rounds}")
    show(chosen, results, ceilings, floors)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--events", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--scenario", action="append", choices=[s.name for s in SCENARIOS])
    arguments.add_argument("--floor", action="store_true",
                           help="the bare libraries, too: each alone, added up, and both in one process")
    arguments.add_argument("--peers", action="store_true", help="the other bridges, too")
    arguments.add_argument("--who", action="append", default=[], help="of the bridges, these alone")
    o = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="postrider-bench-") as scratch:
        kafka = Kafka(Path(scratch) / "kafka")
        kafka.start()
        try:
            measure(o, kafka, Path(scratch))
        finally:
            kafka.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
