# SPDX-License-Identifier: Apache-2.0
"""What the other tests are built on keeps its own promises."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from postrider_test.client import Committed, Record
from postrider_test.config import Config, render
from postrider_test.embedded import Embedded
from postrider_test.kafka import Kafka
from postrider_test.oauth import TokenEndpoint
from postrider_test.process import Process
from postrider_test.receiver import Receiver, Reply
from postrider_test.wait import holds_for, wait_until


def post(url: str, body: bytes = b"{}", headers: dict[str, str] | None = None,
         timeout: float = 5.0, **keys) -> tuple[int, bytes]:
    """Status and body."""
    request = urllib.request.Request(url, body, headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout, **keys) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


# The receiver


def test_receiver_remembers_what_it_was_sent(receiver: Receiver) -> None:
    assert post(receiver.url("/a/b?x=1"), b"body", {"X-Some": "thing"}) == (200, b"")
    [request] = receiver.requests("/a/b")
    assert (request.method, request.target, request.body) == ("POST", "/a/b?x=1", b"body")
    assert request.query == [("x", "1")]
    assert request.header("x-some") == "thing"
    assert receiver.count("/a/*") == 1 and receiver.count("/b") == 0


def test_receiver_plays_its_script_and_then_answers_200(receiver: Receiver) -> None:
    receiver.script("/x", [Reply(503, headers={"Retry-After": "1"}), Reply(400, b"no")])
    assert [post(receiver.url("/x")) for _ in range(3)] == [(503, b""), (400, b"no"), (200, b"")]


def test_receiver_asks_the_handler_of_the_longest_path(receiver: Receiver) -> None:
    receiver.on("/a/*", Reply(201))
    receiver.on("/a/b/*", lambda request: Reply(202, request.body))
    assert post(receiver.url("/a/c"))[0] == 201
    assert post(receiver.url("/a/b/c"), b"echo") == (202, b"echo")


def test_receiver_holds_answers_until_released(receiver: Receiver) -> None:
    hold = receiver.hold("/slow", Reply(204))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(post(receiver.url("/slow"))[0]))
               for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: hold.waiting == 3)
    assert answers == []
    hold.release()
    for thread in threads:
        thread.join(5)
    assert answers == [204, 204, 204]
    assert post(receiver.url("/slow"))[0] == 204


@pytest.mark.parametrize("reply, error", [
    (Reply(reset=True), ConnectionResetError),
    (Reply(body=b"0123456789", cut=-5), http.client.HTTPException),
    (Reply(hang=True), TimeoutError),
])
def test_receiver_breaks_connections_as_told(receiver: Receiver, reply: Reply, error: type) -> None:
    receiver.on("/x", reply)
    connection = http.client.HTTPConnection(receiver.host, receiver.port, timeout=0.3)
    with pytest.raises(error):
        connection.request("POST", "/x", b"{}")
        connection.getresponse().read()
    assert receiver.count("/x") == 1


def test_receiver_keeps_connections_and_can_close_them(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection(receiver.host, receiver.port, timeout=5)
    for _ in range(3):
        connection.request("POST", "/x", b"{}")
        connection.getresponse().read()
    assert (receiver.accepted, receiver.open_connections) == (1, 1)
    receiver.close_connections()
    wait_until(lambda: receiver.open_connections == 0)


def test_receiver_takes_a_chunked_body_and_continues(receiver: Receiver) -> None:
    with socket.create_connection((receiver.host, receiver.port)) as client:
        client.sendall(b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                       b"Expect: 100-continue\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        for part in (b"5\r\nhel", b"lo\r\n1\r\n!\r\n0\r\n", b"\r\n"):
            client.sendall(part)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert receiver.bodies("/c") == [b"hello!"]


def test_receiver_refuses_connections_while_stopped(receiver: Receiver) -> None:
    receiver.stop()
    with pytest.raises(urllib.error.URLError):
        post(receiver.url("/x"))
    receiver.start()
    assert post(receiver.url("/x"))[0] == 200


@pytest.mark.alone
def test_receiver_is_no_bottleneck(receiver: Receiver) -> None:
    """At least 5,000 requests a second, from a sender in another process."""
    sender = """
