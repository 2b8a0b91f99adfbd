#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# python.sh - print the directory of a Python environment with what the integration tests
# need (tests/integration/requirements.txt). Made once for each content of that file.
set -euo pipefail
. "${0%/*}/lib.sh"

REQUIREMENTS=${0%/*}/../tests/integration/requirements.txt

# The environment is made under another name than it will have, so its scripts (bin/pip,
# bin/pytest) name a directory that is gone. Call "bin/python -m pytest".
make_environment() {
	say "installing the Python packages of the tests, once"
	python3 -m venv --copies "$1"
	"$1/bin/python" -m pip install -q --disable-pip-version-check -r "$REQUIREMENTS"
}

HASH=$( (python3 --version && cat "$REQUIREMENTS") | sha256sum | cut -c1-12)
cache_obtain "venv-$HASH" make_environment
