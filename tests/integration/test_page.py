# SPDX-License-Identifier: Apache-2.0
"""The status page in a real browser: what an operator sees of a good and of a bad day.

POSTRIDER_SCREENSHOTS names a directory where the pictures stay, to be looked at.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from postrider_test.config import Config
from postrider_test.embedded import Embedded
from postrider_test.events import record, wants
from postrider_test.postrider import ROOT, Postrider
from postrider_test.receiver import Receiver, Reply
from postrider_test.wait import wait_until

pytestmark = pytest.mark.browser

BROWSER = shutil.which("chromium")
# Name: width, height, and what the operator prefers (Blink: 0 is dark, 1 is light).
VIEWS = {"light": (1280, 1000, 1), "dark": (1280, 1000, 0), "phone": (390, 2000, 1)}


def browse(url: str, view: str, profile: Path, *options: str) -> str:
    """Look at the page for six seconds of its own time; what the browser prints."""
    if BROWSER is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no chromium here")
    width, height, scheme = VIEWS[view]
    seen = subprocess.run(
        [BROWSER, "--headless=old", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
         f"--user-data-dir={profile}", f"--window-size={width},{height}",
         f"--blink-settings=preferredColorScheme={scheme}", "--virtual-time-budget=6000",
         *options, url], capture_output=True, text=True, timeout=60, check=False)
    assert seen.returncode == 0, seen.stderr[-2000:]
    # What the page itself complains of: a fault of a script, a source that is not there.
    assert "CONSOLE" not in seen.stderr, seen.stderr[-2000:]
    return seen.stdout


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    kept = os.environ.get("POSTRIDER_SCREENSHOTS")
    directory = Path(kept) if kept else tmp_path / "pictures"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture
def bad_day(embedded: Embedded, receiver: Receiver, unique: Callable[[str], str],
            postrider) -> Postrider:
    """One destination delivers, one is down, one has no credentials, one refuses."""
    topic = unique("sales")
    embedded.create_topic(topic)
    config = Config(embedded.bootstrap)
    config.consumer("shop", topic, group_id="postrider." + unique("g")[-8:],
                    auto_offset_reset="earliest", dead_letter_topic=unique("letters"))
    config.connection("oauth", authorization_type="OAUTH_CLIENT_CREDENTIALS", allow_http=True,
                      authorization_endpoint=receiver.url("/token"), client_id="postrider",
                      client_secret="s3cret")
    receiver.on("/token", Reply(401, b'{"error":"invalid_client"}'))
    receiver.on("/billing", Reply(503))
    receiver.on("/search", Reply(400))
    for name in ("warehouse", "billing", "crm-of-the-sales-department-in-the-north", "search"):
        keys = {"connection": "oauth"} if name.startswith("crm") else {}
        config.destination(name, receiver.url(f"/{name}"), **keys)
        config.rule(f"sales-{name}", "shop", wants("sale"), {"destination": name})
    daemon = postrider(config)
    embedded.produce(topic, [record("sale", n) for n in range(300)])
    receiver.wait_for(300, "/warehouse")
    daemon.wait_for_log("id=destination_open")
    daemon.wait_for_log("id=connection_deauthorized")
    daemon.wait_for_log("id=dead_letter")
    wait_until(lambda: '"ready":true' in daemon.admin("/status"), 30)
    return daemon


def words(page: str) -> str:
    """The text of a page as it stands there."""
    body = re.sub(r"<(script|style|svg|title)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_says_what_is_wrong(bad_day: Postrider, pictures: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{bad_day.admin_port}/"
    text = words(browse(url, "light", tmp_path / "profile", "--dump-dom"))
    for expected in ("ready", "warehouse", "delivering", "billing", "HTTP 503", "Next probe",
                     "deauthorized", "invalid_client", "held back", "Groups in Kafka", "dead letters", "3 of 4"):
        assert expected.lower() in text.lower(), f"{expected!r} is not in: {text}"
    assert "NaN" not in text and "undefined" not in text and "s3cret" not in text
    # What is wrong comes first.
    cards = text[text.index("Destinations"):]
    assert cards.index("billing") < cards.index("warehouse")


def test_the_page_asks_nobody_else() -> None:
    page = (ROOT / "src/app/daemon/page.html").read_text()
    assert set(re.findall(r"\bhttps?:[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"'][^\"']+|@import", page) == []


# Instead of a daemon: two workers, whose destination delivers in waves, and fails for a while.
FIVE_MINUTES = """<script>
let tick = 0, delivered = 0, failed = 0;
window.fetch = async () => {
  tick++;
  delivered += Math.round(400 + 300 * Math.sin(tick / 9));
  failed += tick > 90 && tick < 110 ? 250 : 0;
  const one = { name: "billing", breaker: "closed", breaker_for_ms: 0, next_probe_in_ms: -1,
    dead_letter_guard_paused: false, dead_letter_guard_probe_in_ms: -1, window: 32, in_flight: 9,
    queued: 20, waiting_for_retry: 0, delivered: delivered, failed_attempts: failed, dead_letters: 1,
    last_error: "<b id=hostile>", last_error_age_ms: 1, connection: { state: "AUTHORIZED", reason: "" } };
  return { json: async () => ({ version: "0", uptime_ms: 9e6, complete: true, ready: true,
    configuration: { file: "postrider.cfg", last_reload_successful: false }, lanes: [],
    destinations: [one, { ...one }], dead_letter_topics: [
      { topic: "<img src=x onerror=document.title='hostile'>", pending: 3, holding: true,
        reason: "it has no leader" }] }) };
};
</script>"""


@pytest.mark.parametrize("output", ["--dump-dom", "--screenshot="])
def test_the_page_draws_the_last_five_minutes(output: str, pictures: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(FIVE_MINUTES + (ROOT / "src/app/daemon/page.html").read_text())
    if output == "--screenshot=":
        output += str(pictures / "five-minutes.png")
    dom = browse(page.as_uri(), "light", tmp_path / "profile", output,
                 "--virtual-time-budget=310000")
    if output != "--dump-dom":
        return
    points = re.findall(r'<polyline points="([^"]*)"( class="failed")?', dom)
    assert [kind for _, kind in points] == ["", ' class="failed"']
    assert len(points[0][0].split()) > 140
    assert words(dom).count("billing") == 1, "two workers have one destination"
    assert "18 of 64" in words(dom) and "it has no leader" in words(dom)
    assert "postrider check -c postrider.cfg" in words(dom)
    # What others have named is text.
    assert "<b id=hostile>" in words(dom) and "<img src=x" in words(dom)
    shown = re.sub(r"<script.*?</script>", "", dom, flags=re.S)
    assert re.findall(r"<b |<img|<title>hostile", shown) == []


def test_the_page_is_drawn_by_day_by_night_and_on_a_phone(
        bad_day: Postrider, pictures: Path, tmp_path: Path) -> None:
    for view in VIEWS:
        picture = pictures / f"{view}.png"
        browse(f"http://127.0.0.1:{bad_day.admin_port}/", view, tmp_path / "profile",
               f"--screenshot={picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 15_000, "nearly nothing is on it"