import socket, sys
connections = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(16)]
request = b"POST /x HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 500\\r\\n\\r\\n" + b"x" * 500
for _ in range(625):
    for c in connections: c.sendall(request)
    for c in connections: c.recv(1000)
"""
    begin = time.monotonic()
    subprocess.run(["python3", "-c", sender, str(receiver.port)], check=True)
    seconds = time.monotonic() - begin
    assert receiver.count("/x") == 10_000
    assert 10_000 / seconds > 5_000


def test_receiver_serves_https(authority, tmp_path: Path) -> None:
    server = Receiver(authority.server_context(client_certificate=True))
    server.start()
    client = ssl.create_default_context(cafile=str(authority.ca_file))
    client.load_cert_chain(*authority.files("me"))
    assert post(server.url("/x"), context=client)[0] == 200
    with pytest.raises(urllib.error.URLError, match="verify failed"):
        post(server.url("/x"), context=ssl.create_default_context())
    server.shutdown()


# OAuth


def test_oauth_tokens_are_good_until_revoked(receiver: Receiver) -> None:
    oauth = TokenEndpoint(receiver)
    receiver.on("/api", oauth.guard(Reply(204)))

    def token() -> str:
        status, body = post(oauth.url, b"grant_type=client_credentials&client_id=postrider"
                                       b"&client_secret=s3cret")
        assert status == 200
        return json.loads(body)["access_token"]

    def call(bearer: str) -> int:
        return post(receiver.url("/api"), headers={"Authorization": f"Bearer {bearer}"})[0]

    first = token()
    assert call(first) == 204
    oauth.revoke_all()
    assert call(first) == 401
    assert call(token()) == 204
    assert (oauth.issued, oauth.refused) == (2, 0)


def test_oauth_refuses_wrong_credentials_and_plays_scripts(receiver: Receiver) -> None:
    oauth = TokenEndpoint(receiver)
    wrong = b"grant_type=client_credentials&client_id=postrider&client_secret=guess"
    assert post(oauth.url, wrong)[0] == 401
    receiver.script("/token", [Reply(503)])
    assert post(oauth.url, wrong)[0] == 503
    assert (oauth.issued, oauth.refused) == (0, 1)


# Configuration


def test_config_is_rendered_as_libconfig() -> None:
    text = render({"a": {"s": 'quote " back \\ line\n', "n": 3_000_000_000, "b": True},
                   "array": ["x", "y"], "list": ["x", 1], "groups": ({"id": "t"},)})
    assert text == ('a = {\n  s = "quote \\" back \\\\ line\\n";\n  n = 3000000000L;\n'
                    '  b = true;\n};\narray = [ "x", "y" ];\nlist = ( "x", 1 );\n'
                    'groups = ( {\n    id = "t";\n  } );\n')
    with pytest.raises(ValueError):
        render({"a.b": 1})


def test_config_builder_gives_targets_ids_and_destinations_connections() -> None:
    config = Config("127.0.0.1:1")
    config.destination("crm", "http://127.0.0.1:2/")
    config.rule("r", "shop", {"source": ["x"]}, {"destination": "crm"})
    assert config["destinations"]["crm"]["connection"] in config["connections"]
    assert config["rules"]["r"]["targets"][0]["id"] == "crm"


# Processes


def test_process_log_signals_and_status(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo up >&2; trap 'echo bye; exit 3' TERM; "
                                   "while :; do sleep 0.01; done"], tmp_path / "log")
    process.start()
    assert process.wait_for_log("^up$") == "up"
    assert process.terminate() == 3
    assert process.log_text() == "up\nbye\n"
    process.start()
    process.kill()
    assert process.exit_status == -9
    with pytest.raises(AssertionError, match="ended with status -9"):
        process.wait_for_log("never")


def test_process_paused_neither_dies_nor_moves(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "while :; do echo x; sleep 0.01; done"], tmp_path / "log")
    process.start()
    process.wait_for_log("x")
    process.pause()
    wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T")
    size = process.log_mark()
    assert holds_for(lambda: process.log_mark() == size, 0.2)
    process.resume()
    wait_until(lambda: process.log_mark() > size)
    process.kill()


# Kafka


def test_kafka_keeps_bytes_keys_headers_and_nothing(every_kafka: Kafka, unique) -> None:
    topic = unique("bytes")
    every_kafka.create_topic(topic, partitions=2)
    sent = [Record(b"\x00\xff", b"key", [("h", b"\x00"), ("h", b"two"), ("e", b"")], 0),
            Record(None, None, [], 1), Record(b"", b"", [], 1),
            Record(b"x" * 900_000, None, [], 1, timestamp_ms=1_700_000_000_000)]
    every_kafka.produce(topic, sent)
    read = every_kafka.wait_for_records(topic, 4)
    assert [(r.partition, r.offset) for r in read] == [(0, 0), (1, 0), (1, 1), (1, 2)]
    assert [(r.value, r.key, r.headers) for r in read] == [
        (r.value, r.key, r.headers) for r in sent]
    assert read[3].timestamp_ms == 1_700_000_000_000
    assert read[0].header("h") == b"two"


def test_kafka_tells_what_a_group_committed_and_its_lag(every_kafka: Kafka, unique) -> None:
    topic, group = unique("orders"), unique("group")
    every_kafka.create_topic(topic, partitions=2)
    every_kafka.produce(topic, [Record(b"x", partition=0)] * 3 + [Record(b"y", partition=1)])
    assert every_kafka.lag(group, topic) == 4
    every_kafka.commit(group, topic, {0: 2}, metadata="k1:some map")
    assert every_kafka.committed(group, topic) == {
        0: Committed(2, "k1:some map"), 1: Committed(-1, "")}
    assert every_kafka.lag(group, topic) == 2
    every_kafka.commit(group, topic, {0: 3, 1: 1})
    every_kafka.wait_for_lag(group, topic, 0)


def test_kafka_consumer_groups_describes_the_same_lag(kafka: Kafka, unique) -> None:
    topic, group = unique("orders"), unique("group")
    kafka.create_topic(topic, partitions=1)
    kafka.produce(topic, [b"x"] * 5)
    kafka.commit(group, topic, {0: 2})
    [row] = kafka.describe_group(group)
    assert (row["TOPIC"], row["CURRENT-OFFSET"], row["LAG"]) == (topic, "2", "3")


def test_kafka_refuses_what_the_topic_does_not_allow(kafka: Kafka, unique) -> None:
    topic = unique("strict")
    kafka.create_topic(topic)
    kafka.configure_topic(topic, max_message_bytes="100")

    def refuses() -> bool:
        try:
            kafka.produce(topic, [b"x" * 1000])
        except KafkaException as error:
            return error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
        return False  # a log takes up its topic's new setting a moment later

    wait_until(refuses)
    kafka.produce(topic, [b"x"])


@pytest.mark.long
def test_kafka_comes_back_with_its_data_on_its_ports(own_kafka, unique) -> None:
    kafka: Kafka = own_kafka()
    kafka.create_topic("t", partitions=1)
    kafka.produce("t", [b"one"])
    bootstrap = kafka.bootstrap
    kafka.kill()
    kafka.start()
    assert kafka.bootstrap == bootstrap
    kafka.wait_for_topic("t")
    kafka.produce("t", [b"two"])
    assert [r.value for r in kafka.consume("t")] == [b"one", b"two"]
    kafka.pause()
    assert not kafka._answers()
    kafka.resume()
    wait_until(kafka._answers)
    kafka.stop()


def test_embedded_broker_serves_an_ordinary_client(embedded: Embedded, unique) -> None:
    topic, group = unique("orders"), unique("group")
    embedded.create_topic(topic)
    embedded.produce(topic, [Record(b"x", b"k", [("h", b"v")], 0)] * 3)
    assert [(r.value, r.key, r.headers) for r in embedded.consume(topic)] == [
        (b"x", b"k", [("h", b"v")])] * 3
    embedded.commit(group, topic, {0: 1}, metadata="some map")
    assert embedded.committed(group, topic)[0] == Committed(1, "some map")
    assert embedded.lag(group, topic) == 2
