# SPDX-License-Identifier: Apache-2.0
"""A real Apache Kafka: KRaft, one node, in a temporary directory, up in three seconds."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from .client import Client
from .process import Process
from .wait import free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]
OLDER, NEWER = "3.9.1", "4.1.1"
VERSIONS = (OLDER, NEWER)


class KafkaMissing(Exception):
    """No Kafka can be had here; the text says why."""


@cache
def installation(version: str) -> Path:
    """The directory of that version, fetched if need be: see scripts/kafka.sh."""
    done = subprocess.run([ROOT / "scripts/kafka.sh", version], capture_output=True, text=True)
    if done.returncode:
        raise KafkaMissing(done.stderr.strip() or f"scripts/kafka.sh: status {done.returncode}")
    return Path(done.stdout.strip())


class Kafka(Client):
    """A broker of its own. `properties` go into server.properties, over what stands there.

    With `first` it becomes the second broker of that one's cluster (there is no third), so
    that replicas can be missing.
    """

    def __init__(self, directory: Path, version: str = OLDER,
                 properties: dict[str, str] | None = None, first: Kafka | None = None):
        self.version = version
        self.directory = directory
        self.port = free_port()
        self._controller_port: int = first._controller_port if first else free_port()
        self._node = 2 if first else 1
        super().__init__(f"127.0.0.1:{self.port}")
        self._libs = installation(version) / "libs"
        self._prepare(properties or {})
        self.process = self._make_process()

    @classmethod
    def of_another(cls, directory: Path, version: str) -> Kafka:
        """The broker that another process runs in that directory: not ours to start or stop."""
        kafka = cls.__new__(cls)
        text = (directory / "server.properties").read_text()
        kafka.version, kafka.directory, kafka._node = version, directory, 1
        kafka.port, kafka._controller_port = (
            int(port) for port in re.findall(r"^listeners=.*:(\d+),.*:(\d+)$", text, re.M)[0])
        Client.__init__(kafka, f"127.0.0.1:{kafka.port}")
        kafka._libs = installation(version) / "libs"
        kafka.process = kafka._make_process()
        return kafka

    def _make_process(self) -> Process:
        return Process(
            ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self._libs}/*",
             "kafka.Kafka", str(self.directory / "server.properties")],
            self.directory / "kafka.log")

    def _prepare(self, properties: dict[str, str]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.copytree(installation(self.version) / "formatted", self.directory / "data")
        controller = f",CONTROLLER://127.0.0.1:{self._controller_port}"
        if self._node == 2:
            controller = ""
            meta = self.directory / "data/meta.properties"
            meta.write_text("version=1\nnode.id=2\n" + "".join(
                line + "\n" for line in meta.read_text().splitlines() if "cluster.id" in line))
        settings = {
            "process.roles": "broker,controller" if controller else "broker",
            "node.id": str(self._node),
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            # So that a crashed member is missed, and a compacted log cleaned, within a second.
            "group.min.session.timeout.ms": "1000",
            "log.cleaner.backoff.ms": "500",
            "num.partitions": "4",
            # A killed node may register again only when its former session has run out.
            "broker.session.timeout.ms": "1500",
            "broker.heartbeat.interval.ms": "300",
            **properties,
        }
        (self.directory / "server.properties").write_text(
            "".join(f"{key}={value}\n" for key, value in settings.items()))

    def start(self, timeout: float = 60.0) -> None:
        """Returns when it answers. Starts again on the same data and ports after a stop."""
        self.process.start()
        wait_until(self._answers, timeout,
                   lambda: f"Kafka {self.version} up; its log ends:\n{self.process.tail()}")

    def _answers(self) -> bool:
        assert self.process.running, f"Kafka ended:\n{self.process.tail()}"
        try:
            probe = AdminClient({**self._settings, "socket.timeout.ms": 1000})
            return bool(probe.list_topics(timeout=0.5).brokers)
        except KafkaException:
            return False

    def stop(self) -> None:
        self.close()
        self.process.stop()

    def kill(self) -> None:
        """kill -9. What it acknowledged stays: the page cache outlives the process."""
        self.process.kill()

    def pause(self) -> None:
        """It neither answers nor closes its connections, until `resume`."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def tool(self, name: str, *arguments: str) -> str:
        """Run one of Kafka's own command-line tools by its class; a second of JVM start."""
        done = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
             "-cp", f"{self._libs}/*", name, "--bootstrap-server", self.bootstrap, *arguments],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    def describe_group(self, group: str) -> list[dict[str, str]]:
        """The rows of `kafka-consumer-groups --describe`, by the names of its columns."""
        text = self.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
                         "--describe", "--group", group)
        rows = [line.split() for line in text.splitlines() if line.strip()]
        header = next(i for i, row in enumerate(rows) if row[0] == "GROUP")
        return [dict(zip(rows[header], row)) for row in rows[header + 1:]]
