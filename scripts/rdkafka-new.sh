#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# rdkafka-new.sh - print a directory for LD_LIBRARY_PATH with a newer librdkafka than the
# system's. Built once into the cache (a minute). The source is the one that the crate
# rdkafka-sys carries, because crates are to be had where a plain download is not.
set -euo pipefail
. "${0%/*}/lib.sh"

VERSION=2.12.1
CRATE=4.10.0

build() {
	local directory=$1 work source
	command -v cargo >/dev/null || die "cargo is missing: scripts/install-deps.sh rdkafka-new"
	work=$(mktemp -d)
	say "building librdkafka $VERSION, once"
	(
		cd "$work"
		mkdir src
		: >src/lib.rs
		printf '%s\n' '[package]' 'name = "fetch"' 'version = "0.0.0"' 'edition = "2018"' \
			'[dependencies]' "rdkafka-sys = \"=$CRATE\"" >Cargo.toml
		cargo vendor --quiet >/dev/null
		source=$(find "$PWD/vendor" -maxdepth 2 -type d -path '*rdkafka-sys*/librdkafka')
		cd "$source"
		# The log lies outside: ./configure reads every file named configure.* here.
		{
			./configure --disable-gssapi --enable-ssl --disable-c11threads
			nice make -C src -j2 librdkafka.so.1
		} >"$work/log" 2>&1 || { tail -40 "$work/log" >&2; exit 1; }
		cp src/librdkafka.so.1 "$directory/"
	)
	rm -rf "$work"
}

cache_obtain "librdkafka-$VERSION" build
