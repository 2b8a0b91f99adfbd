# SPDX-License-Identifier: Apache-2.0
"""The reference of all keys and the sample configurations are valid."""

from __future__ import annotations

import subprocess
from pathlib import Path

from postrider_test.postrider import BINARY

ETC = Path(__file__).parent.parent.parent / "etc"


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BINARY, "check", *arguments], timeout=30, capture_output=True, text=True,
                          check=False)


def test_the_reference_is_understood_when_it_is_taken_out_of_its_comments(tmp_path: Path) -> None:
    lines = (ETC / "postrider.cfg.reference").read_text().splitlines()
    taken = tmp_path / "taken.cfg"
    taken.write_text("\n".join(line.removeprefix("#") for line in lines) + "\n")
    words = check("-c", taken, "--no-secrets").stderr
    # Not all keys fit together, but each is known and has a value it may have.
    for complaint in ("no such key", "syntax", "must be", "is not a", "missing;"):
        assert complaint not in words


def test_the_samples_have_no_fault_and_no_warning() -> None:
    for sample in ("postrider.cfg", "demo.cfg"):
        result = check("-c", ETC / sample, "--no-secrets")
        assert result.returncode == 0, result.stderr
        if sample == "postrider.cfg":
            assert result.stderr == ""


def test_the_sample_does_what_its_tests_say() -> None:
    result = check("-c", ETC / "postrider.cfg", "--no-secrets", "--tests",
                   ETC / "postrider.tests.json")
    assert result.returncode == 0, result.stdout
    assert "0 failed" in result.stdout


def test_what_print_shows_is_a_configuration_that_prints_the_same(tmp_path: Path) -> None:
    first = check("-c", ETC / "postrider.cfg", "--no-secrets", "--print").stdout
    copy = tmp_path / "copy.cfg"
    copy.write_text(first)
    assert check("-c", copy, "--no-secrets", "--print").stdout == first
