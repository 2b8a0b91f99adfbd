#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run-unit.sh PROGRAM... - run cmocka programs, four at a time, since some wait for a broker. A
# program that fails shows its whole output, one that passes a line. UNIT_WRAPPER is a command to
# run them under, UNIT_TIMEOUT what each may take, in seconds. With T set, only the tests whose
# name contains it (tests/unit/unit.c).
set -uo pipefail

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export WORK
export CMOCKA_MESSAGE_OUTPUT=stdout

run() {
	local out=$WORK/${1##*/}.out status=0
	# shellcheck disable=SC2086 # a command with its options, or nothing
	{ timeout "${UNIT_TIMEOUT:-120}" ${UNIT_WRAPPER:-} "$1" || status=$?; } >"$out" 2>&1
	echo "$status" >"$out.status"
}
export -f run
# Those that wait for a broker begin, and the others fill their pauses.
WAITING='/test_(source|source_losses|deadletter|offsets_lives|reader)$'
# shellcheck disable=SC2016 # $1 is the inner shell's
{
	printf '%s\n' "$@" | grep -E "$WAITING"
	printf '%s\n' "$@" | grep -vE "$WAITING"
} | xargs -r -P4 -I{} bash -c 'run "$1"' run {}

# The number of "[  WORD  ] N test(s)" of a program.
tests() {
	sed -n "s/^\[ *$1 *\] \([0-9]*\) test(s).*/\1/p" "$2" | head -1 | grep . || echo 0
}

passed=0 failed=0 skipped=0
for program in "$@"; do
	out=$WORK/${program##*/}.out
	status=$(cat "$out.status")
	p=$(tests PASSED "$out") f=$(tests FAILED "$out") s=$(tests SKIPPED "$out")
	# cmocka's exit status is the number of failures; anything else is a crash.
	[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	if [ "$f" -gt 0 ]; then
		cat "$out"
		echo "$program: exit status $status"
	elif [ $((p + s)) -gt 0 ]; then
		printf '  %-28s %4d\n' "${program##*/}" "$p"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
