#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install-deps.sh SET... - install by apt what is missing here, saying what for.
#
#   build        to compile and run Postrider
#   deb          build, and what `make deb` packs with
#   demo         build, and what `make demo` publishes and receives with
#   test         demo, and what `make test` needs
#   hardening    what `make valgrind`, `cover` and `scan` need besides
#   bench        what `make bench` needs besides
#   newer        to compile newer libraries for the tests
#   arm64        to compile for arm64 and to run the unit tests of it
#
# What is there already is used, wherever it came from; with nothing missing this is silent.
set -euo pipefail
. "${0%/*}/lib.sh"

SETS="build, deb, demo, test, hardening, bench, rsyslog, newer, arm64"

# PROBE ARGUMENT | PACKAGE | WHAT FOR
list() {
	case $1 in
	build)
		cat <<-'LIST'
			command gcc|gcc|the compiler
			header stdio.h|libc6-dev|the C library's headers
			command make|make|the build
			command pkg-config|pkg-config|finding the libraries
			library rdkafka|librdkafka-dev|Kafka
			library libcurl|libcurl4-openssl-dev|HTTP
			library jansson|libjansson-dev|JSON of control documents
			library libconfig|libconfig-dev|the configuration file
			library libmicrohttpd|libmicrohttpd-dev|the admin listener
			library libcrypto|libssl-dev|HMAC, and TLS for libcurl
			header mimalloc.h|libmimalloc-dev|memory for libcurl
			header uthash.h|uthash-dev|hash tables
			file /etc/ssl/certs/ca-certificates.crt|ca-certificates|verifying HTTPS endpoints
		LIST
		;;
	deb)
		list build
		cat <<-'LIST'
			command dpkg-shlibdeps|dpkg-dev|naming the libraries a package needs
		LIST
		;;
	demo)
		list build
		cat <<-'LIST'
			command kcat|kcat|publishing and reading in the demo
			command python3|python3|the demo's HTTP receiver
		LIST
		;;
	test)
		list demo
		cat <<-'LIST'
			header cmocka.h|libcmocka-dev|unit tests
			command clang|clang|a second compiler, and fuzzing
			file /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a|libclang-rt-dev|fuzzing
			module venv,ensurepip|python3-venv|integration tests
			command java|default-jre-headless|running Apache Kafka
			command mvn|maven|fetching Apache Kafka
			command npm|npm|the tests' authorisation server
			command mandoc|mandoc|checking the man pages
			command shellcheck|shellcheck|checking the scripts
			command promtool|prometheus|checking metrics and alert rules
			command chromium|chromium|looking at the status page
			command lintian|lintian|checking the Debian package
			command dpkg-shlibdeps|dpkg-dev|building the Debian package
			command docker-compose|docker-compose|checking docker-compose.yml
			command systemd-analyze|systemd|checking the unit
			command wrk|wrk|the yardstick of the benchmarks
		LIST
		;;
	hardening)
		cat <<-'LIST'
			command valgrind|valgrind|the unit tests under valgrind
			command clang-tidy|clang-tidy|make scan
			command scan-build|clang-tools|make scan
		LIST
		;;
	bench)
		cat <<-'LIST'
			command nginx|nginx-light|the benchmark's HTTPS endpoint
		LIST
		;;
	rsyslog)
		list build
		cat <<-'LIST'
			command curl|curl|fetching rsyslog
			library libestr|libestr-dev|rsyslog, a peer of the benchmark
			library libfastjson|libfastjson-dev|rsyslog, a peer of the benchmark
			header zlib.h|zlib1g-dev|rsyslog, a peer of the benchmark
		LIST
		;;
	newer)
		cat <<-'LIST'
			command cargo|cargo-web|fetching newer libraries
			command g++|g++|configuring librdkafka
			command python3|python3|configuring librdkafka
			header zlib.h|zlib1g-dev|compression in librdkafka
			header zstd.h|libzstd-dev|compression in librdkafka
			command cmake|cmake|configuring libcurl
			library libnghttp2|libnghttp2-dev|HTTP/2 in libcurl
		LIST
		;;
	arm64)
		cat <<-'LIST'
			command aarch64-linux-gnu-gcc|gcc-aarch64-linux-gnu|the cross compiler
			command qemu-aarch64|qemu-user|running the unit tests
			command make|make|the build
			command pkg-config|pkg-config|finding the libraries
			file /usr/lib/aarch64-linux-gnu/libc.so|libc6-dev:arm64|the C library
			file /usr/lib/aarch64-linux-gnu/librdkafka.so|librdkafka-dev:arm64|Kafka
			file /usr/lib/aarch64-linux-gnu/libcurl.so|libcurl4-openssl-dev:arm64|HTTP
			file /usr/lib/aarch64-linux-gnu/libjansson.so|libjansson-dev:arm64|JSON of control documents
			file /usr/lib/aarch64-linux-gnu/libconfig.so|libconfig-dev:arm64|the configuration file
			file /usr/lib/aarch64-linux-gnu/libmicrohttpd.so|libmicrohttpd-dev:arm64|the admin listener
			file /usr/lib/aarch64-linux-gnu/libcrypto.so|libssl-dev:arm64|HMAC, and TLS for libcurl
			file /usr/lib/aarch64-linux-gnu/libmimalloc.so|libmimalloc-dev:arm64|memory for libcurl
			file /usr/lib/aarch64-linux-gnu/libcmocka.so|libcmocka-dev:arm64|unit tests
			header uthash.h|uthash-dev|hash tables
		LIST
		;;
	*) die "no set '$1': $SETS" ;;
	esac
}

