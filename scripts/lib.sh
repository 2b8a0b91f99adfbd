# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# lib.sh - what the scripts here share. Source it from a script that has set -euo pipefail.
#
# What is fetched or built once for all checkouts lies in the cache, outside the tree, each
# thing in a directory whose name says which version it is. A directory that is there is
# whole: it is filled under another name and moved into place while a lock is held.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/postrider
export CACHE

# Progress goes to standard error: standard output belongs to the script's answer.
say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "${0##*/}: $*"
	exit 1
}

# cache_obtain NAME COMMAND...: print the directory NAME of the cache. When it is not there,
# COMMAND is run first with one more argument, an empty directory that it must fill.
cache_obtain() {
	local name=$1 target=$CACHE/$1 lock fresh
	shift
	if [ ! -d "$target" ]; then
		mkdir -p "$CACHE"
		exec {lock}>"$CACHE/.$name.lock"
		flock "$lock"
		if [ ! -d "$target" ]; then
			fresh=$(mktemp -d "$CACHE/.$name.XXXXXX")
			chmod 755 "$fresh"
			# Not in an "if" or "||": bash would then forget -e inside the command.
			# shellcheck disable=SC2064 # the name as it is now: it is gone when the trap runs
			trap "rm -rf '$fresh'" EXIT
			"$@" "$fresh" >&2
			mv "$fresh" "$target"
			trap - EXIT
		fi
		exec {lock}>&-
	fi
	printf '%s\n' "$target"
}
