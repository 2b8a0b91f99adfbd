#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed_corpus.py KIND DIRECTORY: inputs to start from. For "json" and "pattern" the observed
pattern cases, for "conf" the samples and the configurations with a fault, for "response" a few
replies, each with the byte before it that says how it comes, for "letter" a sound one and forged
ones, for "cost" events that were costly; others have none."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/conformance/pattern-cases.json"


REPLIES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Slow down\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nConnection: close\r\n\r\nno",
    b"HTTP/1.0 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
    b"HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\n\x1f\x8b\x08\0",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n",
]


# The headers of a letter, in the order of fuzz_letter.c, with values that make a letter of them.
LETTER = [b"X", b"m", b"rule", b"target", b"destination", b"503", b"3", b"shop.orders", b"0", b"5",
          b"2026-11-23T09:05:04Z", b"2026-11-23T09:05:04Z", b"2026-11-23T09:05:04Z", b"no", b"1",
          b"MaximumRetryAttempts"]
FORGED = [b"\r\nX-Injected: yes\r\n\r\nGET /x HTTP/1.1\r\n", b"\r", b"\n", b"\0", b"\x1b[2J",
          b"\xe2\x80\xae"]


def letters():
    """A sound letter, and forged ones: in each header, at its beginning and at its end, what ends
    a line or a string."""
    yield LETTER
    for number, value in enumerate(LETTER):
        for bad in FORGED:
            for forged in (bad + value, value + bad):
                yield [*LETTER[:number], forged, *LETTER[number + 1:]]


# Choice, head, piece and tail of fuzz_cost.c: what was quadratic, or grew without limit.
COSTLY = [b'\x04{"d":1\x1e,"k#":1\x1e}', b'\x0d{"d":1\x1e,"\\u006b#":"\\u00e9"\x1e}',
          b'\x01{"' + b"k" * 400 + b'":[1\x1e,1\x1e]}',
          b'\x02{"specversion":"1.0","id":"1","source":"/","type":"t"\x1e,"k#":1\x1e}']


def configurations():
    files = [*ROOT.glob("etc/**/*.cfg"), *ROOT.glob("tests/golden/check/*/conf")]
    return [file for file in files if file.is_file()]


def main():
    kind, directory = sys.argv[1], Path(sys.argv[2])
    if kind == "conf":
        for number, file in enumerate(configurations()):
            (directory / f"conf-{number:03}").write_bytes(file.read_bytes())
    if kind == "letter":
        for number, letter in enumerate(letters()):
            data = b"".join(bytes([name, len(value)]) + value for name, value in enumerate(letter))
            (directory / f"letter-{number:03}").write_bytes(data)
    if kind == "cost":
        for number, event in enumerate(COSTLY):
            (directory / f"event-{number}").write_bytes(event)
    if kind == "response":
        for number, reply in enumerate(REPLIES):
            for how in (b"\0", b"\1", b"\2", b"\5"):
                (directory / f"reply-{number}-{how[0]}").write_bytes(how + reply)
    if kind not in ("json", "pattern"):
        return
    for number, case in enumerate(json.loads(CASES.read_text())["cases"]):
        if kind == "pattern":
            text = case["pattern"] + "\0" + case["event"]
        else:
            text = case["event"]
        (directory / f"case-{number:03}").write_text(text)


if __name__ == "__main__":
    main()
