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

# crate_source CRATE VERSION: print the directory with that crate's source, which cargo fetches into
# the working directory. Crates that bind a C library carry its source, and are to be had where a
# plain download is not.
crate_source() {
	command -v cargo >/dev/null || die "cargo is missing: scripts/install-deps.sh newer"
	mkdir src
	: >src/lib.rs
	printf '%s\n' '[package]' 'name = "fetch"' 'version = "0.0.0"' 'edition = "2018"' \
		'[dependencies]' "$1 = \"=$2\"" >Cargo.toml
	cargo vendor --quiet >/dev/null
	find "$PWD/vendor" -maxdepth 1 -type d -name "$1*"
}
