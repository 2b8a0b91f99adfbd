#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-docs.sh - every key, metric, command, option and log line that a user can meet is named
# in the documentation. The program is asked where it can say it, else the source is read.
set -euo pipefail
cd "${0%/*}/.."

PROGRAM=build/postrider
bad=0

COMMAND_PAGE=etc/man/postrider.1 KEYS_PAGE=etc/man/postrider.cfg.5
for page in "$COMMAND_PAGE" "$KEYS_PAGE"; do
	[ -f "$page" ] || { echo "$page is not there yet, nothing was compared"; exit 0; }
done
# A dash counts however the page writes it.
TEXT=$(sed 's/\\-/-/g; s/\\_/_/g; s/\\&//g; s/Fl -/Fl --/g' etc/man/*.[1-9] README.md)

# named WHAT: each line of standard input is a word of the documentation.
named() {
	local word
	while read -r word; do
		grep -qE -- "(^|[^A-Za-z0-9_-])$word($|[^A-Za-z0-9_-])" <<<"$TEXT" ||
			{ echo "no page in etc/man names the $1 $word"; bad=1; }
	done
}

keys() {
	"$PROGRAM" check --keys | awk '{ print $1 }' | sed 's/.*\.//' | sort -u
}

metrics() {
	grep -hoE '"postrider_[a-z0-9_]+"' src/*/*.c | tr -d '"' | sort -u
}

log_ids() {
	cat src/io/*.c src/app/*.c | tr '\n' ' ' |
		grep -oE 'log_(info|warn|error)\( *"[a-z0-9_]+"' | sed 's/.*"\(.*\)"/\1/' | sort -u
}

commands() {
	"$PROGRAM" --help | awk '/^  [a-z-]+ /{ print $1 }' | sort -u
}

options() {
	local command
	for command in $(commands); do
		"$PROGRAM" "$command" --help | grep -oE -- '--[a-z][a-z-]+' || true
	done | sort -u
}

# Not in pipes: "bad" must outlive the loop.
named key < <(keys)
named metric < <(metrics)
named "log line" < <(log_ids)
named command < <(commands)
named option < <(options)
exit $bad
