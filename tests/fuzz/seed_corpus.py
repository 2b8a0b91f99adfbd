#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed_corpus.py KIND DIRECTORY: inputs to start from. For "json" and "pattern" the observed
pattern cases, for "conf" the samples and the configurations with a fault, for "response" a few
replies, each with the byte before it that says how it comes; others have none."""

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


def configurations():
    files = [*ROOT.glob("etc/**/*.cfg"), *ROOT.glob("tests/golden/check/*/conf")]
    return [file for file in files if file.is_file()]


def main():
    kind, directory = sys.argv[1], Path(sys.argv[2])
    if kind == "conf":
        for number, file in enumerate(configurations()):
            (directory / f"conf-{number:03}").write_bytes(file.read_bytes())
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
