#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-docs.sh - every key, metric, command, option and log line that a user can meet is named
# in the documentation. The program is asked where it can say it, else the source is read.
set -euo pipefail
cd "${0%/*}/.."

PROGRAM=build/postrider
CONF_DOCS=build/plain/gen-conf-docs
bad=0

COMMAND_PAGE=etc/man/postrider.1 KEYS_PAGE=etc/man/postrider.cfg.5
MESSAGES_PAGE=etc/man/postrider-messages.7 METRICS_PAGE=etc/man/postrider-metrics.7
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
	"$CONF_DOCS" keys | sed 's/.*\.//' | sort -u
}

metrics() {
	grep -ohE '"postrider_[a-z0-9_]+"' include/app/metrics/metrics_table.h | tr -d '"' | sort -u
}

# Log lines have a page of their own, so they are compared both ways, each with its level.
said_ids() {
	find src -name '*.c' -exec cat {} + | tr '\n' ' ' | grep -oE 'log_(info|warn|error)\([[:space:]]*"[a-z0-9_]+"' |
		sed -E 's/warn/warning/; s/log_([a-z]+).*"(.*)"/\2 \1/' | sort -u
}

explained_ids() {
	sed -n '/^\.It Ic /{s/.*Ic //;N;s/\n\.Pq / /p}' "$MESSAGES_PAGE" | sort -u
}

messages() {
	local line
	while read -r line; do
		case $line in
		'<'*) echo "$MESSAGES_PAGE does not explain the log line and level:${line#<}" ;;
		'>'*) echo "$MESSAGES_PAGE explains what no source logs:${line#>}" ;;
		esac
		bad=1
	done < <(diff <(said_ids) <(explained_ids) | grep '^[<>]')
}

# current FILE: standard input is its text as the tables in the sources give it today.
current() {
	diff -q "$1" - >/dev/null || { echo "$1 is stale: make documents"; bad=1; }
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
named command < <(commands)
named option < <(options)
messages
current etc/postrider.cfg.reference < <("$CONF_DOCS" reference)
current "$KEYS_PAGE" < <("$CONF_DOCS" manual | sed -e '/BEGIN KEYS/,/END KEYS/{//!d}' -e '/BEGIN KEYS/r /dev/stdin' "$KEYS_PAGE")
current "$METRICS_PAGE" < <(scripts/gen-metrics-page.py)
exit $bad
