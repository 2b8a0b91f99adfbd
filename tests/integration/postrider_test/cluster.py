# SPDX-License-Identifier: Apache-2.0
"""Three brokers of Apache Kafka as one cluster. The first is its controller, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .kafka import OLDER, Kafka
from .wait import wait_until

REPLICATED = {"offsets.topic.replication.factor": "3", "min.insync.replicas": "2",
              "transaction.state.log.replication.factor": "3", "default.replication.factor": "3"}


class _Third(Kafka):
    """A second broker under another number."""

    def _prepare(self, properties: dict[str, str]) -> None:
        super()._prepare(properties)
        for name in ("server.properties", "data/meta.properties"):
            file = self.directory / name
            file.write_text(file.read_text().replace("node.id=2", "node.id=3"))


class Cluster:
    def __init__(self, directory: Path, version: str = OLDER, **keys: Any):
        first = Kafka(directory / "1", version, properties=REPLICATED, **keys)
        self.nodes = {1: first}
        for number, kind in ((2, Kafka), (3, _Third)):
            self.nodes[number] = kind(directory / str(number), version, properties=REPLICATED,
                                      first=first, **keys)
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes.values())

    @property
    def first(self) -> Kafka:
        return self.nodes[1]

    def start(self) -> None:
        for node in self.nodes.values():
            node.start()
        wait_until(lambda: len(self.first.admin.list_topics(timeout=5).brokers) == 3, 30,
                   "three brokers")

    def kill(self) -> None:
        for node in self.nodes.values():
            node.kill()

    def leader(self, topic: str, partition: int) -> int:
        return self.first.admin.list_topics(topic, timeout=10).topics[topic].partitions[
            partition].leader
