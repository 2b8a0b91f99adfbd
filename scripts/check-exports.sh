#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-exports.sh [BUILD] - a function that only its own file uses is static; one that nobody
# uses is not there. Tests and generators count as users: a module's promise may be wider than today's need.
set -euo pipefail
cd "${0%/*}/.."

BUILD=${1:-build/plain}
objects=()
while read -r source; do
	object=$BUILD/${source#src/}
	objects+=("${object%.c}.o")
done < <(find src -name '*.c' | sort)
[ -f "${objects[0]}" ] || { echo "nothing is built in $BUILD: run make"; exit 1; }

bad=0
while read -r symbol object; do
	if ! grep -qrw --include='*.c' --include='*.h' -- "$symbol" tests scripts; then
		source=src/${object#"$BUILD"/}
		echo "${source%.o}.c: nobody else calls $symbol: make it static, or remove it"
		bad=1
	fi
done < <(nm -A "${objects[@]}" 2>/dev/null | awk '
	{ split($1, where, ":"); symbol = $NF; type = $(NF - 1) }
	type == "U" { used[symbol] = 1 }
	type == "T" && symbol != "main" { defined[symbol] = where[1] }
	END { for (s in defined) if (!(s in used)) print s, defined[s] }' | sort)
exit $bad
