# SPDX-License-Identifier: Apache-2.0
"""The system calls that the unit leaves to the program, where no systemd runs to enforce it.

    sandbox.py UNIT PROGRAM [ARGUMENT...]

reads SystemCallFilter=, SystemCallErrorNumber= and RestrictAddressFamilies= of the unit, asks
systemd-analyze what its groups stand for, and becomes the program under that filter.
"""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyseccomp as seccomp


def under(unit: Path, *command: str) -> list[str]:
    """The command line that runs `command` as the unit would."""
    return [sys.executable, __file__, str(unit), *command]


def _settings(unit: Path, key: str) -> list[str]:
    return [line.partition("=")[2] for line in unit.read_text().splitlines()
            if line.startswith(f"{key}=")]


def _calls(group: str) -> set[str]:
    """What @group stands for; a name that is no group stands for itself."""
    if not group.startswith("@"):
        return {group}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group],
                            capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    names = [line.strip() for line in listed]
    return set().union(*(_calls(name) for name in names if name and not name.startswith("#")))


def allowed(unit: Path) -> set[str]:
    """As systemd reads it: the first list allows, one that begins with ~ takes away."""
    calls = _calls("@default")
    for text in _settings(unit, "SystemCallFilter"):
        named = set().union(*(_calls(name) for name in text.removeprefix("~").split()))
        calls = calls - named if text.startswith("~") else calls | named
    return calls


def _enforce(unit: Path) -> None:
    refuse = seccomp.ERRNO(getattr(errno, *_settings(unit, "SystemCallErrorNumber")))
    calls = allowed(unit)
    families = [getattr(socket, name) for text in _settings(unit, "RestrictAddressFamilies")
                for name in text.split()]
    assert calls and families
    rules = seccomp.SyscallFilter(refuse)
    for call in calls - {"socket"}:
        try:
            rules.add_rule(seccomp.ALLOW, call)
        except (OSError, RuntimeError, ValueError):
            pass  # another architecture's
    for family in families:
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, family))
    rules.load()


if __name__ == "__main__":
    _enforce(Path(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])
