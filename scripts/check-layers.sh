#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-layers.sh - includes only go down: base < core < io < app. Within a layer the headers
# do not include each other in a circle. An include names its layer ("core/offsets/offsets.h"), but for a
# header that lies beside the file.
set -euo pipefail
cd "${0%/*}/.."

grep -rHnE '^#include "' src include --include='*.[ch]' | awk -F'[:"]' '
	function rank(layer) { return index("base core io   app", layer) }
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
		if (header !~ /\//)
			next
		split(file, parts, "/"); from = parts[2]
		split(header, parts, "/"); to = parts[1]
		if (header !~ /^(base|core|io|app)\//) {
			printf "%s:%s: \"%s\" does not name its layer\n", file, line, header
			bad = 1
		} else if (rank(to) > rank(from)) {
			printf "%s:%s: %s must not include %s: includes only go down\n", file, line, from, header
			bad = 1
		} else if (file ~ /^include/ && from == to)
			below[file] = below[file] " include/" header
	}
	END {
		for (node in below)
			visit(node)
		exit bad
	}'
