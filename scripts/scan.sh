#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scan.sh - what analysers that run nothing say of the sources: clang's (scan-build), clang-tidy
# (.clang-tidy has its checks) and gcc's. Fails on any finding.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

mapfile -t sources < <(git ls-files 'src/*.c' 2>/dev/null || find src -name '*.c')
passed=0 failed=0
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# scan NAME COMMAND...: it passes when it exits with 0 and has said nothing of a source.
scan() {
	local name=$1 status=0
	shift
	"$@" >"$WORK/said" 2>&1 || status=$?
	if [ "$status" -eq 0 ] && ! grep -qE '(warning|error):' "$WORK/said"; then
		printf '  %-12s ok\n' "$name"
		passed=$((passed + 1))
		return
	fi
	cat "$WORK/said"
	printf '  %-12s FAILED\n' "$name"
	failed=$((failed + 1))
}

FLAGS="-std=gnu17 -D_GNU_SOURCE -DPOSTRIDER_VERSION='\"scan\"' -Iinclude"

tidy() {
	# shellcheck disable=SC2086 # several words
	printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 8 sh -c 'clang-tidy --quiet "$@" -- '"$FLAGS" tidy
}

# It loses sight of pointers in lists and hash tables, and then takes them for NULL or for lost;
# clang's does not.
gcc_analyzer() {
	# shellcheck disable=SC2016 # the inner shell's
	printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 1 sh -c \
		'gcc '"$FLAGS"' -O1 -fanalyzer -Wno-analyzer-null-dereference \
			-Wno-analyzer-null-argument -Wno-analyzer-malloc-leak -Werror \
			-c -o /dev/null "$1"' gcc
}

# It sees one file at a time. Not asked is what it can't know so: that err_set() never returns 0,
# that a list's node is no longer in it, that uthash's tables are not empty where it says so.
clang_analyzer() {
	local off=() checker
	for checker in unix.Malloc core.NullDereference core.NonNullParamChecker core.CallAndMessage \
		core.UndefinedBinaryOperatorResult core.uninitialized.Assign; do
		off+=(-disable-checker "$checker")
	done
	env -u CC scan-build --status-bugs -o "$WORK/report" "${off[@]}" \
		make -s -B -j"$(nproc)" VARIANT=scan build/scan/postrider
}

scan "scan-build" clang_analyzer
scan "clang-tidy" tidy
scan "gcc" gcc_analyzer
printf 'scan: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
