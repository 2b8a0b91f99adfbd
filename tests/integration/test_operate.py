# SPDX-License-Identifier: Apache-2.0
"""What an operator does with the daemon: look, scrape, reload, run it under systemd."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from postrider_test import sandbox
from postrider_test.all_ways import EACH, AllWays
from postrider_test.config import Config
from postrider_test.embedded import Embedded
from postrider_test.events import number, numbers, record, wants
from postrider_test.postrider import ROOT, Postrider, command
from postrider_test.receiver import Receiver, Reply
from postrider_test.tls import Authority
from postrider_test.wait import free_port, wait_until

TABLE = ROOT / "include/app/metrics/metrics_table.h"
SECRET = "s3cr3t-of-the-api"


class Shop:
    """One topic, and destinations of which each wants every sale."""

    def __init__(self, broker: Embedded, receiver: Receiver, unique: Callable[[str], str]):
        self.broker, self.receiver = broker, receiver
        self.topic, self.group = unique("sales"), unique("group")
        broker.create_topic(self.topic)

    def config(self, *destinations: str, **keys: Any) -> Config:
        config = Config(self.broker.bootstrap)
        config.consumer("shop", self.topic, group_id=self.group, auto_offset_reset="earliest")
        config.connection("default", authorization_type="API_KEY", api_key_name="X-Api-Key",
                          api_key_value=SECRET)
        for name in destinations:
            config.destination(name, self.receiver.url(f"/{name}"), **keys)
            config.rule(f"sales-{name}", "shop", wants("sale"), {"destination": name})
        return config

    def publish(self, first: int, count: int) -> None:
        self.broker.produce(self.topic, [record("sale", n) for n in range(first, first + count)])


@pytest.fixture
def shop(embedded: Embedded, receiver: Receiver, unique) -> Shop:
    return Shop(embedded, receiver, unique)


def get(daemon: Postrider, path: str) -> tuple[int, str]:
    """Status and body from the admin listener."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{daemon.admin_port}{path}", timeout=5) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def ready(daemon: Postrider) -> bool:
    try:
        return get(daemon, "/readyz")[0] == 200
    except OSError:
        return False


def wait_ready(daemon: Postrider) -> None:
    wait_until(lambda: ready(daemon), 30, lambda: f"ready:\n{daemon.tail()}")


def status(daemon: Postrider) -> dict[str, Any]:
    return json.loads(get(daemon, "/status")[1])


def destination(daemon: Postrider, name: str) -> dict[str, Any]:
    return next(d for d in status(daemon)["destinations"] if d["name"] == name)


# --- looking ---------------------------------------------------------------------------------


def test_every_metric_of_the_table_is_obtained_somewhere() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "src/app").rglob("*.c"))
    ids = re.findall(r"^METRIC\((\w+)", TABLE.read_text(), re.M)
    assert len(ids) > 50
    used = r"METRIC_%s\b|(COUNTED|SAMPLED)\(%s,|GAUGE_SAMPLED\([^()]*, %s,"
    assert [i for i in ids if not re.search(used.replace("%s", i), sources)] == []


def test_a_scrape_is_what_prometheus_wants(shop: Shop, postrider) -> None:
    shop.receiver.on("/crm", Reply(500))
    daemon = postrider(shop.config("crm", "chat"))
    shop.publish(0, 20)
    shop.receiver.wait_for(20, "/chat")
    wait_until(lambda: daemon.metric("postrider_commit_seconds_count") > 0)
    wait_until(lambda: "postrider_lag_records{" in daemon.admin("/metrics"), 30)
    text = daemon.admin("/metrics")
    promtool = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True, check=False)
    assert (promtool.returncode, promtool.stdout, promtool.stderr) == (0, "", "")
    known = set(re.findall(r'"((?:postrider|process)_\w+)"', TABLE.read_text()))
    shown = set(re.findall(r"^# TYPE (\w+)", text, re.M))
    assert shown <= known
    # What no cause in this test can bring about is all that may be missing.
    absent = {name for name in known - shown if "token" not in name and "dropped" not in name
              and "spans" not in name and "response_rule" not in name}
    assert absent == set()
    assert daemon.metric("postrider_invocations_total", target="chat") == 20
    assert daemon.metric("postrider_event_to_complete_seconds_count", destination="chat") == 20
    assert daemon.metric("postrider_queue_wait_seconds_count", destination="chat") == 20
    assert daemon.metric("postrider_request_connect_seconds_count", destination="chat") >= 1
    wait_until(lambda: daemon.metric("postrider_assigned_partitions") == 8)
    assert daemon.metric("postrider_open_limit_bytes") > 0


