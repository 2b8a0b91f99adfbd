#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# cover.sh - how many lines the tests reach, by layer; fails under the least that is wanted.
# Unit tests, conformance cases and the simulation, then integration tests through a binary that
# counts, too.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

# LAYER LEAST (percent)
LEAST="base 90
core 90
io 80
app 80"

BUILD=build/cover
# Without optimisation gcc takes what it is handed for what it reads.
export CFLAGS="-O0 -g -Wno-maybe-uninitialized"
find "$BUILD" -name '*.gcda' -delete 2>/dev/null || true
make -s -j2 VARIANT=cover build/cover/postrider unit-programs
make -s VARIANT=cover unit conformance sim SEEDS=100
PYTHON=$(scripts/python.sh)/bin/python
POSTRIDER=$PWD/$BUILD/postrider "$PYTHON" -m pytest -q -c tests/integration/pytest.ini -n 6 \
	-m "not alone and not paced and not soak" tests/integration

# gcov's "Lines executed:93.33% of 45" for each source, added up for its layer.
layer() {
	local name=$1 objects
	mapfile -t objects < <(find "$BUILD/$name" -name '*.gcda')
	gcov -n "${objects[@]}" 2>/dev/null | awk -v source="src/$name/" '
		/^File/ { ours = index($0, source) > 0 }
		/^Lines executed/ && ours {
			split($0, part, /[:% ]+/)
			reached += part[3] / 100 * part[5]; all += part[5]; ours = 0
		}
		END { printf "%.1f %d\n", all ? 100 * reached / all : 0, all }'
}

failed=0 passed=0
while read -r name least; do
	read -r percent lines <<<"$(layer "$name")"
	printf '  %-5s %5s %% of %5d lines (at least %d %%)\n' "$name" "$percent" "$lines" "$least"
	if awk -v p="$percent" -v l="$least" 'BEGIN { exit !(p < l) }'; then
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
done <<<"$LEAST"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
