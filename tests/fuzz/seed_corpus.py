#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed_corpus.py KIND DIRECTORY: inputs to start from. For "json" and "pattern" the observed
pattern cases, for "conf" the samples and the configurations with a fault; others have none."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/conformance/pattern-cases.json"


def configurations():
    files = [*ROOT.glob("etc/**/*.cfg"), *ROOT.glob("tests/golden/check/*/conf")]
    return [file for file in files if file.is_file()]


def main():
    kind, directory = sys.argv[1], Path(sys.argv[2])
    if kind == "conf":
        for number, file in enumerate(configurations()):
            (directory / f"conf-{number:03}").write_bytes(file.read_bytes())
    if kind not in ("json", "pattern"):
        return
    for number, case in enumerate(json.loads(CASES.read_text())["cases"]):
        if kind == "pattern":
            text = case["pattern"] + "\0" + case["event"]
        else:
            text = case["event"]
        (directory / f"case-{number:03}").write_text(text)


if __name__ == "__main__":
    main()
