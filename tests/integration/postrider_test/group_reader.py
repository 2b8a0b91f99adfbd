# SPDX-License-Identifier: Apache-2.0
"""What a group has committed, read with the system's librdkafka.

The Python binding takes a commit's metadata, which has no NUL behind it, for a C string: it reads
on into what is no text, or no memory.
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import POINTER, Structure, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Mapping

from confluent_kafka import KafkaError, KafkaException

CONSUMER = 1  # rd_kafka_type_t


class _Partition(Structure):
    """rd_kafka_topic_partition_t"""

    _fields_ = [("topic", c_char_p), ("partition", c_int32), ("offset", c_int64), ("metadata", c_void_p),
                ("metadata_size", c_size_t), ("opaque", c_void_p), ("err", c_int), ("private", c_void_p)]


class _List(Structure):
    """rd_kafka_topic_partition_list_t"""

    _fields_ = [("cnt", c_int), ("size", c_int), ("elems", POINTER(_Partition))]


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("librdkafka.so.1")
    for name, result, *arguments in (
            ("rd_kafka_conf_new", c_void_p),
            ("rd_kafka_conf_set", c_int, c_void_p, c_char_p, c_char_p, c_char_p, c_size_t),
            ("rd_kafka_new", c_void_p, c_int, c_void_p, c_char_p, c_size_t),
            ("rd_kafka_destroy", None, c_void_p),
            ("rd_kafka_committed", c_int, c_void_p, POINTER(_List), c_int),
            ("rd_kafka_topic_partition_list_new", POINTER(_List), c_int),
            ("rd_kafka_topic_partition_list_add", POINTER(_Partition), POINTER(_List), c_char_p, c_int32),
            ("rd_kafka_topic_partition_list_destroy", None, POINTER(_List))):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class GroupReader:
    """Asks for the group without joining it."""

    def __init__(self, settings: Mapping[str, object], group: str):
        self._library = library = _library()
        text = ctypes.create_string_buffer(512)
        conf = library.rd_kafka_conf_new()
        for name, value in {**settings, "group.id": group}.items():
            refused = library.rd_kafka_conf_set(conf, name.encode(), str(value).encode(), text, len(text))
            assert refused == 0, text.value.decode()
        self._client = library.rd_kafka_new(CONSUMER, conf, text, len(text))
        assert self._client, text.value.decode()

    def close(self) -> None:
        self._library.rd_kafka_destroy(self._client)

    def committed(self, topic: str, partitions: list[int], timeout_ms: int = 20000) -> dict[int, tuple[int, str]]:
        """Offset (below 0: none) and metadata by partition."""
        asked = self._library.rd_kafka_topic_partition_list_new(len(partitions))
        try:
            for partition in partitions:
                self._library.rd_kafka_topic_partition_list_add(asked, topic.encode(), partition)
            _check(self._library.rd_kafka_committed(self._client, asked, timeout_ms))
            return {p.partition: _answer(p) for p in asked.contents.elems[:asked.contents.cnt]}
        finally:
            self._library.rd_kafka_topic_partition_list_destroy(asked)


def _check(error: int) -> None:
    if error:
        raise KafkaException(KafkaError(error))


def _answer(partition: _Partition) -> tuple[int, str]:
    _check(partition.err)
    metadata = ctypes.string_at(partition.metadata, partition.metadata_size) if partition.metadata else b""
    return partition.offset, metadata.decode().rstrip("\0")  # the binding writes one
