#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check-deps.sh - each library is named in as few files as possible, and in no header of ours.
set -euo pipefail -f # the patterns are for [[ ]], not for the shell
cd "${0%/*}/.."

# HEADER | THE FILES THAT MAY NAME IT
allowed() {
	cat <<-'LIST'
		curl/curl.h|src/io/http/*.c
		mimalloc.h|src/io/http/http.c
		librdkafka/rdkafka.h|src/io/kafka/*.c src/io/source/*.c src/io/deadletter/*.c
		librdkafka/rdkafka_mock.h|src/io/kafka/embedded.c
		libconfig.h|src/app/conf/*.c
		microhttpd.h|src/io/httpd/httpd.c
		jansson.h|src/core/*.c src/io/*.c src/app/*.c
		openssl/*|src/core/auth/*.c src/io/*.c
		uthash.h|include/base/hash.h
	LIST
}

C_LIBRARY='^(assert|ctype|dirent|dlfcn|errno|execinfo|fcntl|float|fnmatch|getopt|glob|grp|ifaddrs|inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|setjmp|signal|spawn|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|termios|threads|time|unistd)\.h$'
KERNEL='^(sys|net|netinet|arpa|linux)/|intrin\.h$'

bad=0
complain() {
	printf '%s\n' "$*"
	bad=1
}

# What is in angle brackets and neither the C library's nor the system's is a library's.
while IFS=: read -r file line include; do
	header=${include#*<}
	header=${header%>*}
	[[ ! $header =~ $C_LIBRARY && ! $header =~ $KERNEL ]] || continue
	known=0
	while IFS='|' read -r pattern places; do
		# shellcheck disable=SC2053 # patterns on purpose
		[[ $header == $pattern ]] || continue
		known=1 fits=0
		for place in $places; do
			# shellcheck disable=SC2053
			[[ $file == $place ]] && fits=1
		done
		[ $fits = 1 ] || complain "$file:$line: <$header> belongs only into $places"
	done < <(allowed)
	[ $known = 1 ] || complain "$file:$line: <$header>: scripts/check-deps.sh does not know this library"
done < <(grep -rHnoE '^#include <[^>]+>' src include --include='*.[ch]')
exit $bad
