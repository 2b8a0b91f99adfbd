# SPDX-License-Identifier: Apache-2.0
"""The admin listener among strangers: who may ask, for how long, and what they can't take."""

from __future__ import annotations

import http.client
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from statistics import median
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import quote

import pytest

from postrider_test.config import Config
from postrider_test.postrider import Postrider, command
from postrider_test.tls import Authority
from postrider_test.wait import elapse, free_port


def quiet(**admin: Any) -> Config:
    """A daemon without work: its broker is not there."""
    config = Config(f"127.0.0.1:{free_port()}")
    config.consumer("shop", "sales", group_id="group")
    config.destination("crm", "http://127.0.0.1:9/")
    config.rule("sales", "shop", {"detail-type": ["sale"]}, {"destination": "crm"})
    if admin:
        config["admin"] = admin
    return config


def started(daemon: Postrider) -> Postrider:
    daemon.wait_for_log("id=started")
    return daemon


# --- slow clients ----------------------------------------------------------------------------


@pytest.fixture
def trickling() -> Iterator[Any]:
    """A function that keeps @count clients at a port, each sending a byte of its request now and
    then; who is cut off connects again."""
    over = threading.Event()
    threads = []

    def connect(port: int) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port), timeout=5)
        client.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        return client

    def keep(port: int, clients: list[socket.socket]) -> None:
        while not over.wait(0.1):
            for n, client in enumerate(clients):
                try:
                    client.sendall(b"x")
                except OSError:
                    client.close()
                    clients[n] = connect(port)
        for client in clients:
            client.close()

    def begin(port: int, count: int) -> None:
        clients = [connect(port) for _ in range(count)]
        threads.append(threading.Thread(target=keep, args=(port, clients)))
        threads[-1].start()

    yield begin
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.alone
def test_eighty_trickling_clients_do_not_hold_up_a_probe(postrider, trickling) -> None:
    daemon = started(postrider(quiet()))
    trickling(daemon.admin_port, 80)
    took = []
    for _ in range(30):
        before = time.monotonic()
        assert daemon.admin("/healthz") == "ok\n"
        took.append(time.monotonic() - before)
        elapse(0.1)
    assert median(took) < 0.1 and max(took) < 1, sorted(took)


# --- TLS -------------------------------------------------------------------------------------


