# SPDX-License-Identifier: Apache-2.0
"""The program itself, as a child: configuration in, log and exit status out.

POSTRIDER names another binary (a sanitizer's build); POSTRIDER_LIBRARY_PATH directories
with other libraries for it (a newer librdkafka and libcurl).
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .config import render
from .process import Process
from .wait import free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("POSTRIDER", ROOT / "build/postrider"))
SANITIZED = BINARY.parent.name in ("asan", "tsan")


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """What the program's environment has beyond the tests' own."""
    env = dict(extra or {})
    if path := os.environ.get("POSTRIDER_LIBRARY_PATH"):
        env["LD_LIBRARY_PATH"] = path
    env.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_leaks=1:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def command(*arguments: str | Path, stdin: str | bytes = b"", env: dict[str, str] | None = None,
            timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run one subcommand to its end."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([BINARY, *map(str, arguments)], input=data, capture_output=True,
                          timeout=timeout, env={**os.environ, **environment(env)})
    return subprocess.CompletedProcess(done.args, done.returncode,
                                       done.stdout.decode(), done.stderr.decode())


def libcurl_version() -> tuple[int, ...]:
    """Of the libcurl that the program runs with."""
    found = re.search(r"libcurl/([\d.]+)", command("--version").stdout)
    assert found
    return tuple(map(int, found[1].split(".")))


class Postrider(Process):
    """`postrider run`. `config` is libconfig text or a dict for it.

    A dict without `admin` gets a listener on a free port. Start, stop, kill and start again
    as often as you like: the log goes on in the same file.
    """

    def __init__(self, config: str | dict[str, Any], directory: Path,
                 arguments: list[str] | None = None, env: dict[str, str] | None = None):
        self.directory = directory
        self.file = directory / "postrider.cfg"
        self.admin_port: int | None = None
        self.configure(config)
        super().__init__([str(BINARY), "run", "-c", str(self.file), *(arguments or [])],
                         directory / "postrider.log", environment(env))

    def configure(self, config: str | dict[str, Any]) -> None:
        """Write the configuration file; the program sees it at its start or on SIGHUP."""
        if isinstance(config, dict):
            if "admin" not in config:
                self.admin_port = self.admin_port or free_port()
                config = {**config, "admin": {"listen": f"127.0.0.1:{self.admin_port}"}}
            config = render(config)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.file.touch(0o600)
        self.file.write_text(config)

    def admin(self, path: str) -> str:
        """GET from the admin listener, whatever the status."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}",
                                        timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 when there is none."""
        total = 0.0
        for line in self.admin("/metrics").splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(
                    f"{key}={json.dumps(label)}" in head for key, label in labels.items()):
                total += float(value)
        return total

    def reload(self, result: str = "applied") -> None:
        """Have it read its configuration again, and wait until it has."""
        def done() -> float:
            return self.metric("postrider_config_reloads_total", result=result)

        before = done()
        self.signal(signal.SIGHUP)
        wait_until(lambda: done() > before, 30, lambda: f"{result} reload:\n{self.tail()}")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """Open ones, of a program started with readable=True."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def own_bytes(self) -> int:
        """Resident, without the pages of files: those of libraries are shared with others, and how
        many there are hangs on how a distribution builds them."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M)[1]) * 1024

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