def test_unready_until_kafka_is_reached_and_alive_all_the_time(
        receiver: Receiver, unique, postrider) -> None:
    config = Config(f"127.0.0.1:{free_port()}")
    config.consumer("shop", unique("sales"), group_id=unique("group"))
    config.destination("crm", receiver.url("/crm"))
    config.rule("sales", "shop", wants("sale"), {"destination": "crm"})
    daemon = postrider(config)
    daemon.wait_for_log("id=started")
    assert get(daemon, "/healthz") == (200, "ok\n")
    assert get(daemon, "/readyz")[0] == 503
    answer = command("status", "-c", daemon.file)
    assert answer.returncode == 1
    assert "not ready" in answer.stdout
    assert get(daemon, "/nowhere")[0] == 404


def test_a_sick_endpoint_is_seen_and_does_not_make_us_unready(shop: Shop, postrider) -> None:
    shop.receiver.on("/crm", Reply(503))
    daemon = postrider(shop.config("crm"))
    shop.publish(0, 40)
    wait_until(lambda: destination(daemon, "crm")["breaker"] in ("open", "probing")
               if ready(daemon) else False, 30)
    assert ready(daemon)
    line = daemon.wait_for_log("id=destination_open")
    assert "destination=crm" in line and 'last="HTTP 503"' in line
    shown = command("status", "-c", daemon.file)
    assert shown.returncode == 0
    assert re.search(r"crm +(open|probing) .*HTTP 503", shown.stdout), shown.stdout
    as_json = json.loads(command("status", "-c", daemon.file, "--json").stdout)
    assert as_json["destinations"][0]["last_error"] == "HTTP 503"
    wait_until(lambda: daemon.metric("postrider_breaker_open", destination="crm") == 1)
    assert daemon.metric("postrider_breaker_changes_total", destination="crm") >= 1

    shop.receiver.on("/crm", Reply(200))
    daemon.wait_for_log("id=destination_closed", 60)
    wait_until(lambda: set(numbers(shop.receiver.requests("/crm"))) == set(range(40)), 60)


def test_each_attempt_is_logged_if_asked_and_nothing_shown_has_a_secret_in_it(
        shop: Shop, postrider) -> None:
    shop.receiver.script("/crm", [Reply(500)])
    config = shop.config("crm")
    config["log"] = {"deliveries": True}
    daemon = postrider(config)
    shop.publish(0, 30)
    wait_until(lambda: len(daemon.log_lines("id=attempt")) == 31, 30,
               lambda: f"31 lines, there are {len(daemon.log_lines('id=attempt'))}")
    assert len(daemon.log_lines("id=attempt .*status=500")) == 1
    assert all("destination=crm" in line and "took_us=" in line
               for line in daemon.log_lines("id=attempt"))
    config["log"]["deliveries_sample"] = 10
    daemon.configure(config)
    assert command("reload", "-c", str(daemon.file)).returncode == 0
    shop.publish(30, 50)
    shop.receiver.wait_for(81, "/crm")
    wait_until(lambda: len(daemon.log_lines("id=attempt")) >= 31 + 5)
    shop.publish(80, 1)
    shop.receiver.wait_for(82, "/crm")
    assert len(daemon.log_lines("id=attempt")) <= 31 + 6

    assert shop.receiver.requests("/crm")[0].header("X-Api-Key") == SECRET
    code, shown = get(daemon, "/config")
    assert code == 200 and "api_key_value" in shown
    json.loads(shown)
    for path in ("/config", "/status", "/metrics", "/"):
        assert SECRET not in get(daemon, path)[1], path
    assert SECRET not in daemon.log_text()


# --- reload ----------------------------------------------------------------------------------


def generation(shop: Shop, g: int, stays: int) -> Config:
    """A configuration in which everything says which one it is; "extra" comes and goes."""
    config = shop.config()
    names = ["crm", "extra"] if g // stays % 2 == 0 else ["crm"]
    for name in names:
        config.destination(name, shop.receiver.url(f"/{name}/{g}"), max_concurrency=4 + g % 5,
                           invocation_rate_limit_per_second=2000 + g)
        config.rule(f"sales-{name}-{g}" if g % 3 == 0 else f"sales-{name}", "shop", wants("sale"), {
            "destination": name,
            "http_parameters": {"header_parameters": {"X-Generation": str(g)}},
            "input_transformer": {
                "input_paths_map": {"n": "$.detail.n"},
                "input_template": f'{{"detail": {{"n": <n>}}, "generation": {g}}}'}})
    return config


