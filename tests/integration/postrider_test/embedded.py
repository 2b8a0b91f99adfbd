# SPDX-License-Identifier: Apache-2.0
"""`postrider broker`: the embedded broker, alone in a process, for what needs no real Kafka."""

from __future__ import annotations

from pathlib import Path

from .client import Client
from .postrider import BINARY, environment
from .process import Process
from .wait import wait_until


class Embedded(Client):
    """Topics come to be when they are first named, with four partitions."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / "bootstrap"
        self.process = Process([str(BINARY), "broker", "--bootstrap-file", str(self._file)],
                               directory / "broker.log", environment())
        super().__init__("")

    def start(self, timeout: float = 20.0) -> None:
        """Returns when it listens; where, is known only then."""
        self._file.unlink(missing_ok=True)
        self.process.start()
        self.bootstrap = wait_until(self._written, timeout,
                                    lambda: f"the broker up; its log:\n{self.process.tail()}")
        self._settings["bootstrap.servers"] = self.bootstrap

    def _written(self) -> str:
        assert self.process.running, f"the broker ended:\n{self.process.tail()}"
        return self._file.read_text().strip() if self._file.exists() else ""

    def stop(self) -> None:
        self.close()
        self.process.stop()

    def create_topic(self, name: str, partitions: int = 4,
                     config: dict[str, str] | None = None) -> None:
        assert partitions == 4 and not config, "the embedded broker's topics are all alike"
        self.wait_for_topic(name)
