# SPDX-License-Identifier: Apache-2.0
"""tests/bench/endpoint as a child: an HTTP API in C that only counts, for what must be quick."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from .postrider import ROOT
from .process import Process

PROGRAM = ROOT / "build/plain/bench/endpoint"


class Endpoint(Process):
    """Answers every request with `status` after `delay_ms`; with `close` it then hangs up."""

    def __init__(self, directory: Path, delay_ms: int = 0, status: int = 200,
                 close: bool = False, fail_every: int = 0):
        if not PROGRAM.exists():
            subprocess.run(["make", "-s", "-C", ROOT, str(PROGRAM.relative_to(ROOT))], check=True)
        directory.mkdir(parents=True, exist_ok=True)
        options = ["--delay-ms", str(delay_ms), "--status", str(status),
                   "--fail-every", str(fail_every)]
        super().__init__([str(PROGRAM), *options, *(["--close"] if close else [])],
                         directory / "endpoint.log")
        self.port = 0

    def start(self) -> None:
        super().start()
        self.port = int(self.wait_for_log(r"^port \d+").split()[1])

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def counts(self) -> dict[str, int]:
        """So far: requests, body_bytes, connections, most_open, busiest_second."""
        mark = self.log_mark()
        self.signal(signal.SIGUSR1)
        line = self.wait_for_log("busiest_second", start=mark)
        return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line)}

    @property
    def requests(self) -> int:
        return self.counts()["requests"]

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100
