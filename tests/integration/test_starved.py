# SPDX-License-Identifier: Apache-2.0
"""Memory that a library does not get, or the program itself: it ends with a word, or goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from postrider_test.config import Config, render
from postrider_test.events import numbers
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.postrider import ROOT, SANITIZED, command
from postrider_test.receiver import Receiver
from postrider_test.shop import Shop, oauth
from postrider_test.wait import wait_until

SEED = int(os.environ.get("SEED", "1"))
EVENTS = 40
# These do not always look at what malloc says (libconfig 1.5, librdkafka 2.0, libcurl 7.88).
CARELESS = ("libconfig.so", "librdkafka.so", "libcurl.so")

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer has its own malloc")


@pytest.fixture(scope="module")
def starve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets an allocation fail."""
    made = tmp_path_factory.mktemp("starve") / "starve.so"
    subprocess.run([os.environ.get("CC", "cc").split()[-1], "-std=gnu17", "-D_GNU_SOURCE", "-shared",
                    "-fPIC", "-O2", "-Wall", "-o", made,
                    ROOT / "tests/integration/starve.c"], check=True)
    return made


def ends_with_a_word(status: int, said: str) -> bool:
    """By itself, saying why, or where a library did not look."""
    crashes = [line for line in said.splitlines() if line.startswith("crash in")]
    words = [line for line in said.splitlines() if line.strip() and line not in crashes]
    careless = any(name in line for line in crashes for name in CARELESS)
    if status in (-signal.SIGSEGV, -signal.SIGFPE):
        return careless
    return status == 0 or (status in (1, 2, -signal.SIGABRT) and (careless or words != []))


def configuration(directory: Path) -> Path:
    """Something of each: secrets, regular expressions, patterns as text, a template."""
    config = Config("127.0.0.1:1")
    config.consumer("shop", "^shop[.].*", group_id="g")
    config.connection("login", authorization_type="API_KEY", api_key_name="X-Api-Key",
                      api_key_value="${env:TOKEN}")
    config.destination("crm", "https://crm.example/orders", connection="login")
    config.rule("orders", "shop", '{"detail": {"amount": [{"numeric": [">", 10]}], "to": [{"prefix": "a"}]}}',
                {"destination": "crm", "input_transformer": {
                    "input_paths_map": {"id": "$.detail.id"}, "input_template": '{"id": <id>}'}})
    file = directory / "starved.cfg"
    file.touch(0o600)
    file.write_text(render(config))
    return file


def check_starved(starve: Path, directory: Path, step: int) -> Counter[int]:
    file, count = configuration(directory), directory / "count"
    environment = {"TOKEN": "t", "LD_PRELOAD": str(starve), "STARVE_COUNT": str(count)}
    well = command("check", "-c", file, env=environment)
    assert well.returncode == 0, well.stderr
    ends: Counter[int] = Counter()
    for n in range(1 + SEED % step, int(count.read_text()) + 1, step):
        done = command("check", "-c", file, env={**environment, "STARVE_AT": str(n)})
        assert ends_with_a_word(done.returncode, done.stderr), f"allocation {n}: {done}"
        assert done.returncode != 0 or done.stdout == well.stdout, f"allocation {n}: {done}"
        ends[done.returncode] += 1
    return ends


def test_a_configuration_is_read_or_refused_whichever_allocation_fails(
        starve: Path, tmp_path: Path) -> None:
    assert sum(check_starved(starve, tmp_path, 9).values()) > 50


@pytest.mark.soak
def test_a_configuration_is_read_or_refused_whichever_of_all_allocations_fails(
        starve: Path, tmp_path: Path) -> None:
    print(f"\nexit status and how often: {check_starved(starve, tmp_path, 1)}")


class Lives:
    """Daemons one after another, some of which run out of memory, and one topic for them all."""

    def __init__(self, starve: Path, shop: Shop, postrider, directory: Path):
        self.environment = {"LD_PRELOAD": str(starve), "STARVE_COUNT": str(directory / "count")}
        self.count, self.shop, self.postrider = directory / "count", shop, postrider
        shop.config["consumers"]["shop"]["instance_id"] = "starved"  # takes its partitions up at once
        self.published = 0
        self.ends: Counter[int] = Counter()

    def live(self, at: int = 0, thread: int = 0) -> None:
        """Until all is committed, or until allocation @at or the want of a thread ends it."""
        self.shop.publish(range(self.published, self.published + EVENTS))
        self.published += EVENTS
        daemon = self.postrider(self.shop.config, env={
            **self.environment, "STARVE_AT": str(at), "STARVE_THREAD": str(thread)})
        wait_until(lambda: not daemon.running or self.lag() == 0, 60,
                   lambda: f"allocation {at}, thread {thread}: {daemon.tail()}")
        assert self.lag() > 0 or self.arrived() == self.published, f"allocation {at}: committed, not delivered"
        status = daemon.terminate() if daemon.running else daemon.wait()
        said = "\n".join(line for line in daemon.log_text().splitlines() if "level=info" not in line)
        assert ends_with_a_word(status, said), \
            f"allocation {at}, thread {thread}: status {status}: {daemon.tail()}"
        self.ends[status] += 1

    def lag(self) -> int:
        return self.shop.broker.lag(self.shop.group, self.shop.topic)

    def arrived(self) -> int:
        return len(numbers(self.shop.receiver.requests("/crm")))

    def live_starved(self, times: int) -> None:
        for _ in range(2):  # the first one waits for its group, and asks for more memory meanwhile
            self.live()
        allocations, choice = int(self.count.read_text()), random.Random(SEED)
        assert allocations > 1000
        for _ in range(times):
            self.live(choice.randrange(1, allocations))
        self.live()
        assert self.arrived() == self.published


@pytest.fixture
def lives(starve: Path, kafka: Kafka, receiver: Receiver, unique, postrider, tmp_path: Path) -> Lives:
    return Lives(starve, Shop(kafka, receiver, unique, oauth(TokenEndpoint(receiver).url)),
                 postrider, tmp_path)


def test_a_daemon_without_memory_commits_nothing_that_is_not_delivered(lives: Lives) -> None:
    lives.live_starved(5)


@pytest.mark.skipif("POSTRIDER_LIBRARY_PATH" in os.environ, reason="threads are counted as the system's makes them")
def test_a_daemon_that_can_make_no_thread_ends_with_a_word_or_goes_on(lives: Lives) -> None:
    # Without its fifth, librdkafka 2.0 waits in rd_kafka_new() for ever.
    for thread in (1, 2, 3, 4, 6, 7):
        lives.live(thread=thread)
    assert lives.ends[0] == 0, "a thread was not missed"
    lives.live()
    assert lives.arrived() == lives.published


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_two_hundred_daemons_without_memory_commit_nothing_that_is_not_delivered(lives: Lives) -> None:
    lives.live_starved(200)
    print(f"\nexit status and how often: {lives.ends}")
