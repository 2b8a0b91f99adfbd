# SPDX-License-Identifier: Apache-2.0
"""What `postrider check` says of each configuration in tests/golden/check, word for word.

A case is a directory: conf (a file, or a directory of *.cfg), what it refers to, and expected.
It may have args, more arguments, and mode, the mode of conf in octal (600 otherwise).
GOLDEN=write writes what was said as what is expected: read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from postrider_test.postrider import BINARY

CASES = Path(__file__).parent.parent / "golden" / "check"
ENVIRONMENT = {"TOKEN": "t0ken-of-the-environment", "LC_ALL": "C.UTF-8"}


def said(case: Path, directory: Path) -> str:
    """The program's words and exit status, in a copy of the case."""
    copy = directory / "case"
    shutil.copytree(case, copy)
    mode = int((case / "mode").read_text(), 8) if (case / "mode").exists() else 0o600
    for file in copy.rglob("*"):
        if file.is_file():
            file.chmod(mode)
    arguments = (case / "args").read_text().split() if (case / "args").exists() else []
    options = {key: os.environ[key] for key in ("ASAN_OPTIONS", "LSAN_OPTIONS") if key in os.environ}
    result = subprocess.run([BINARY, "check", "-c", "conf", *arguments], cwd=copy, timeout=30,
                            env={**ENVIRONMENT, **options}, capture_output=True, check=False)
    words = (result.stderr + result.stdout).decode() + f"exit {result.returncode}\n"
    return re.sub(r"librdkafka [0-9.]+", "librdkafka VERSION", words)


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_check_says_what_is_wrong_and_what_to_do(case: Path, tmp_path: Path) -> None:
    words = said(case, tmp_path)
    expected = case / "expected"
    if os.environ.get("GOLDEN") == "write":
        expected.write_text(words)
    assert words == expected.read_text()


def test_no_fault_shows_a_secret(tmp_path: Path) -> None:
    for number, case in enumerate(sorted(CASES.iterdir())):
        directory = tmp_path / str(number)
        directory.mkdir()
        words = said(case, directory)
        for secret in (ENVIRONMENT["TOKEN"], "s3cr3t-value", "hidden-too", "hunter2"):
            assert secret not in words, case.name


def test_there_are_enough_faults() -> None:
    faults = [case for case in CASES.iterdir() if "exit 1" in (case / "expected").read_text()]
    assert len(faults) >= 60
