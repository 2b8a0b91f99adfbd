#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# libcurl-new.sh [CRATE] - print a directory for LD_LIBRARY_PATH with a newer libcurl than the
# system's, or with that of another version of the crate curl-sys: 0.4.82 has 8.14.1, which Debian
# 13 has. Built once into the cache (half a minute).
set -euo pipefail
. "${0%/*}/lib.sh"

CRATE=${1:-0.4.91} # libcurl 8.22.0

build() {
	local directory=$1 work source
	work=$(mktemp -d)
	say "building the libcurl of curl-sys $CRATE, once"
	(
		cd "$work"
		source=$(crate_source curl-sys "$CRATE")/curl
		# What the crate leaves out, and the build wants to enter.
		for part in docs docs/examples tests; do
			mkdir -p "$source/$part"
			[ -f "$source/$part/CMakeLists.txt" ] || : >"$source/$part/CMakeLists.txt"
		done
		# As Debian builds it, but without what HTTP does not need.
		{
			cmake -S "$source" -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo \
				-DBUILD_SHARED_LIBS=ON -DBUILD_STATIC_LIBS=OFF -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF \
				-DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF \
				-DCURL_LIBCURL_VERSIONED_SYMBOLS=ON -DCURL_USE_OPENSSL=ON -DUSE_NGHTTP2=ON -DHTTP_ONLY=ON \
				-DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF
			nice cmake --build build -j2
		} >log 2>&1 || { tail -40 log >&2; exit 1; }
		cp build/lib/libcurl.so.4 "$directory/"
	)
	rm -rf "$work"
}

cache_obtain "libcurl-of-curl-sys-$CRATE" build
