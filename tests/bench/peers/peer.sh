#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# peer.sh NAME - print the directory of another bridge, ready to run. Fetched and built once,
# into the cache, through the registry of its language.
set -euo pipefail
HERE=$(cd "${0%/*}" && pwd)
. "$HERE/../../../scripts/lib.sh"

once() {
	say "$NAME is fetched and built, once; this may take some minutes"
	"$@"
}

needs() {
	command -v "$1" >/dev/null || die "$1 is not there"
}

by_kafkajs() {
	needs npm
	cp "$HERE"/kafkajs/* "$1"
	(cd "$1" && npm ci --silent --no-audit --no-fund --ignore-scripts)
}

by_parallel_consumer() {
	needs mvn
	needs javac
	mvn -q -B --no-transfer-progress -Dstyle.color=never -f "$HERE/parallel-consumer/pom.xml" \
		dependency:copy-dependencies -DoutputDirectory="$1/libs"
	javac -cp "$1/libs/*" -d "$1/classes" "$HERE/parallel-consumer/Main.java"
}

by_connect() {
	needs go
	cp "$HERE"/connect/* "$1"
	(cd "$1" && go build -o connect .)
}

by_hand() {
	needs python3
	python3 -m venv --copies "$1/venv"
	"$1/venv/bin/python" -m pip install -q --disable-pip-version-check -r "$HERE/by-hand/requirements.txt"
	cp "$HERE/by-hand/consumer.py" "$1"
}

# Debian's package lacks omhttp; its source, as Debian keeps it, has it.
by_rsyslog() {
	local archive
	"$HERE/../../../scripts/install-deps.sh" rsyslog
	cp "$HERE/rsyslog/SHA256SUMS" "$1"
	archive=$(awk '{print $2}' "$1/SHA256SUMS")
	(
		cd "$1"
		curl -fsS -o "$archive" "http://deb.debian.org/debian/pool/main/r/rsyslog/$archive"
		sha256sum --quiet -c SHA256SUMS
		tar xf "$archive" --strip-components=1 --one-top-level=source
		cd source
		{
			./configure --prefix="$1" --disable-uuid --disable-libgcrypt --disable-klog \
				--disable-libsystemd --disable-default-tests --disable-liblogging-stdlog \
				--disable-generate-man-pages --enable-imkafka --enable-omhttp
			make -j2 install
		} >"$1/log" 2>&1 || { tail -40 "$1/log" >&2; exit 1; }
	)
	rm -rf "$1/source" "${1:?}/$archive"
}

NAME=${1:-}
case $NAME in
kafkajs) make=by_kafkajs ;;
parallel-consumer) make=by_parallel_consumer ;;
connect) make=by_connect ;;
by-hand) make=by_hand ;;
rsyslog) make=by_rsyslog ;;
*) die "no peer '$NAME': kafkajs, parallel-consumer, connect, by-hand, rsyslog" ;;
esac
HASH=$(cat "$HERE/$NAME"/* | sha256sum | cut -c1-12)
cache_obtain "peer-$NAME-$HASH" once "$make"
