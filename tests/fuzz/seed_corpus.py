#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed_corpus.py json|pattern DIRECTORY: the observed pattern cases as inputs to start from."""

import json
import sys
from pathlib import Path

CASES = Path(__file__).resolve().parents[1] / "conformance" / "pattern-cases.json"


def main():
    kind, directory = sys.argv[1], Path(sys.argv[2])
    for number, case in enumerate(json.loads(CASES.read_text())["cases"]):
        if kind == "pattern":
            text = case["pattern"] + "\0" + case["event"]
        else:
            text = case["event"]
        (directory / f"case-{number:03}").write_text(text)


if __name__ == "__main__":
    main()
