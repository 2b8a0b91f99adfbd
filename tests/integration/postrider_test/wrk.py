# SPDX-License-Identifier: Apache-2.0
"""wrk, the yardstick: what an endpoint takes when nothing has to be read for it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path


def wrk(url: str, connections: int, body_bytes: int, seconds: int = 3) -> float:
    """POSTs a second."""
    with tempfile.TemporaryDirectory(prefix="wrk-") as directory:
        script = Path(directory) / "post.lua"
        script.write_text(f'wrk.method="POST" wrk.body=string.rep("x", {body_bytes})\n')
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url],
                              capture_output=True, text=True, check=True)
    return float(done.stdout.partition("Requests/sec:")[2].split()[0])
