# SPDX-License-Identifier: Apache-2.0
"""A network that can be cut, slow, or end in the middle of an answer: Toxiproxy."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from .process import Process
from .wait import free_port, wait_until

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "postrider/toxiproxy"
_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0"


class ToxiproxyMissing(Exception):
    """It is not here and cannot be built; the text says why."""


def _program() -> Path:
    program = _CACHE / "server"
    if not program.exists():
        try:
            subprocess.run(["go", "install", _MODULE], check=True, capture_output=True, text=True,
                           env={**os.environ, "GOBIN": str(_CACHE)}, timeout=600)
        except (OSError, subprocess.SubprocessError) as error:
            raise ToxiproxyMissing(f"go install {_MODULE}: {error}") from error
    return program


class Toxiproxy(Process):
    """One proxy, from `port` to `upstream`, with what is wrong with it."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self.port, self._api = free_port(), free_port()
        super().__init__([str(_program()), "-port", str(self._api)], directory / "toxiproxy.log")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._api}{path}", json.dumps(body).encode() if body else None,
            {"Content-Type": "application/json"}, method=method)
        urllib.request.urlopen(request, timeout=5).close()

    def _answers(self) -> bool:
        try:
            self._call("GET", "/version")
            return True
        except OSError:
            return False

    def forward(self, upstream: str) -> None:
        self.start()
        wait_until(self._answers, 10, "toxiproxy's API")
        self._call("POST", "/proxies", {"name": "p", "listen": f"127.0.0.1:{self.port}",
                                        "upstream": upstream, "enabled": True})

    def cut(self) -> None:
        """Break every connection and refuse new ones, until `mend`."""
        self._call("POST", "/proxies/p", {"enabled": False})

    def ail(self, kind: str, stream: str = "downstream", **attributes: int) -> None:
        """latency=…, limit_data bytes=…, reset_peer timeout=…: see Toxiproxy's manual."""
        self._call("POST", "/proxies/p/toxics", {"name": f"{kind}-{stream}", "type": kind,
                                                 "stream": stream, "attributes": attributes})

    def mend(self) -> None:
        self._call("POST", "/reset")