def reload_many(shop: Shop, start: Callable[..., Postrider], reloads: int, stays: int) -> None:
    """The last one has both destinations."""
    for path in ("/crm/*", "/extra/*"):
        shop.receiver.on(path, Reply(delay=0.005))
    daemon = start(generation(shop, 0, stays))
    wait_ready(daemon)
    for g in range(1, reloads + 1):
        shop.publish(g * 50, 50)
        daemon.configure(generation(shop, g, stays))
        if g % 5 == 0:
            done = command("reload", "-c", daemon.file)
            assert (done.returncode, done.stderr) == (0, "")
        else:
            daemon.signal(signal.SIGHUP)
            wait_until(lambda: status(daemon)["configuration"]["reloads"] == g)
    total = reloads * 50

    def requests(name: str) -> list:
        return [r for r in shop.receiver.requests() if r.path.startswith(f"/{name}/")]

    for name in ("crm", "extra"):
        wait_until(lambda: len(numbers(requests(name))) == total, 60,
                   lambda: f"{total} to {name}, there are {len(numbers(requests(name)))}")
    assert daemon.terminate() == 0
    for name in ("crm", "extra"):
        assert set(Counter(numbers(requests(name))).values()) == {1}, f"{name}: repeated"
    for request in shop.receiver.requests():
        g = request.path.rpartition("/")[2]
        assert (request.header("X-Generation"), json.loads(request.body)["generation"]) == \
            (g, int(g)), "half of it is of another configuration"
    assert len({r.path for r in requests("crm")}) > reloads // 2


def test_reloads_under_load_lose_and_repeat_nothing(shop: Shop, postrider) -> None:
    reload_many(shop, postrider, 20, stays=8)


@pytest.mark.soak
def test_a_hundred_reloads_under_load_lose_and_repeat_nothing(shop: Shop, postrider) -> None:
    # A group whose members leave before they have joined waits for their sessions to end.
    reload_many(shop, postrider, 100, stays=1)


def test_a_file_with_a_fault_changes_nothing_and_says_so(shop: Shop, postrider) -> None:
    daemon = postrider(shop.config("crm"))
    wait_ready(daemon)
    good = daemon.file.read_text()
    before = get(daemon, "/config")[1]
    daemon.file.write_text(good.replace("http_method", "http_methud"))
    refused = command("reload", "-c", daemon.file)
    assert refused.returncode == 1
    assert "http_methud" in refused.stderr

    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("id=reload_refused")
    assert "http_methud" in daemon.wait_for_log("id=configuration_fault")
    assert daemon.metric("postrider_config_last_reload_successful") == 0
    assert daemon.metric("postrider_config_reloads_total", result="refused") == 1
    assert status(daemon)["configuration"]["last_reload_successful"] is False
    assert get(daemon, "/config")[1] == before
    shop.publish(0, 10)
    shop.receiver.wait_for(10, "/crm")

    daemon.file.write_text(good)
    accepted = command("reload", "-c", daemon.file)
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert daemon.metric("postrider_config_last_reload_successful") == 1


def test_a_file_that_is_written_in_part_and_has_no_rule_is_refused(shop: Shop, postrider) -> None:
    daemon = postrider(shop.config("crm"))
    wait_ready(daemon)
    config = shop.config("crm")
    config["rules"] = {}
    daemon.configure(config)
    daemon.signal(signal.SIGHUP)
    assert "no rule" in daemon.wait_for_log("id=configuration_fault")
    daemon.wait_for_log("id=reload_refused")
    shop.publish(0, 10)
    shop.receiver.wait_for(10, "/crm")


def test_what_a_reload_takes_away_is_no_longer_shown(shop: Shop, postrider) -> None:
    daemon = postrider(shop.config("crm", "chat"))
    shop.publish(0, 10)
    shop.receiver.wait_for(10, "/chat")
    wait_until(lambda: 'lane="shop.chat"' in daemon.admin("/metrics"))
    daemon.configure(shop.config("crm"))
    assert command("reload", "-c", daemon.file).returncode == 0
    wait_until(lambda: "chat" not in daemon.admin("/metrics"), 20,
               lambda: [x for x in daemon.admin("/metrics").splitlines() if "chat" in x])
    assert [d["name"] for d in status(daemon)["destinations"]] == ["crm"]
    assert daemon.metric("postrider_invocations_total", target="crm") == 10


# --- systemd ---------------------------------------------------------------------------------


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    text = (ROOT / "etc/postrider.service").read_text()
    path = tmp_path / "postrider.service"
    path.write_text(text.replace("/usr/bin/postrider", str(ROOT / "build/postrider")))
    return path


def test_the_unit_is_understood_by_systemd(unit: Path) -> None:
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                              capture_output=True, text=True, check=False)
    complaints = [line for line in verified.stderr.splitlines() if "postrider.service" in line]
    assert (verified.returncode, complaints) == (0, [])


def test_the_unit_is_well_sandboxed(unit: Path) -> None:
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20",
                             "--no-pager", unit], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-500:]


