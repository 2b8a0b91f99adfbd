#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-comments.sh - each source begins by saying what it is for, in its header or in itself;
# no comment is torn; a file that a comment names is there.
set -euo pipefail
cd "${0%/*}/.."

bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

# A header opens with a comment. So does a .c whose header, of the same name, is not there.
opens() {
	local source header
	while read -r source; do
		header=${source%.c}.h
		[[ $source == *.h || (! -f $header && ! -f include/${header#src/}) ]] || continue
		[ "$(sed -n 2p "$source" | cut -c1-2)" = '/*' ] ||
			complain "$source:2: say in a comment what this file is for"
	done < <(find src include -name '*.[ch]' | sort)
}

# Drawings are indented by three blanks, so that prose and drawing can be told apart.
torn() {
	awk '
		FNR == 1 { inside = 0; declared = "" }
		/\/\*/ { inside = 1; begun = $0 }
		/^[ \t]*\*\/[ \t]*$/ && begun !~ /^[ \t]*\/\*\*?[ \t]*$/ {
			printf "%s:%d: \"*/\" alone on its line: the comment was torn\n", FILENAME, FNR
			bad = 1
		}
		inside && /^[ \t]*\* ? ?[^ \t].*(--+>$|--+\+$)/ {
			printf "%s:%d: a torn drawing\n", FILENAME, FNR
			bad = 1
		}
		declared && /^[ \t]+\*?[a-z_0-9]+(\[[A-Za-z_0-9]+\])?[;,][ \t]*\/\*/ {
			printf "%s:%d: a declaration torn by its comment: write the comment above it\n", FILENAME, FNR - 1
			bad = 1
		}
		/\*\// { inside = 0 }
		{ declared = /^[ \t]+(const |unsigned |struct )?[a-z_0-9]+( [a-z_0-9]+)?( \*)?$/ && !/^[ \t]+(else|do)$/ }
		END { exit bad }' "$@" || bad=1
}

# Paths with a folder, as in "core/gate/retry.h" or "tests/sim/sim.h"; patterns too.
cited() {
	local file line path
	while IFS=: read -r file line path; do
		compgen -G "$path" >/dev/null || compgen -G "src/$path" >/dev/null || compgen -G "include/$path" >/dev/null ||
			complain "$file:$line: $path is not there"
	done < <(grep -rnoE '\b(base|core|io|app|tests|include|src|scripts|doc)/[A-Za-z0-9_/.*-]+\.(c|h|sh|py|md|mk|html)\b' \
		src include tests --include='*.[ch]')
}

opens
mapfile -t files < <(find src include tests -name '*.[ch]' | sort)
torn "${files[@]}"
cited
exit $bad
