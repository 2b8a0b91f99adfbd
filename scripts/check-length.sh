#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-length.sh - a file has at most 600 lines, a function at most 60, from the line with
# its name to its closing brace. A file of tests may have 1,000: they are read one by one.
# Prints the longest of each.
set -euo pipefail
cd "${0%/*}/.."

# FUNCTION | WHY IT IS BETTER WHOLE
exceptions() {
	cat <<-'LIST'
	LIST
}

mapfile -t sources < <(find src include scripts -name '*.[ch]' | sort)
mapfile -t tests < <(find tests -name '*.c' | sort)
awk -v exceptions="$(exceptions)" '
	BEGIN {
		n = split(exceptions, list, "\n")
		for (i = 1; i <= n; i++) {
			split(list[i], entry, "|")
			excused[entry[1]] = 1
		}
	}
	FNR == 1 { check_file(); file = FILENAME }
	{ lines = FNR }
	# A definition: at the left edge, not a declaration, and its brace at the left edge.
	/^[A-Za-z_]/ && !/;$/ && !open {
		if (!named) { start = FNR; name = $0 }
		named = /[,(]$/ || /\)$/ || /[^;{]$/
	}
	/^{/ && named { open = 1 }
	/^}/ {
		if (open)
			check_function(FNR - start + 1)
		open = named = 0
	}
	/^$/ && !open { named = 0 }
	function check_function(n) {
		sub(/\(.*/, "", name)
		sub(/.*[ *]/, "", name)
		functions++
		if (n > longest) { longest = n; longest_name = name }
		if (n > 60 && !(name in excused)) {
			printf "%s:%d: %s has %d lines, more than 60\n", file, start, name, n
			bad = 1
		}
		delete excused[name]
	}
	function check_file() {
		limit = file ~ /^tests/ ? 1000 : 600
		if (lines > limit) {
			printf "%s: %d lines, more than %d\n", file, lines, limit
			bad = 1
		}
		if (lines > biggest) { biggest = lines; biggest_name = file }
	}
	END {
		check_file()
		for (name in excused)
			if (name) {
				printf "scripts/check-length.sh: no function %s is there to be excused\n", name
				bad = 1
			}
		printf "longest of %d functions: %s, %d lines; longest file: %s, %d lines\n",
			functions, longest_name, longest, biggest_name, biggest
		exit bad
	}' "${sources[@]}" "${tests[@]}"
