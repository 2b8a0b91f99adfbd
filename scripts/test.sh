#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test.sh - everything that `make test` promises, from a fresh checkout on.
#
#   T=word         only the tests (and the checks of other directories) whose name has it
#   LIBRARIES=new  with a newer librdkafka and libcurl than the system's
#   CI=true        nothing may be skipped for want of Kafka; sanitizers and the newer
#                  libraries are run as well
#
# The last line is "N passed, N failed, N skipped". Every process of the tests carries a mark
# in its environment, so that one left behind is found.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

T=${T:-}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export POSTRIDER_TEST_RUN="$$.$RANDOM"
passed=0 failed=0 skipped=0
BEGIN=$SECONDS

heading() {
	printf '\n== %s (%d s)\n' "$*" $((SECONDS - BEGIN))
}

# The number before WORD in the last line of counts, in a runner's way of saying it.
number() {
	sed -nE "s/(^|.*[^0-9])([0-9]+) $2.*/\2/p" <<<"$1" | grep . || echo 0
}

# leg NAME COMMAND...: run it and add up what its last line of counts says. A command that
# fails without saying how many did counts as one.
leg() {
	local name=$1 status=0 counts leg_failed
	shift
	heading "$name"
	"$@" 2>&1 | tee "$WORK/leg" || status=${PIPESTATUS[0]}
	counts=$(grep -E '[0-9]+ (passed|failed|skipped|errors?)\b' "$WORK/leg" | tail -1 || true)
	leg_failed=$(($(number "$counts" failed) + $(number "$counts" error)))
	[ "$status" -eq 0 ] || [ "$leg_failed" -gt 0 ] || leg_failed=1
	if [ -z "$counts" ] && [ "$status" -eq 0 ] && ! grep -qE 'deselected|no tests ran' "$WORK/leg"; then
		passed=$((passed + 1))
	fi
	passed=$((passed + $(number "$counts" passed)))
	failed=$((failed + leg_failed))
	skipped=$((skipped + $(number "$counts" skipped)))
	[ "$leg_failed" -eq 0 ] || printf '== %s: FAILED\n' "$name"
}

# integration NAME MARKS: most tests wait most of the time, so seven of them go on at once, and
# then those marked "paced", which hang on time, four; those marked "alone" load the machine, and
# have it for themselves. pytest ends with 5 when nothing was selected, which is no failure.
integration() {
	leg "$1" pytest_run "($2) and not paced and not alone and not soak" -n 7
	leg "$1, paced" pytest_run "($2) and paced and not alone and not soak" -n 4
	leg "$1, one by one" pytest_run "($2) and alone and not soak"
}

pytest_run() {
	local marks=$1 python status=0
	shift
	python=$(scripts/python.sh)/bin/python || return 1
	"$python" -m pytest -q -c tests/integration/pytest.ini -m "$marks" ${T:+-k "$T"} "$@" \
		tests/integration || status=$?
	[ "$status" -ne 5 ] || status=0
	return "$status"
}

newer_libraries() {
	local path
	scripts/install-deps.sh newer
	path=$(scripts/rdkafka-new.sh):$(scripts/libcurl-new.sh)
	UNIT_WRAPPER="env LD_LIBRARY_PATH=$path" leg "unit tests, newer libraries" make -s unit
	POSTRIDER_LIBRARY_PATH=$path integration "integration tests, newer libraries" "$1"
}

# Whoever bears the mark, but for this shell and its children (tee).
left_behind() {
	local pid stat parent found=0
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
		read -r _ parent _ <<<"${stat##*)}"
		[[ $pid != "$$" && $parent != "$$" ]] || continue
		if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qx "POSTRIDER_TEST_RUN=$POSTRIDER_TEST_RUN"; then
			echo "left behind: pid $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-200)"
			found=1
		fi
	done
	return $found
}

scripts/install-deps.sh test
heading "build"
patiently "compiling" make --no-silent -j2 all unit-programs
[ -n "$T" ] || leg "lint" scripts/lint.sh
leg "unit tests" make -s unit
for check in $(make -s print-checks); do
	[[ $check != *"$T"* ]] || leg "$check" make -s "$check"
done
if [ "${LIBRARIES:-}" = new ]; then
	newer_libraries "kafka or not kafka"
else
	integration "integration tests" "kafka or not kafka"
fi
if [ "${CI:-}" = true ] && [ "${LIBRARIES:-}" != new ]; then
	heading "build with sanitizers"
	make -s -j2 VARIANT=asan build/asan/postrider unit-programs
	leg "unit tests, sanitizers" make -s VARIANT=asan unit
	POSTRIDER=$PWD/build/asan/postrider integration "embedded broker, sanitizers" embedded
	newer_libraries kafka
fi
leg "nothing is left behind" left_behind

heading "done"
# The look for processes counts as one.
[ $((passed + failed)) -gt 1 ] || { say "no test has '$T' in its name"; failed=1; }
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
