#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# lint.sh - what a script can check, no reviewer should. Each check says what is wrong and
# where; what it prints when nothing is wrong is for information. Needs a build.
set -uo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.." || exit

passed=0 failed=0

check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		printf '  %-12s ok%s\n' "$name" "${output:+: $output}"
		passed=$((passed + 1))
	else
		printf '  %-12s FAILED\n%s\n' "$name" "$output"
		failed=$((failed + 1))
	fi
}

scripts_are_clean() {
	# shellcheck disable=SC2046
	shellcheck .ci/run $(find scripts tests -name '*.sh')
}

python_compiles() {
	# shellcheck disable=SC2046
	python3 -c 'import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)' $(find scripts tests -name '*.py')
}

waits() {
	! grep -rnE 'time\.sleep\(' tests/integration --include='test_*.py' |
		sed 's/$/ : wait for a condition, see postrider_test\/wait.py/' | grep .
}

licensed() {
	local file bad=0
	while read -r file; do
		echo "$file: its first lines do not have SPDX-License-Identifier: Apache-2.0"
		bad=1
	done < <(find src include tests scripts .ci -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name run \) \
		-exec sh -c 'head -3 "$1" | grep -q "SPDX-License-Identifier: Apache-2.0" || echo "$1"' sh {} \; | sort)
	return $bad
}

pages() {
	local page
	for page in etc/man/*.[1-9]; do
		[ ! -f "$page" ] || mandoc -T lint -W warning "$page" || return 1
	done
}

check layers scripts/check-layers.sh
check libraries scripts/check-deps.sh
check lengths scripts/check-length.sh
check comments scripts/check-comments.sh
check references scripts/check-references.sh
check exports scripts/check-exports.sh
check documents scripts/check-docs.sh
check pages pages
check format scripts/format.sh --check
check scripts scripts_are_clean
check python python_compiles
check waits waits
check licence licensed
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
