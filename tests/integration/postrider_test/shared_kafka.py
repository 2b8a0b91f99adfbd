# SPDX-License-Identifier: Apache-2.0
"""One Apache Kafka a version for all processes of a test run.

pytest-xdist runs the tests in several processes, and a broker of its own for each would cost more
than the tests. So the process that directs them keeps the brokers, in a thread, and starts one when
it is first asked for. They meet in a directory that is named in the environment: `3.9.1.wanted` asks,
`3.9.1.ready` or `3.9.1.failed` answers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from .kafka import VERSIONS, Kafka, KafkaMissing
from .wait import wait_until

_PLACE = "POSTRIDER_TEST_KAFKAS"


class Keeper(threading.Thread):
    """Starts what is wanted until it is told to stop, and then stops them all."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._place = Path(tempfile.mkdtemp(prefix="postrider-kafkas-"))
        self._over = threading.Event()
        self._kept: list[Kafka] = []
        self._missing = list(VERSIONS)
        os.environ[_PLACE] = str(self._place)

    def run(self) -> None:
        # A broker ends with the thread that started it.
        while not self._over.wait(0.05):
            for version in [v for v in self._missing if (self._place / f"{v}.wanted").exists()]:
                self._missing.remove(version)
                self._start(version)
        for kafka in self._kept:
            kafka.stop()

    def _start(self, version: str) -> None:
        try:
            kafka = Kafka(self._place / version, version)
            self._kept.append(kafka)
            kafka.start()
            (self._place / f"{version}.ready").touch()
        except (KafkaMissing, TimeoutError, AssertionError) as fault:
            (self._place / f"{version}.failed").write_text(str(fault))

    def stop(self) -> None:
        self._over.set()
        self.join()
        shutil.rmtree(self._place)
        del os.environ[_PLACE]


def obtain(version: str) -> Kafka | None:
    """The broker that all share; None when every process has its own."""
    if _PLACE not in os.environ:
        return None
    place = Path(os.environ[_PLACE])
    ready, failed = place / f"{version}.ready", place / f"{version}.failed"
    (place / f"{version}.wanted").touch()
    wait_until(lambda: ready.exists() or failed.exists(), 100, f"Kafka {version}")
    if failed.exists():
        raise KafkaMissing(failed.read_text())
    return Kafka.of_another(place / version, version)