def handshake(port: int, version: ssl.TLSVersion, ciphers: str) -> tuple[str, str]:
    """Protocol and cipher that the listener takes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        with context.wrap_socket(plain) as secure:
            name, protocol, _ = secure.cipher()  # type: ignore[misc]
            return protocol, name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_listener_takes_no_tls_below_1_2_and_no_weak_cipher(
        postrider, authority: Authority) -> None:
    certificate, key = authority.files("127.0.0.1")
    port = free_port()
    started(postrider(quiet(listen=f"127.0.0.1:{port}", certificate_file=str(certificate),
                            key_file=str(key))))
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises((ssl.SSLError, OSError)):
            handshake(port, version, "ALL:@SECLEVEL=0")
    for weak in ("ECDHE+AES+SHA1", "ECDHE+AES+SHA256:ECDHE+AES+SHA384", "kRSA"):
        with pytest.raises((ssl.SSLError, OSError)):
            handshake(port, ssl.TLSVersion.TLSv1_2, weak + ":-AESGCM:-CHACHA20:@SECLEVEL=0"
                      if weak != "kRSA" else weak + ":@SECLEVEL=0")
    assert handshake(port, ssl.TLSVersion.TLSv1_2, "DEFAULT")[1].endswith(
        ("GCM-SHA256", "GCM-SHA384", "CHACHA20-POLY1305"))
    assert handshake(port, ssl.TLSVersion.TLSv1_3, "DEFAULT")[0] == "TLSv1.3"


# --- a Unix socket ---------------------------------------------------------------------------


def test_a_unix_socket_is_taken_from_nobody(postrider, tmp_path) -> None:
    path = tmp_path / "admin.sock"
    first = started(postrider(quiet(listen=f"unix:{path}")))
    assert path.stat().st_mode & 0o777 == 0o600
    second = postrider(quiet(listen=f"unix:{path}"), start=False)
    second.start()
    second.wait_for_log("id=start_failed .*another process listens")
    assert path.is_socket()
    first.kill()
    third = started(postrider(quiet(listen=f"unix:{path}")))  # what was left is replaced
    assert third.terminate() == 0
    assert not path.exists()
    path.write_text("a file of somebody")
    fourth = postrider(quiet(listen=f"unix:{path}"), start=False)
    fourth.start()
    fourth.wait_for_log("id=start_failed .*is not a socket")
    assert path.read_text() == "a file of somebody"


# --- browsers --------------------------------------------------------------------------------


def ask(port: int, method: str, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, dict(answer.getheaders())


def test_a_name_that_leads_to_this_machine_reads_nothing(postrider) -> None:
    port = started(postrider(quiet())).admin_port
    for path in ("/config", "/status", "/metrics"):
        code, text, _ = ask(port, "GET", path, Host="evil.example")
        assert code == 421 and "admin.token" in text and "crm" not in text
        assert ask(port, "GET", path, Host=f"localhost:{port}")[0] == 200
    assert ask(port, "GET", "/healthz", Host="probed.example")[0] == 200


def test_the_page_may_do_only_what_it_does(postrider) -> None:
    _, page, headers = ask(started(postrider(quiet())).admin_port, "GET", "/")
    policy = dict(part.strip().partition(" ")[::2]
                  for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy) and "*" not in str(policy)
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["script-src"])
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    # No attribute is a script or a style, and no text becomes markup.
    assert re.findall(r"<[^>]*\s(?:on\w+|style)\s*=", page) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(", page) == []


def test_a_listener_that_is_open_to_all_is_warned_of(postrider) -> None:
    daemon = started(postrider(quiet(listen=f"0.0.0.0:{free_port()}")))
    assert "admin.listen: without a token, everybody" in daemon.log_text()
    checked = command("check", "-c", daemon.file)
    assert "admin.listen: without a token, everybody" in checked.stderr
    for admin in ({"listen": f"127.0.0.1:{free_port()}"},
                  {"listen": f"0.0.0.0:{free_port()}", "token": "a-token"}):
        daemon.configure(quiet(**admin))
        assert "without a token" not in command("check", "-c", daemon.file).stderr


# --- reload ----------------------------------------------------------------------------------


def reload_status(port: int, query: str, **headers: str) -> int:
    return ask(port, "POST", "/reload" + query, **headers)[0]


def test_reload_says_whether_the_new_configuration_is_in_force(postrider) -> None:
    daemon = started(postrider(quiet()))
    done = command("reload", "-c", daemon.file)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"from=127\.0\.0\.1:\d+ .*result=accepted",
                     daemon.wait_for_log("id=reload_requested"))
    # Good for the command, which does not look for secrets; not for the daemon.
    text = daemon.file.read_text()
    config = quiet()
    config.connection("default", authorization_type="BEARER", token="${env:NOT_THERE}")
    daemon.configure(config)
    refused = command("reload", "-c", daemon.file)
    assert refused.returncode == 1 and "refused the configuration" in refused.stderr
    daemon.file.write_text(text)
    assert command("reload", "-c", daemon.file).returncode == 0


def test_reload_is_for_the_daemon_that_runs_on_the_file(postrider, tmp_path: Path) -> None:
    daemon = started(postrider(quiet()))
    other = tmp_path / "other file.cfg"
    other.write_text(daemon.file.read_text())
    other.chmod(0o600)
    refused = command("reload", "-c", other)
    assert refused.returncode == 1 and str(daemon.file) in refused.stderr
    other.unlink()
    other.symlink_to(daemon.file)
    assert command("reload", "-c", other).returncode == 0


class Stranger(http.server.BaseHTTPRequestHandler):
    """Listens where the daemon should, and names a process of somebody."""

    pid = 0

    def answer(self) -> None:
        body = json.dumps({"version": "\x1b[31m", "pid": self.pid, "requested": 1, "answered": 1,
                           "successful": False, "ready": True, "destinations": [], "lanes": [],
                           "configuration": {"generation": 1, "reloads": 1,
                                             "last_reload_successful": True}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_: Any) -> None:
        pass


def test_reload_signals_nobody_whom_a_stranger_names(postrider) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    Stranger.pid = sleeper.pid
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = postrider(quiet(listen=f"127.0.0.1:{server.server_port}"), start=False)
    done = command("reload", "-c", config.file)
    server.shutdown()
    assert sleeper.poll() is None, "it got a signal"
    sleeper.kill()
    sleeper.wait()
    assert done.returncode == 1 and "in force" not in done.stdout


def test_a_reload_is_taken_from_whoever_has_the_token_and_from_no_browser(postrider) -> None:
    port = free_port()
    daemon = started(postrider(quiet(listen=f"127.0.0.1:{port}", token="s3cret-token")))
    file, bearer = "?file=" + quote(str(daemon.file)), {"Authorization": "Bearer s3cret-token"}
    assert reload_status(port, file) == 401
    assert reload_status(port, file, Cookie="token=s3cret-token") == 401
    assert reload_status(port, file, **bearer, Origin="https://evil.example") == 403
    assert reload_status(port, file, **bearer, Origin="null") == 403
    assert reload_status(port, file, **bearer, Host="evil.example") == 421
    assert reload_status(port, "", **bearer) == 409
    assert reload_status(port, "?file=/etc/passwd", **bearer) == 409
    assert ask(port, "PUT", "/reload" + file, **bearer)[0] == 405
    assert ask(port, "POST", "/config", **bearer)[0] == 405
    assert daemon.log_lines("id=configuration_loaded") == []
    assert reload_status(port, file, **bearer, Origin=f"http://127.0.0.1:{port}") == 202
    daemon.wait_for_log("id=configuration_loaded")
    assert "s3cret-token" not in daemon.log_text()


def test_without_a_token_a_reload_comes_from_this_machine_only(postrider) -> None:
    address = own_address()
    port = free_port()
    daemon = started(postrider(quiet(listen=f"0.0.0.0:{port}")))
    connection = http.client.HTTPConnection(address, port, timeout=5)
    connection.request("POST", "/reload?file=" + quote(str(daemon.file)))
    assert connection.getresponse().status == 403
    assert reload_status(port, "?file=" + quote(str(daemon.file))) == 202


def own_address() -> str:
    """One that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return s.getsockname()[0]
