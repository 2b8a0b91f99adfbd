#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-layers.sh - the order of the folders, as one list: a file includes only from its own
# folder and from those above it in the list. A header that only its own folder may include
# lies beside the .c files and is included by its bare name; all others lie under include/ and
# are included by layer and folder ("core/offsets/offsets.h"). Headers of one folder do not
# include each other in a circle. core names no header for threads, clocks or system calls.
set -euo pipefail
cd "${0%/*}/.."

ORDER="base
core/gate core/json core/header core/event core core/pattern core/ruleset core/reply core/request core/offsets core/auth
io io/httpd io/kafka io/http io/auth io/source io/deadletter
app/conf app/metrics app/engine app/preview app/deadletters app/daemon app/cmd app"

NOT_IN_CORE='pthread|stdatomic|threads|time|unistd|signal|fcntl|poll|sys/.*|netdb|dirent'

bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

while IFS=: read -r file line include; do
	complain "$file:$line: core is pure, $include is not: take what it knows as a parameter"
done < <(grep -rHnoE "^#include <($NOT_IN_CORE)\.h>" src/core include/core || true)

# How large and deep a record may be is the configuration's to say, and its consumer's envelope
# knows it. Other limits are for texts that are no records, and for the default itself.
LIMITS_ALLOWED='^src/app/(conf/keys|cmd/cmd_test_pattern|cmd/cmd_test_transform)\.c:'
while IFS=: read -r file line _; do
	complain "$file:$line: a record is indexed by envelope_index(), within the limits of its consumer"
done < <(grep -rHn 'jx_default_limits' src/app include/app | grep -vE "$LIMITS_ALLOWED" || true)

# Every header is read by somebody outside its folder, or it belongs beside the .c files.
while read -r header; do
	name=${header#include/}
	folder=${name%/*}
	grep -rlE "^#include \"$name\"" src include |
		grep -qvE "^(src|include)/$folder/[^/]*\$" && continue
	# It may also be read through another header of its folder that is public.
	grep -lE "^#include \"$name\"" "include/$folder"/*.h >/dev/null 2>&1 && continue
	complain "$header: only src/$folder includes it: it belongs there"
done < <(find include -name '*.h' | sort)

grep -rHnE '^#include "' src include --include='*.[ch]' | awk -v order="$ORDER" -F'[:"]' '
	BEGIN { n = split(order, list, /[ \n]+/); for (i = 1; i <= n; i++) rank[list[i]] = i }
	function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
	function visit(node,   list, i, n) {
		if (state[node] == 1) {
			printf "%s: the headers include each other in a circle\n", node
			bad = 1
			return
		}
		if (state[node] == 2)
			return
		state[node] = 1
		n = split(below[node], list, " ")
		for (i = 1; i <= n; i++)
			visit(list[i])
		state[node] = 2
	}
	{
		file = $1; line = $2; header = $4
		from = file; sub(/^(src|include)\//, "", from); from = folder(from)
		if (header ~ /\//) {
			to = folder(header); path = "include/" header
		} else {
			to = from; path = "src/" from "/" header
		}
		if ((getline ignored < path) < 0) {
			printf "%s:%s: there is no %s\n", file, line, path
			bad = 1
		}
		close(path)
		if (!(from in rank) || !(to in rank)) {
			printf "%s:%s: %s is not in the list of scripts/check-layers.sh\n", file, line, (from in rank) ? to : from
			bad = 1
		} else if (rank[to] > rank[from]) {
			printf "%s:%s: %s must not include %s, which comes after it\n", file, line, from, to
			bad = 1
		} else if (file ~ /\.h$/ && from == to)
			below[file] = below[file] " " path
	}
	END {
		for (node in below)
			visit(node)
		exit bad
	}' || bad=1
exit $bad
