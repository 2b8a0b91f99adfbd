#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-references.sh - what the pages for maintainers name is there: files and folders in README.md,
# ARCHITECTURE.md, CONTRIBUTING.md, SECURITY.md and doc/; sections that comments cite; the tests by
# which postrider-guarantees(7) shows its promises.
set -euo pipefail
cd "${0%/*}/.."

GUARANTEES=etc/man/postrider-guarantees.7
bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

there() {
	compgen -G "$1" >/dev/null || compgen -G "src/$1" >/dev/null || compgen -G "include/$1" >/dev/null
}

# Anything with a slash whose first part is a folder of ours, and *.md at the top.
files() {
	local page line path
	while IFS=: read -r page line path; do
		path=${path%[.,:]}
		there "$path" || complain "$page:$line: $path is not there"
	done < <(grep -noE '(^|[^A-Za-z0-9_/.-])((base|core|io|app|src|include|tests|scripts|etc|doc|\.ci)/[A-Za-z0-9_/.*-]+|[A-Z]+\.md)' \
		README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md CHANGELOG.md doc/*.md |
		sed -E 's/^([^:]*:[0-9]+:)[^A-Za-z.]*/\1/')
}

# A comment cites "doc/design.md, Failure contract": that page has a heading of that name.
sections() {
	local file line page heading
	while IFS='|' read -r file line page heading; do
		grep -qE "^#+ $heading\$" "$page" || complain "$file:$line: $page has no section \"$heading\""
	done < <(grep -rnoE 'doc/[a-z]+\.md, [A-Z][A-Za-z -]*[a-z]' src include tests --include='*.[ch]' |
		sed -E 's/^([^:]*):([0-9]+):(doc[^,]*), /\1|\2|\3|/')
}

# The names after "Shown by", up to the end of the list or paragraph.
shown_by() {
	awk '/Shown by/ { on = 1; sub(/.*Shown by:?/, "") } /^\.(El|It|Sh|Ss|Pp)/ && !/Shown by/ { on = 0 } on' "$GUARANTEES" |
		grep -oE '[a-z0-9]+_[a-z0-9_]+' | sort -u
}

tests() {
	local name
	[ "$(shown_by | wc -l)" -gt 0 ] || complain "$GUARANTEES names no test"
	while read -r name; do
		grep -rqE "(def test_$name\(|static void $name\(void)" tests --include='*.py' --include='*.c' ||
			complain "$GUARANTEES: there is no test $name"
	done < <(shown_by)
}

files
sections
tests
exit $bad
