# SPDX-License-Identifier: Apache-2.0
"""The program, its descriptors open to the eyes of the user who started it.

    readable.py PROGRAM [ARGUMENT...]

becomes the program, whose call that makes it not dumpable then succeeds without an effect: the
kernel shows /proc/PID/fd of a process that is not dumpable to root alone, and the tests are run
by others, too.
"""

from __future__ import annotations

import os
import sys

import pyseccomp as seccomp

PR_SET_DUMPABLE = 4


def under(*command: str) -> list[str]:
    """The command line that runs `command` like that."""
    return [sys.executable, __file__, *command]


def _let_be_seen() -> None:
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    rules.add_rule(seccomp.ERRNO(0), "prctl", seccomp.Arg(0, seccomp.EQ, PR_SET_DUMPABLE))
    rules.load()


if __name__ == "__main__":
    _let_be_seen()
    os.execv(sys.argv[1], sys.argv[1:])
