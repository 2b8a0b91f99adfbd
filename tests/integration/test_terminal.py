# SPDX-License-Identifier: Apache-2.0
"""What a person sees can't command the terminal, and what a command knows is not left behind."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from postrider_test.client import Client, Record
from postrider_test.config import render
from postrider_test.events import event as sale
from postrider_test.postrider import ROOT, SANITIZED, command
from postrider_test.receiver import Receiver, Reply
from postrider_test.shop import ONE_ATTEMPT, Shop
from postrider_test.wait import wait_until

# A title for the window, a colour, CSI in one character, a line's end of other systems, reversed text.
HOSTILE = "\x1b]0;owned\x07\x1b[31m\x9b31m\x85\u2028\u202e\u2066\x7f\r"
# What a terminal, an editor or a reader of logs may obey.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
COMMANDS = ("run", "check", "test-event", "test-pattern", "test-transform", "dead-letters list", "reload",
            "status", "broker")


def harmless(text: str, what: str) -> None:
    """Nothing in it is obeyed."""
    found = OBEYED.search(text)
    assert not found, f"{what}: {text[max(found.start() - 40, 0):found.end() + 40]!r}"


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_nothing_that_comes_from_outside_commands_a_terminal(
        log_format: str, embedded: Client, receiver: Receiver, unique, postrider, tmp_path: Path) -> None:
    receiver.on("/crm", Reply(400, f"no{HOSTILE}".encode()))
    shop = Shop(embedded, receiver, unique, {"authorization_type": "NONE"}, ONE_ATTEMPT)
    shop.config["log"] = {"format": log_format}
    text = sale("sale", 1, text=HOSTILE).decode()
    daemon = postrider(shop.config)
    embedded.produce(shop.topic, [Record(text.encode(), headers=[(f"h{HOSTILE}", HOSTILE.encode())]),
                                  Record(b"no event" + HOSTILE.encode())])
    wait_until(lambda: len(shop.dead_letters()) == 2)
    # A letter that nobody of ours has written.
    forged = Record(text.encode(), headers=[
        ("ERROR_CODE", f"X{HOSTILE}".encode()), ("ERROR_MESSAGE", HOSTILE.encode()),
        ("RULE_NAME", f"r{HOSTILE}".encode()), ("TARGET_ID", HOSTILE.encode()),
        ("SOURCE_TOPIC", f"t{HOSTILE}".encode()), ("SOURCE_PARTITION", b"0"), ("SOURCE_OFFSET", b"1"),
        ("RESPONSE_BODY", HOSTILE.encode())])
    (forged,) = embedded.produce(shop.letters, [forged])
    event_file = tmp_path / "event.json"
    event_file.write_text(text)
    bad = tmp_path / "bad.cfg"
    bad.write_text(render(shop.config) + f"\"odd{HOSTILE}\" = 1;\n")
    transformer = tmp_path / "transformer"
    transformer.write_text('{"InputPathsMap": {"n": "$.detail.text"}, "InputTemplate": "<n>"}')
    places = [f"{shop.letters}/{letter.partition}/{letter.offset}" for letter in shop.dead_letters()]
    assert len(places) == 3
    runs = [*[("dead-letters", "show", place) for place in places],
            ("dead-letters", "list"), ("dead-letters", "list", "--json"), ("dead-letters", "list", "--summary"),
            ("dead-letters", "redrive", "--dry-run"), ("status",), ("status", "--json"),
            ("test-event", "--event", event_file), ("test-event", "--event", event_file, "--json"),
            ("test-event", "--event", event_file, "--send", "--rule", "sales"), ("check",)]
    shown = {}
    for arguments in runs:
        done = command(*arguments, "-c", daemon.file)
        shown[" ".join(map(str, arguments))] = done.stdout + done.stderr
    for arguments in (("check", "-c", bad), (f"no{HOSTILE}".replace("\0", ""),),
                      ("test-event", "-c", daemon.file, "--event", f"/no/{HOSTILE}"),
                      ("test-transform", "--transformer", transformer, "--event", event_file)):
        done = command(*arguments)
        shown[" ".join(map(str, arguments))] = done.stdout + done.stderr
    shown["log"] = daemon.log_text()
    for letter in shop.dead_letters():
        if (letter.partition, letter.offset) != (forged.partition, forged.offset):
            for name in ("ERROR_MESSAGE", "RESPONSE_BODY"):
                shown[f"{name} {letter.value!r}"] = (letter.header(name) or b"").decode()
    for what, printed in shown.items():
        harmless(printed, what)
    assert sum("owned" in printed for printed in shown.values()) >= 10  # it was there, as text


@pytest.mark.skipif(SANITIZED, reason="a sanitizer wants to be loaded first")
def test_no_command_may_be_dumped_when_it_begins_and_none_gives_session_keys_away(tmp_path: Path) -> None:
    library, seen = tmp_path / "dumpable.so", tmp_path / "seen"
    subprocess.run([os.environ.get("CC", "cc").split()[-1], "-std=gnu17", "-D_GNU_SOURCE", "-shared", "-fPIC",
                    "-O2", "-Wall", "-o", library, ROOT / "tests/integration/dumpable.c"], check=True)
    for name in COMMANDS:
        seen.unlink(missing_ok=True)
        command(*name.split(), "--help", env={"LD_PRELOAD": str(library), "SEEN": str(seen),
                                     "SSLKEYLOGFILE": str(tmp_path / "keys")})
        assert seen.read_text() == "0 no keys", name