have() {
	case $1 in
	command) command -v "$2" >/dev/null ;;
	library) command -v pkg-config >/dev/null && pkg-config --exists "$2" ;;
	header) compgen -G "/usr/include/$2" >/dev/null || compgen -G "/usr/include/*-linux-gnu/$2" >/dev/null ;;
	file) compgen -G "$2" >/dev/null ;;
	module) python3 -c "import $2" 2>/dev/null ;;
	esac
}

# Debian has the sanitizers' and the fuzzer's runtime in a package named by clang's version.
package_name() {
	if [ "$1" = libclang-rt-dev ]; then
		apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\).*/libclang-rt-\1-dev/p' | head -1
	else
		printf '%s\n' "$1"
	fi
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "not root, and there is no sudo. As root: apt-get install ${packages[*]}"
	fi
}

[ $# -gt 0 ] || die "which set? $SETS"
missing=()
for set in "$@"; do
	entries=$(list "$set")
	while IFS='|' read -r probe package purpose; do
		# shellcheck disable=SC2086 # two words
		have $probe || missing+=("$package|$purpose")
	done <<<"$entries"
done
[ ${#missing[@]} -gt 0 ] || exit 0

say "missing here:"
printf '%s\n' "${missing[@]}" | sort -u | while IFS='|' read -r package purpose; do
	printf '  %-22s %s\n' "$package" "$purpose" >&2
done
mapfile -t packages < <(printf '%s\n' "${missing[@]%%|*}" | sort -u)
command -v apt-get >/dev/null || die "no apt-get here: install these with your package manager"
export DEBIAN_FRONTEND=noninteractive
foreign=$(printf '%s\n' "${packages[@]}" | sed -n 's/.*:\(.*\)/\1/p' | sort -u)
if [ -n "$foreign" ]; then
	say "adding the packages of $foreign to what dpkg takes"
	as_root dpkg --add-architecture "$foreign"
fi
say "fetching the lists of packages"
patiently "apt-get update" as_root apt-get update -q
for i in "${!packages[@]}"; do
	packages[i]=$(package_name "${packages[i]}")
done
say "installing ${#packages[@]} packages and what they need"
patiently "apt-get install" as_root apt-get install -y -q --no-install-recommends --no-remove "${packages[@]}" ||
	die "apt-get could not install: ${packages[*]}"