def test_all_ways_of_a_delivery_go_on_under_the_system_calls_that_the_unit_leaves(
        all_ways: AllWays, unit: Path, postrider) -> None:
    refused = subprocess.run(sandbox.under(unit, "/usr/sbin/chroot", "/", "/bin/true"),
                             capture_output=True, text=True, check=False)
    assert "Operation not permitted" in refused.stderr, "the filter holds nobody back"

    all_ways.config["workers"] = 2
    # The search for leaks would want to trace, which the unit does not leave.
    daemon = postrider(all_ways.config, start=False, env={"ASAN_OPTIONS": "detect_leaks=0"})
    daemon.command = sandbox.under(unit, *daemon.command)
    daemon.start()
    all_ways.publish()
    good = [name for name in all_ways.names() if name != "bad"]
    for name in good:
        server = all_ways.secure if name == "tls" else all_ways.receiver
        server.wait_for(lambda got: len(numbers(got)) == EACH, f"/{name}")
    # Two workers are two members: while they join, something may be done twice.
    wait_until(lambda: daemon.metric("postrider_invocations_sent_to_dlq_total") >= EACH)
    assert command("reload", "-c", daemon.file).returncode == 0
    assert command("status", "-c", daemon.file).returncode == 0
    assert daemon.terminate() == 0
    assert daemon.log_lines("not permitted") == []


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(20)
        yield told


def test_systemd_is_told_what_it_wants_to_know(
        shop: Shop, notified: socket.socket, postrider) -> None:
    daemon = postrider(shop.config("crm"), env={
        "NOTIFY_SOCKET": notified.getsockname(), "WATCHDOG_USEC": "400000"})

    def wait_for(word: bytes) -> None:
        while word not in notified.recv(4096):
            pass

    wait_for(b"READY=1")
    wait_for(b"WATCHDOG=1")
    wait_for(b"WATCHDOG=1")
    daemon.signal(signal.SIGHUP)
    wait_for(b"RELOADING=1")
    wait_for(b"READY=1")
    daemon.signal(signal.SIGTERM)
    wait_for(b"STOPPING=1")
    assert daemon.wait() == 0


# Who may look


def test_a_token_keeps_others_out_and_lets_the_commands_in(
        shop: Shop, postrider, tmp_path: Path) -> None:
    token, port = tmp_path / "admin-token", free_port()
    token.write_text("adm1n-t0ken\n")
    config = shop.config("crm")
    config["admin"] = {"listen": f"127.0.0.1:{port}", "token": f"${{file:{token}}}"}
    daemon = postrider(config)
    daemon.admin_port = port
    wait_ready(daemon)  # probes need no token
    for path in ("/status", "/metrics", "/config"):
        code, text = get(daemon, path)
        assert code == 401 and "admin.token" in text
        asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}",
                                       headers={"Authorization": "Bearer adm1n-t0ken"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            text = answer.read().decode()
        assert text and "adm1n-t0ken" not in text
    assert "crm" in command("status", "-c", str(daemon.file)).stdout
    assert command("reload", "-c", str(daemon.file)).returncode == 0
    refused = command("status", "--url", f"http://127.0.0.1:{port}")
    assert refused.returncode == 1 and "admin.token" in refused.stderr
    token.write_text("another\n")  # the daemon has the one of its start
    refused = command("status", "-c", str(daemon.file))
    assert refused.returncode == 1 and "not the daemon's" in refused.stderr
    assert "adm1n-t0ken" not in daemon.log_text() + refused.stderr


def test_the_listener_speaks_tls_with_a_certificate(
        shop: Shop, authority: Authority, postrider) -> None:
    certificate, key = authority.files("127.0.0.1")
    config, port = shop.config("crm"), free_port()
    config["admin"] = {"listen": f"127.0.0.1:{port}", "certificate_file": str(certificate),
                       "key_file": str(key), "ca_file": str(authority.ca_file)}
    daemon = postrider(config)
    daemon.wait_for_log("started")

    def shown() -> str:
        return command("status", "-c", str(daemon.file)).stdout

    wait_until(lambda: "crm" in shown(), 30, shown)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        plain.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"crm" not in plain.recv(4096)
    del config["admin"]["ca_file"]
    daemon.configure(config)
    refused = command("status", "-c", str(daemon.file))
    assert refused.returncode == 1 and "certificate" in refused.stderr


def test_a_unix_socket_is_asked_by_the_commands(shop: Shop, postrider, tmp_path: Path) -> None:
    config = shop.config("crm")
    config["admin"] = {"listen": f"unix:{tmp_path}/admin.sock"}
    daemon = postrider(config)
    daemon.wait_for_log("admin_listening")
    wait_until(lambda: command("status", "-c", str(daemon.file)).returncode == 0, 30)
    assert "crm" in command("status", "-c", str(daemon.file)).stdout
    assert command("reload", "-c", str(daemon.file)).returncode == 0
    assert daemon.terminate() == 0
    assert not (tmp_path / "admin.sock").exists()
