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

# patiently WHAT COMMAND...: run it, and every ten seconds say how long that has taken and the last
# line of its output, which is not shown otherwise. Its errors are shown as they come.
patiently() {
	local what=$1 log ticker status=0
	shift
	log=$(mktemp)
	tick "$what" "$log" &
	ticker=$!
	"$@" >"$log" || status=$?
	kill "$ticker"
	wait "$ticker" 2>/dev/null || true
	[ "$status" -eq 0 ] || tail -10 "$log" | cut -c1-160 >&2
	rm -f "$log"
	return "$status"
}

# A line that is too long is shown by its end: the file that is compiled stands there.
tick() {
	local begin=$SECONDS never line
	# A descriptor that nothing is ever written to: "sleep" would outlive whoever kills this.
	exec {never}<> <(:)
	until read -rt 10 -u "$never"; do
		kill -0 $$ 2>/dev/null || return # interrupted
		line=$(tail -n 1 "$2")
		[ "${#line}" -le 90 ] || line="...${line: -87}"
		say "  $1, $((SECONDS - begin)) s: $line"
	done
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
