# SPDX-License-Identifier: Apache-2.0
"""Print a consumer group's lag for a topic, asked of Kafka itself.

    demo_lag.py BOOTSTRAP GROUP TOPIC PARTITIONS

Two requests of Kafka's protocol, OffsetFetch and ListOffsets, written out, so that the demo
does not depend on what Postrider says about itself and needs no further package. On an
ordinary Kafka one would run kafka-consumer-groups.sh --describe.
"""

from __future__ import annotations

import socket
import struct
import sys

OFFSET_FETCH, LIST_OFFSETS = 9, 2
LATEST, NEVER_COMMITTED = -1, -1


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class Reader:
    """Takes big-endian values from the front of an answer."""

    def __init__(self, data: bytes):
        self._data, self._at = data, 0

    def take(self, kind: str) -> tuple:
        values = struct.unpack_from(">" + kind, self._data, self._at)
        self._at += struct.calcsize(">" + kind)
        return values

    def skip_text(self) -> None:
        (length,) = self.take("h")
        self._at += max(0, length)


def ask(connection: socket.socket, api: int, body: bytes) -> Reader:
    """One request of version 1 and its answer, after the header."""
    request = struct.pack(">hhi", api, 1, 1) + text("demo") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    stream = connection.makefile("rb")
    (length,) = struct.unpack(">i", stream.read(4))
    answer = Reader(stream.read(length))
    answer.take("i")  # the correlation id
    answer.take("i")  # one topic
    answer.skip_text()
    return answer


def committed(connection: socket.socket, group: str, topic: str, partitions: range) -> dict[int, int]:
    ids = struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    answer = ask(connection, OFFSET_FETCH, text(group) + struct.pack(">i", 1) + text(topic) + ids)
    offsets = {}
    for _ in range(*answer.take("i")):
        partition, offset = answer.take("iq")
        answer.skip_text()  # the commit's metadata
        (error,) = answer.take("h")
        offsets[partition] = NEVER_COMMITTED if error else offset
    return offsets


def log_ends(connection: socket.socket, topic: str, partitions: range) -> dict[int, int]:
    wanted = b"".join(struct.pack(">iq", partition, LATEST) for partition in partitions)
    answer = ask(connection, LIST_OFFSETS, struct.pack(">ii", -1, 1) + text(topic)
                 + struct.pack(">i", len(partitions)) + wanted)
    ends = {}
    for _ in range(*answer.take("i")):
        partition, _, _, offset = answer.take("ihqq")
        ends[partition] = offset
    return ends


def main() -> None:
    bootstrap, group, topic, count = sys.argv[1:]
    host, _, port = bootstrap.rpartition(":")
    partitions = range(int(count))
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        done = committed(connection, group, topic, partitions)
        ends = log_ends(connection, topic, partitions)
    print(sum(end - max(0, done.get(partition, 0)) for partition, end in ends.items()))


if __name__ == "__main__":
    main()
