# SPDX-License-Identifier: Apache-2.0
"""Wrong usage is answered with what is wrong and where the help is, not with a page."""

from __future__ import annotations

import subprocess

import pytest

from postrider_test.postrider import BINARY

COMMANDS = ("run", "check", "test-event", "test-pattern", "test-transform", "dead-letters list", "reload",
            "status", "broker")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_is_named_and_help_is_offered(command: str) -> None:
    done = subprocess.run([BINARY, *command.split(), "--nonsense"], capture_output=True, text=True, check=False)
    name = command.partition(" ")[0]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [f"postrider {name}: unrecognized option '--nonsense'",
                                        f"try 'postrider {name} --help'"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "broker"])
def test_what_is_missing_is_named_in_one_line(command: str) -> None:
    done = subprocess.run([BINARY, *command.split()], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (2, 2)
    assert lines[0].startswith(f"postrider {command.partition(' ')[0]}: ")


def test_a_command_that_there_is_not() -> None:
    done = subprocess.run([BINARY, "chekc"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()) == (
        2, ["postrider: there is no command 'chekc'", "try 'postrider --help'"])
