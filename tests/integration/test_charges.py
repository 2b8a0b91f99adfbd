# SPDX-License-Identifier: Apache-2.0
"""What an event cannot help costs it no attempt: probes, our own shortage, tokens, dead
connections. Here events are allowed one attempt or two, so that any charge makes a letter."""

from __future__ import annotations

import json
import threading
from collections import Counter

from postrider_test.client import Record
from postrider_test.events import number, numbers, wants
from postrider_test.malformed_peer import GOOD, MalformedPeer, Talk
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop
from postrider_test.wait import elapse, wait_until

KEY = {"authorization_type": "API_KEY", "api_key_name": "X-Api-Key", "api_key_value": "k3y"}
ONE_RETRY = {"retry_policy": {"maximum_retry_attempts": 1, "retry_base": "1ms",
                              "retry_cap": "2ms"}}


def header(letter: Record, name: str) -> str | None:
    value = letter.header(name)
    return value.decode() if value is not None else None


def test_an_outage_of_twenty_probes_makes_no_letter(
        embedded, receiver: Receiver, unique, postrider) -> None:
    shop = Shop(embedded, receiver, unique, KEY, {"retry_policy": {"maximum_retry_attempts": 1}},
                max_concurrency=20, ordering="none", breaker_probe_interval="50ms",
                breaker_probe_interval_max="50ms")
    down = threading.Event()
    down.set()
    receiver.on("/crm", lambda _: Reply(503) if down.is_set() else Reply(200))
    shop.publish(range(100))
    daemon = postrider(shop.config)
    daemon.wait_for_log("id=destination_open")
    refused = receiver.count("/crm")
    receiver.wait_for(refused + 20, "/crm")
    down.clear()
    shop.settle()
    assert shop.dead_letters() == []
    assert len(numbers(receiver.requests("/crm"))) == 100


def test_an_event_that_is_refused_as_a_probe_is_refused(
        embedded, receiver: Receiver, unique, postrider) -> None:
    """A probe is charged to nobody, but the answer to it is one."""
    shop = Shop(embedded, receiver, unique, KEY, ONE_RETRY, max_concurrency=1,
                breaker_failures=1, breaker_probe_interval="50ms")
    receiver.script("/crm", [Reply(503), Reply(400)])
    shop.publish(range(3))
    postrider(shop.config)
    shop.settle()
    assert [header(x, "HTTP_STATUS") for x in shop.dead_letters()] == ["400"]


def test_want_of_descriptors_is_nobodys_fault(
        embedded, receiver: Receiver, unique, postrider) -> None:
    """A soft limit of 100 is raised to the hard one; where that is 100, too, deliveries wait."""
    shop = Shop(embedded, receiver, unique, KEY, ONE_ATTEMPT, max_concurrency=200,
                ordering="none")
    receiver.on("/crm", Reply(200, delay=0.1))
    shop.publish(range(400))
    daemon = postrider(shop.config, start=False)
    daemon.command = ["prlimit", "--nofile=100:100", *daemon.command]
    daemon.start()
    daemon.wait_for_log("id=shortage")
    assert json.loads(daemon.admin("/status"))["destinations"][0]["name"] == "crm"
    shop.settle()
    assert shop.dead_letters() == []
    assert set(numbers(receiver.requests("/crm")).values()) == {1}
    assert len(daemon.log_lines("id=shortage")) <= 2
    assert daemon.metric("postrider_shortages_total", destination="crm") > 0


def test_a_soft_limit_is_raised_to_the_hard_one(
        embedded, receiver: Receiver, unique, postrider) -> None:
    shop = Shop(embedded, receiver, unique, KEY, ONE_ATTEMPT, max_concurrency=200,
                ordering="none")
    hold = receiver.hold("/crm")
    shop.publish(range(200))
    daemon = postrider(shop.config, start=False)
    daemon.command = ["prlimit", "--nofile=100:4096", *daemon.command]
    daemon.start()
    wait_until(lambda: hold.waiting == 200, 30, lambda: f"{hold.waiting} on the wire")
    hold.release()
    shop.settle()
    assert shop.dead_letters() == []


def test_a_connection_that_dies_as_it_is_used_again_costs_nothing(
        embedded, receiver: Receiver, unique, postrider) -> None:
    served: Counter[int] = Counter()

    def close_soon(talk: Talk) -> None:
        """Keeps the connection, and closes it 2 ms after the answer, whatever comes meanwhile."""
        request = talk.request()
        if request is not None:
            served[number(request.partition(b"\r\n\r\n")[2])] += 1
            talk.send(GOOD)
            elapse(0.002)

    api = MalformedPeer(close_soon)
    shop = Shop(embedded, receiver, unique, KEY, ONE_ATTEMPT, max_concurrency=4, ordering="none")
    shop.config["destinations"]["crm"]["endpoint"] = api.url
    shop.publish(range(1000))
    daemon = postrider(shop.config)
    shop.settle()
    api.close()
    assert shop.dead_letters() == []
    assert set(served) == set(range(1000))
    assert set(served.values()) == {1}
    print(daemon.metric("postrider_requests_resent_total", destination="crm"), "sent again")


# The guard


def test_where_some_are_delivered_the_guard_holds_up_nobody(
        embedded, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/crm", lambda r: Reply(200 if number(r) % 20 == 0 else 404))
    shop = Shop(embedded, receiver, unique, KEY, ordering="none")
    shop.publish(range(2000))
    daemon = postrider(shop.config)
    shop.settle()
    assert len(shop.dead_letters()) == 1900
    assert daemon.log_lines("id=dead_letter_guard") == []


def test_the_guard_holds_the_target_that_fails_and_no_other(
        embedded, receiver: Receiver, unique, postrider) -> None:
    receiver.on("/crm", lambda r: Reply(404 if r.header("X-Rule") == "bad" else 200))
    shop = Shop(embedded, receiver, unique, KEY, ordering="none")
    shop.config["rules"].clear()
    for name in ("bad", "good"):
        shop.config.rule(name, "shop", wants("sale"), {
            "destination": "crm",
            "http_parameters": {"header_parameters": {"X-Rule": name}}})
    shop.publish(range(500))
    daemon = postrider(shop.config)
    line = daemon.wait_for_log("id=dead_letter_guard")
    assert "dead_letter_guard" in line and "postrider reload" in line and "bad" in line
    wait_until(lambda: sum(r.header("X-Rule") == "good" for r in receiver.requests("/crm")) == 500)
    assert embedded.count(shop.letters) == 99

    def is_paused() -> bool:
        return json.loads(daemon.admin("/status"))["destinations"][0]["dead_letter_guard_paused"]

    assert is_paused()
    # A reload that changes nothing of it does not let go.
    shop.config["log"] = {"level": "info"}
    daemon.configure(shop.config)
    daemon.signal(1)
    daemon.wait_for_log("id=configuration_loaded")
    assert is_paused()
    # One that changes the target does. (What was taken up before goes as it was.)
    receiver.on("/crm", Reply(200))
    shop.config["rules"]["bad"]["targets"][0]["http_parameters"]["header_parameters"] = {
        "X-Rule": "mended"}
    daemon.configure(shop.config)
    daemon.signal(1)
    shop.settle()
    assert embedded.count(shop.letters) == 99
    assert not is_paused()
