# SPDX-License-Identifier: Apache-2.0
"""Postrider and the other bridges, each as its documentation advises for speed and
at-least-once: one process that reads a topic and POSTs each record to a URL.

A bridge makes its process from a task; the harness starts, measures and stops it.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable
from urllib.parse import urlsplit

from postrider_test.config import Config
from postrider_test.postrider import Postrider
from postrider_test.process import Process

ROOT = Path(__file__).resolve().parents[2]

TEMPLATE = {
    "input_paths_map": {"id": "$.detail.orderId", "amount": "$.detail.amount",
                        "customer": "$.detail.customer", "time": "$.time", "note": "$.detail.note"},
    "input_template": '{"order": <id>, "amount": <amount>, "by": <customer>, "at": <time>, "note": <note>}'}
PATTERN = {"source": ["bench"], "detail-type": ["Order Placed"]}


@dataclass
class Task:
    """What is to be done, and where; `group` is nobody else's."""

    bootstrap: str
    topic: str
    group: str
    urls: list[str]          # a destination each; the others take the first alone
    concurrency: int
    directory: Path
    rules: int = 1
    login: dict[str, Any] = field(default_factory=lambda: {"authorization_type": "NONE"})
    destination: dict[str, Any] = field(default_factory=dict)
    admin: bool = False
    commit_interval: str = ""  # Postrider's, not its default


def postrider(task: Task, workers: int = 1) -> Process:
    config = Config(task.bootstrap)
    config["workers"] = workers
    config["kafka"]["properties"] = []
    config["max_in_flight"] = max(20000, 2 * task.concurrency)
    # A crashed one that comes back takes up its partitions at once.
    interval = {"commit_interval": task.commit_interval} if task.commit_interval else {}
    config.consumer("shop", task.topic, group_id=task.group, instance_id="bench", **interval)
    config.connection("login", **task.login)
    for n, url in enumerate(task.urls):
        config.destination(f"api-{n}", url, connection="login", max_concurrency=task.concurrency,
                           **task.destination)
    targets = [{"destination": f"api-{n}", "input_transformer": TEMPLATE,
                "retry_policy": {"retry_base": "100ms"}} for n in range(len(task.urls))]
    for first in range(0, len(targets), 5):
        config.rule(f"orders-{first}", "shop", PATTERN, *targets[first:first + 5])
    for n in range(1, task.rules):
        config.rule(f"other-{n}", "shop", {**PATTERN, "source": [f"other-{n}"]}, targets[0])
    return Postrider(config, task.directory)


def peer(name: str) -> Path:
    """Where it is ready to run; fetched and built the first time."""
    done = subprocess.run([ROOT / "tests/bench/peers/peer.sh", name], check=True, text=True,
                          stdout=subprocess.PIPE)
    return Path(done.stdout.strip())


def by_arguments(*command: str | Path) -> Callable[[Task], Process]:
    def make(task: Task) -> Process:
        task.directory.mkdir(parents=True, exist_ok=True)
        arguments = [task.bootstrap, task.topic, task.group, task.urls[0], str(task.concurrency)]
        return Process([*map(str, command), *arguments], task.directory / "log", dict(os.environ))

    return make


def kafkajs() -> Callable[[Task], Process]:
    return by_arguments("node", peer("kafkajs") / "index.mjs")


def by_hand() -> Callable[[Task], Process]:
    directory = peer("by-hand")
    return by_arguments(directory / "venv/bin/python", directory / "consumer.py")


def parallel_consumer() -> Callable[[Task], Process]:
    directory = peer("parallel-consumer")
    return by_arguments("java", "-Xmx1g", "-cp", f"{directory}/classes:{directory}/libs/*", "Main")


def connect(tuned: bool) -> Callable[[Task], Process]:
    program = peer("connect") / "connect"

    def make(task: Task) -> Process:
        task.directory.mkdir(parents=True, exist_ok=True)
        file = task.directory / "connect.yaml"
        file.write_text(json.dumps({  # JSON is YAML
            "http": {"enabled": False}, "logger": {"level": "ERROR"},
            "input": {"kafka_franz": {
                "seed_brokers": [task.bootstrap], "topics": [task.topic],
                "consumer_group": task.group, "start_from_oldest": True,
                "checkpoint_limit": max(1024, task.concurrency), "commit_period": "1s"}},
            "output": {"http_client": {
                "url": task.urls[0], "verb": "POST", "max_in_flight": task.concurrency,
                "headers": {"Content-Type": "application/json"}, "retries": 1_000_000}}}))
        environment = dict(os.environ)
        if tuned:
            environment["IDLE_CONNECTIONS"] = str(task.concurrency)
        return Process([str(program), "run", str(file)], task.directory / "log", environment)

    return make


def rsyslog() -> Callable[[Task], Process]:
    directory = peer("rsyslog")

    def make(task: Task) -> Process:
        task.directory.mkdir(parents=True, exist_ok=True)
        url, file = urlsplit(task.urls[0]), task.directory / "rsyslog.conf"
        # A thread sends one request at a time, and takes a batch; at once answered, four are the most.
        threads, batch = (4, 1024) if task.concurrency <= 64 else (task.concurrency, 16)
        file.write_text(f"""
global(workDirectory="{task.directory}" maxMessageSize="64k")
module(load="imkafka")
module(load="omhttp")
template(name="body" type="string" string="%msg%")
ruleset(name="out" queue.type="LinkedList" queue.size="200000" queue.workerThreads="{threads}"
        queue.workerThreadMinimumMessages="1" queue.dequeueBatchSize="{batch}") {{
  action(type="omhttp" server="{url.hostname}" serverport="{url.port}" restpath="{url.path[1:]}"
         usehttps="off" template="body" httpcontenttype="application/json"
         action.resumeRetryCount="-1" action.resumeInterval="1")
}}
input(type="imkafka" topic="{task.topic}" broker=["{task.bootstrap}"] consumergroup="{task.group}"
      confParam=["auto.offset.reset=earliest"] ruleset="out" parseHostname="off")
""")
        return Process([str(directory / "sbin/rsyslogd"), "-n", "-f", str(file), "-i",
                        str(task.directory / "pid"), "-M", str(directory / "lib/rsyslog")],
                       task.directory / "log")

    return make


@dataclass
class Bridge:
    name: str
    what: str
    make: Callable[[], Callable[[Task], Process]]


POSTRIDER = Bridge("postrider", "with match, template, key order, completion map", lambda: postrider)
PEERS = [
    Bridge("postrider-2", "Postrider with two workers", lambda: lambda task: postrider(task, workers=2)),
    Bridge("kafkajs", "kafkajs 2.2.4, undici 7.16: a batch at a time", kafkajs),
    Bridge("connect-tuned", "Redpanda Connect 4.49, its connection pool mended in code",
               lambda: connect(True)),
    Bridge("connect", "Redpanda Connect 4.49 as it comes", lambda: connect(False)),
    Bridge("rsyslog", "rsyslog 8.2302, imkafka and omhttp: what is in its queue dies with it", rsyslog),
    Bridge("parallel", "Parallel Consumer 0.5.3.3 with Vert.x, key order", parallel_consumer),
    Bridge("by-hand", "Python: confluent-kafka 2.16, aiohttp 3.13", by_hand),
]
