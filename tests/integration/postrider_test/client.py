# SPDX-License-Identifier: Apache-2.0
"""What an ordinary Kafka client does: produce, read, and look at groups."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Iterable, TypeVar

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin import NewTopic, ResourceType

from .group_reader import GroupReader
from .wait import wait_until

T = TypeVar("T")
Headers = list[tuple[str, bytes]]


@dataclass
class Record:
    """A Kafka record, as bytes. The fields after `headers` are known once it was read."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = field(default_factory=list)
    partition: int | None = None
    offset: int | None = None
    timestamp_ms: int | None = None

    def header(self, name: str) -> bytes | None:
        """The last header of that name, as Kafka's own clients read it."""
        return next((v for n, v in reversed(self.headers) if n == name), None)


@dataclass(frozen=True)
class Committed:
    """What a group has committed for a partition; offset -1: nothing."""

    offset: int
    metadata: str


class Client:
    """Talks to the broker at `bootstrap`. Every call waits until Kafka has answered."""

    def __init__(self, bootstrap: str):
        self.bootstrap = bootstrap
        self._settings = {
            "bootstrap.servers": bootstrap,
            "broker.address.family": "v4",
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        }
        self._admin: AdminClient | None = None
        self._producer: Producer | None = None
        self._watcher: Consumer | None = None
        self._groups: dict[str, GroupReader] = {}

    def close(self) -> None:
        if self._producer:
            self._producer.flush(1)
        if self._watcher:
            self._watcher.close()
        for reader in self._groups.values():
            reader.close()
        self._groups = {}
        self._admin = self._producer = self._watcher = None

    @property
    def admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient(self._settings)
        return self._admin

    # Topics

    def create_topic(self, name: str, partitions: int = 4,
                     config: dict[str, str] | None = None, replicas: int = 1) -> None:
        topic = NewTopic(name, partitions, replicas, config=config or {})
        self.admin.create_topics([topic])[name].result(20)
        self.wait_for_topic(name)

    def wait_for_topic(self, name: str, timeout: float = 60.0) -> None:
        """Until every partition has a leader."""
        def ready() -> bool:
            topic = self.admin.list_topics(name, timeout=5).topics[name]
            return bool(topic.partitions) and not topic.error and all(
                p.leader >= 0 for p in topic.partitions.values())

        wait_until(ready, timeout, f"topic {name} with leaders")

    def delete_topic(self, name: str) -> None:
        self.admin.delete_topics([name])[name].result(20)

    def configure_topic(self, name: str, **config: str) -> None:
        """Set topic properties; `min_insync_replicas="2"` stands for min.insync.replicas."""
        entries = [ConfigEntry(key.replace("_", "."), value,
                               incremental_operation=AlterConfigOpType.SET)
                   for key, value in config.items()]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(20)
        wanted = {entry.name: entry.value for entry in entries}
        wait_until(lambda: wanted.items() <= self._topic_config(name).items(), 10,
                   f"{name} with {wanted}")

    def _topic_config(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        answer = self.admin.describe_configs([resource])[resource].result(20)
        return {key: entry.value for key, entry in answer.items()}

    def in_sync(self, topic: str) -> list[int]:
        """How many replicas of each partition are in sync."""
        found = self.admin.list_topics(topic, timeout=10).topics[topic].partitions
        return [len(found[p].isrs) for p in sorted(found)]

    def partitions(self, topic: str) -> list[int]:
        return sorted(self.admin.list_topics(topic, timeout=10).topics[topic].partitions)

    # Records

    def produce(self, topic: str, records: Iterable[Record | bytes | str]) -> list[Record]:
        """Publish, wait for every acknowledgement, and return what was written where."""
        if self._producer is None:
            self._producer = Producer({**self._settings, "linger.ms": 2,
                                       "message.max.bytes": 20_000_000})
        written: list[Record] = []
        for item in records:
            record = item if isinstance(item, Record) else Record(
                item.encode() if isinstance(item, str) else item)
            self._produce_one(topic, record, written)
        left = self._producer.flush(60)
        assert left == 0, f"{left} records of {topic} were not acknowledged"
        return written

    def _produce_one(self, topic: str, record: Record, written: list[Record]) -> None:
        assert self._producer is not None

        def acknowledged(error, message) -> None:
            if error:
                raise KafkaException(error)
            record.partition, record.offset = message.partition(), message.offset()

        options = {} if record.partition is None else {"partition": record.partition}
        if record.timestamp_ms is not None:
            options["timestamp"] = record.timestamp_ms
        while True:
            try:
                self._producer.produce(topic, record.value, record.key, headers=record.headers,
                                       on_delivery=acknowledged, **options)
                break
            except BufferError:
                self._producer.poll(0.1)
        written.append(record)
        self._producer.poll(0)

    def consume(self, topic: str) -> list[Record]:
        """Everything that stands in the topic now, partition by partition."""
        consumer = self._reader()
        try:
            return [record for partition, (low, high) in self._watermarks(topic).items()
                    if low < high for record in _read(consumer, topic, partition, low)]
        finally:
            consumer.close()

    def wait_for_records(self, topic: str, count: int, timeout: float = 60.0) -> list[Record]:
        """What stands in the topic, once that is at least `count` records."""
        wait_until(lambda: self.count(topic) >= count, timeout,
                   lambda: f"{count} records in {topic}, there are {self.count(topic)}")
        return self.consume(topic)

    def log_ends(self, topic: str) -> dict[int, int]:
        return {p: high for p, (_, high) in self._watermarks(topic).items()}

    def delete_records(self, topic: str, below: dict[int, int]) -> None:
        """What retention does: each partition begins at that offset."""
        offsets = [TopicPartition(topic, p, offset) for p, offset in below.items()]
        for done in self.admin.delete_records(offsets).values():
            done.result(20)

    def count(self, topic: str) -> int:
        """How many offsets the topic spans."""
        return sum(high - low for low, high in self._watermarks(topic).values())

    def _watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        # The embedded broker has no ListOffsets for the admin client; a consumer asks as of old.
        if self._watcher is None:
            self._watcher = self._reader()
        ask = self._watcher.get_watermark_offsets
        return {p: _patiently(lambda: ask(TopicPartition(topic, p), timeout=10))
                for p in self.partitions(topic)}

    def _reader(self) -> Consumer:
        return Consumer({**self._settings, "group.id": "postrider-test-reader",
                         "enable.auto.commit": False, "enable.partition.eof": True,
                         "fetch.wait.max.ms": 20, "fetch.message.max.bytes": 20_000_000,
                         "receive.message.max.bytes": 100_000_000})

    # Groups

    def committed(self, group: str, topic: str) -> dict[int, Committed]:
        """Offset and metadata of each partition."""
        if group not in self._groups:
            self._groups[group] = GroupReader(self._settings, group)
        partitions = self.partitions(topic)
        answer = _patiently(lambda: self._groups[group].committed(topic, partitions))
        return {partition: Committed(max(offset, -1), metadata)
                for partition, (offset, metadata) in answer.items()}

    def commit(self, group: str, topic: str, offsets: dict[int, int], metadata: str = "") -> None:
        """Set a group's offsets, as `kafka-consumer-groups --reset-offsets` does."""
        wanted = [TopicPartition(topic, p, offset, metadata) for p, offset in offsets.items()]
        request = ConsumerGroupTopicPartitions(group, wanted)
        _patiently(lambda: _checked(
            self.admin.alter_consumer_group_offsets([request])[group].result(20)))

    def lag(self, group: str, topic: str) -> int:
        """What the group has still to commit; where it committed nothing, all there is."""
        committed = self.committed(group, topic)
        return sum(high - max(low, committed[p].offset)
                   for p, (low, high) in self._watermarks(topic).items())

    def wait_for_lag(self, group: str, topic: str, lag: int = 0, timeout: float = 30.0) -> None:
        wait_until(lambda: self.lag(group, topic) == lag, timeout,
                   lambda: f"lag {lag} of {group}, it is {self.lag(group, topic)}: "
                           f"{self.committed(group, topic)} of {self.log_ends(topic)}")

    def members(self, group: str) -> list[str]:
        """The client ids of the group's members."""
        answer = _patiently(
            lambda: self.admin.describe_consumer_groups([group])[group].result(20))
        return sorted(member.client_id for member in answer.members)

    def wait_for_members(self, group: str, count: int, timeout: float = 30.0) -> None:
        """Until the group has so many, and each has its partitions."""
        def stable() -> bool:
            answer = _patiently(
                lambda: self.admin.describe_consumer_groups([group])[group].result(20))
            return answer.state == ConsumerGroupState.STABLE and len(answer.members) == count

        wait_until(stable, timeout, lambda: f"{count} members of {group}, there are "
                                            f"{self.members(group)}")


# What a broker says that has just started, or a topic that was just made.
_PASSING = {KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE,
            KafkaError.NOT_COORDINATOR, KafkaError.NOT_LEADER_FOR_PARTITION,
            KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError.OFFSET_NOT_AVAILABLE,
            KafkaError._TRANSPORT, KafkaError._TIMED_OUT}


def _patiently(call: Callable[[], T], timeout: float = 60.0) -> T:
    """Call again while Kafka answers with something that passes."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return call()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _checked(answer: ConsumerGroupTopicPartitions) -> list[TopicPartition]:
    """The partitions of the answer; each can have failed alone."""
    for partition in answer.topic_partitions:
        if partition.error:
            raise KafkaException(partition.error)
    return answer.topic_partitions


def _read(consumer: Consumer, topic: str, partition: int, low: int) -> list[Record]:
    records: list[Record] = []
    consumer.assign([TopicPartition(topic, partition, low)])
    while True:
        message = consumer.poll(10)
        assert message is not None, f"{topic}/{partition}: nothing in 10 s after {records[-1:]}"
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                return records
            continue  # what it is about, librdkafka tries again
        records.append(Record(message.value(), message.key(), list(message.headers() or []),
                              partition, message.offset(), message.timestamp()[1]))
