#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# rdkafka-new.sh - print a directory for LD_LIBRARY_PATH with a newer librdkafka than the
# system's. Built once into the cache (a minute).
set -euo pipefail
. "${0%/*}/lib.sh"

VERSION=2.12.1
CRATE=4.10.0

build() {
	local directory=$1 work source
	work=$(mktemp -d)
	say "building librdkafka $VERSION, once"
	(
		cd "$work"
		source=$(crate_source rdkafka-sys "$CRATE")
		cd "$source/librdkafka"
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
