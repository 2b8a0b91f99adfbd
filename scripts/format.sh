#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# format.sh [--check] - bring the C sources into the form that .clang-format describes, or name
# those that are not in it. Each version of clang-format has its own idea of that form, so the one
# that tests/integration/requirements.txt pins is used, and none that happens to be on the machine.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

python=$(scripts/python.sh)/bin/python
formatter=$("$python" -c 'import clang_format, pathlib
print(pathlib.Path(clang_format.__file__).parent / "data/bin/clang-format")')
mapfile -d '' files < <(find src include tests scripts -name '*.[ch]' -print0 | sort -z)

if [ "${1:-}" != --check ]; then
	"$formatter" -i "${files[@]}"
	exit
fi
# With a fault clang-format fails, and xargs with it; any other failure is told as it is.
said=$(printf '%s\0' "${files[@]}" | xargs -0 -n8 -P2 "$formatter" --dry-run -Werror 2>&1) || {
	sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: error: .*/\1: make format/p' <<<"$said" | sort -u | grep . || echo "$said"
	exit 1
}
