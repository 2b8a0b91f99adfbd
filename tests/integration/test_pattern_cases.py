# SPDX-License-Identifier: Apache-2.0
"""Every observed pattern case, through the program."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "postrider"
CASES = ROOT / "tests" / "conformance" / "pattern-cases.json"


def outcome(case, directory):
    pattern, event = directory / "pattern.json", directory / "event.json"
    directory.mkdir()
    pattern.write_text(case["pattern"])
    event.write_text(case["event"])
    done = subprocess.run(
        [PROGRAM, "test-pattern", "--pattern", pattern, "--event", event],
        capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        return {"true\n": "match", "false\n": "nomatch"}[done.stdout]
    assert done.returncode == 2 and done.stdout == "", done
    assert done.stderr.startswith(("postrider: pattern ", "postrider: event ")), done.stderr
    return "invalid" if done.stderr.startswith("postrider: pattern ") else "error"


def test_every_observed_case_comes_out_as_wanted(tmp_path):
    cases = json.loads(CASES.read_text())["cases"]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(
            lambda numbered: outcome(numbered[1], tmp_path / str(numbered[0])),
            enumerate(cases)))
    wrong = [(case, got) for case, got in zip(cases, outcomes)
             if got != case.get("recommend", case["expect"])]
    assert len(cases) > 200
    assert wrong == []


def test_pattern_or_event_comes_from_standard_input(tmp_path):
    event = tmp_path / "event.json"
    event.write_text('{"a": 1}')
    command = [PROGRAM, "test-pattern", "--pattern", "-", "--event", event]
    assert subprocess.run(command, input='{"a": [1]}', capture_output=True,
                          text=True).stdout == "true\n"
    explained = subprocess.run([*command, "--explain"], input='{"a": [2]}', capture_output=True,
                               text=True)
    assert explained.stdout.startswith("false\n")
    assert "a is 1; wanted [2]" in explained.stdout


def test_strict_refuses_what_only_the_limits_of_the_original_refuse(tmp_path):
    event = tmp_path / "event.json"
    event.write_text('{"a": "x"}')
    command = [PROGRAM, "test-pattern", "--pattern", "-", "--event", event]
    pattern = '{"a": [{"wildcard": "*:*:*:*:*:*:*"}]}'
    assert subprocess.run(command, input=pattern, capture_output=True, text=True).returncode == 0
    strict = subprocess.run([*command, "--strict"], input=pattern, capture_output=True, text=True)
    assert strict.returncode == 2
    assert "Rule is too complex" in strict.stderr
