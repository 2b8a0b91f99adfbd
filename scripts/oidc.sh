#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# oidc.sh - print the directory of the tests' OAuth authorisation server: server.mjs with all
# that it needs. Made once for each content of tests/integration/oidc/.
set -euo pipefail
. "${0%/*}/lib.sh"

SOURCE=${0%/*}/../tests/integration/oidc

make_server() {
	say "installing the tests' authorisation server, once"
	cp "$SOURCE"/package.json "$SOURCE"/package-lock.json "$SOURCE"/server.mjs "$1"
	(cd "$1" && npm ci --silent --no-audit --no-fund --ignore-scripts)
}

command -v npm >/dev/null || die "npm is not there: make install-deps"
HASH=$( (node --version && cat "$SOURCE"/package.json "$SOURCE"/package-lock.json "$SOURCE"/server.mjs) | sha256sum | cut -c1-12)
cache_obtain "oidc-$HASH" make_server
