# SPDX-License-Identifier: Apache-2.0
"""`postrider broker`: the embedded broker, alone in a process, for what needs no real Kafka."""

from __future__ import annotations

from pathlib import Path

from .client import Client
from .postrider import BINARY, environment
from .process import Process


class Embedded(Client):
    """Topics come to be when they are first named, with four partitions, or at the start:
    Embedded(directory, "orders:16").
    """

    def __init__(self, directory: Path, *topics: str):
        directory.mkdir(parents=True, exist_ok=True)
        options = [option for topic in topics for option in ("--topic", topic)]
        self.process = Process([str(BINARY), "broker", *options], directory / "broker.log",
                               environment())
        super().__init__("")

    def start(self, timeout: float = 60.0) -> None:
        """Returns when it listens; where, is known only then."""
        mark = self.process.log_mark()
        self.process.start()
        self.bootstrap = self.process.wait_for_log(r"^127\.0\.0\.1:\d+$", timeout, mark)
        self._settings["bootstrap.servers"] = self.bootstrap

    def stop(self) -> None:
        self.close()
        self.process.stop()

    def create_topic(self, name: str, partitions: int = 4,
                     config: dict[str, str] | None = None) -> None:
        assert partitions == 4 and not config, "name it at the start: Embedded(…, \"name:16\")"
        self.wait_for_topic(name)
