# SPDX-License-Identifier: Apache-2.0
"""Fixtures. Tests that only need a broker share one; a test that hurts a broker has its own."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from postrider_test import shared_kafka
from postrider_test.all_ways import AllWays
from postrider_test.client import Client
from postrider_test.embedded import Embedded
from postrider_test.kafka import NEWER, OLDER, Kafka, KafkaMissing
from postrider_test.postrider import BINARY, Postrider
from postrider_test.process import Process
from postrider_test.readable import under as readable_under
from postrider_test.receiver import Receiver
from postrider_test.tls import Authority

STRICT = os.environ.get("CI") == "true"


# What these show hangs on time (rates, windows, sessions), and most of it is waiting.
PACED = {"test_offsets", "test_outage", "test_rate", "test_rebalance", "test_samples",
         "test_workers"}
# These load the machine, and have it for themselves.
LOADING = {"test_delivery"}


_keeper: shared_kafka.Keeper | None = None


def pytest_configure(config: pytest.Config) -> None:
    """The process that directs others keeps the brokers of all."""
    global _keeper
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        _keeper = shared_kafka.Keeper()
        _keeper.start()


def pytest_unconfigure() -> None:
    if _keeper:
        _keeper.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m kafka` and `-m embedded` follow from the brokers that a test asks for; the order."""
    for item in items:
        if item.path.stem in PACED:
            item.add_marker(pytest.mark.paced)
        if item.path.stem in LOADING:
            item.add_marker(pytest.mark.alone)
    for item in items:
        brokers = set(getattr(item, "fixturenames", ()))
        if hasattr(item, "callspec"):
            brokers |= {str(value) for value in item.callspec.params.values()}
        if brokers & {"kafka", "kafka_newer", "own_kafka", OLDER, NEWER}:
            item.add_marker(pytest.mark.kafka)
        if "embedded" in brokers:
            item.add_marker(pytest.mark.embedded)
    # Handed out one by one, the long ones first: no process waits for another's last test.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the logs of the processes that it used."""
    report = yield
    if report.when == "call" and report.failed:
        for process in getattr(item, "postrider_processes", []):
            report.sections.append((f"log of {' '.join(process.command[:3])}",
                                    process.tail(200)))
    return report


@pytest.fixture
def show_log(request: pytest.FixtureRequest) -> Callable[[Process], None]:
    """Processes whose log is shown should this test fail."""
    processes: list[Process] = []
    request.node.postrider_processes = processes
    return processes.append


# Brokers


def _have_kafka(version: str, make: Callable[[], Kafka | None]) -> Kafka | None:
    try:
        return make()
    except KafkaMissing as missing:
        (pytest.fail if STRICT else pytest.skip)(f"no Apache Kafka {version} here: {missing}")


def _start_kafka(directory: Path, version: str, **keys: Any) -> Kafka:
    kafka = _have_kafka(version, lambda: Kafka(directory, version, **keys))
    kafka.start()
    return kafka


def _session_kafka(directories: pytest.TempPathFactory, version: str) -> Iterator[Kafka]:
    shared = _have_kafka(version, lambda: shared_kafka.obtain(version))
    kafka = shared or _start_kafka(directories.mktemp("kafka") / "node", version)
    yield kafka
    kafka.stop()


@pytest.fixture(scope="session")
def _kafka_older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    yield from _session_kafka(tmp_path_factory, OLDER)


@pytest.fixture(scope="session")
def _kafka_newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    yield from _session_kafka(tmp_path_factory, NEWER)


@pytest.fixture
def kafka(_kafka_older: Kafka) -> Kafka:
    """The shared Apache Kafka, the older version. Do not stop it; name things by `unique`."""
    return _kafka_older


@pytest.fixture
def kafka_newer(_kafka_newer: Kafka) -> Kafka:
    """The same of the newer version."""
    return _kafka_newer


@pytest.fixture(params=[OLDER, NEWER])
def every_kafka(request: pytest.FixtureRequest) -> Kafka:
    """The test runs on each version."""
    return request.getfixturevalue("_kafka_older" if request.param == OLDER else "_kafka_newer")


@pytest.fixture(params=["embedded", OLDER])
def broker(request: pytest.FixtureRequest) -> Client:
    """The test runs on the embedded broker and on Apache Kafka."""
    return request.getfixturevalue(
        "_embedded" if request.param == "embedded" else "_kafka_older")


@pytest.fixture(params=["embedded", OLDER, NEWER])
def every_broker(request: pytest.FixtureRequest) -> Client:
    """The test runs on the embedded broker and on each version of Apache Kafka."""
    return request.getfixturevalue({"embedded": "_embedded", OLDER: "_kafka_older",
                                    NEWER: "_kafka_newer"}[request.param])


@pytest.fixture
def own_kafka(tmp_path: Path, show_log: Callable[[Process], None]) -> Iterator[Callable[..., Kafka]]:
    """A function that starts a broker for this test alone: own_kafka(version, properties={})."""
    started: list[Kafka] = []

    def start(version: str = OLDER, **keys: Any) -> Kafka:
        kafka = _start_kafka(tmp_path / f"kafka-{len(started)}", version, **keys)
        started.append(kafka)
        show_log(kafka.process)
        return kafka

    yield start
    for kafka in started:
        kafka.kill()


@pytest.fixture(scope="session")
def _embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    broker = Embedded(tmp_path_factory.mktemp("embedded"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def embedded(_embedded: Embedded) -> Embedded:
    """The shared embedded broker, `postrider broker`."""
    return _embedded


# HTTP


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An HTTP API of this test's own."""
    server = Receiver()
    server.start()
    yield server
    server.shutdown()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority of this test's own."""
    return Authority(tmp_path)


@pytest.fixture
def secure(authority: Authority) -> Iterator[Receiver]:
    """An HTTPS API of this test's own, under that authority."""
    server = Receiver(tls=authority.server_context())
    server.start()
    yield server
    server.shutdown()


@pytest.fixture
def all_ways(embedded: Embedded, receiver: Receiver, secure: Receiver, authority: Authority,
             unique: Callable[[str], str]) -> AllWays:
    """A destination for each thing that can become of a delivery."""
    return AllWays(embedded, receiver, secure, unique, authority.ca_file)


# The program


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """unique("orders"): a name for a topic or group that no other test uses."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    run = uuid.uuid4().hex[:8]
    return lambda name: f"{name}.{test}.{run}"


@pytest.fixture
def postrider(tmp_path: Path, show_log: Callable[[Process], None]) -> Iterator[Callable[..., Postrider]]:
    """A function that starts the program: postrider(config, *arguments, env={}, start=True).
    readable=True: the test asks for its descriptors."""
    started: list[Postrider] = []

    def start(config: str | dict[str, Any], *arguments: str, env: dict[str, str] | None = None,
              start: bool = True, readable: bool = False) -> Postrider:
        assert BINARY.exists(), f"{BINARY} is not there: run make"
        process = Postrider(config, tmp_path / f"postrider-{len(started)}", list(arguments), env)
        if readable:
            process.command = readable_under(*process.command)
        started.append(process)
        show_log(process)
        if start:
            process.start()
        return process

    yield start
    for process in started:
        # What is killed does not tell what it has run through.
        if BINARY.parent.name == "cover":
            process.stop()
        process.kill()
