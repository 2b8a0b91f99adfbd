#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The matcher on its generated workloads. With "peers": event-ruler on the same files too, the
# lists of matching rules compared, and how many times faster we are.
#
#   match.sh BIN [peers]       BIN has bench-match and gen-match
#
# WORKLOADS and BENCH_SECONDS in the environment change what is run, and for how long.
set -eu
bin=$1
peers=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../build/bench
data=$out/match
seconds=${BENCH_SECONDS:-3}
workloads=${WORKLOADS:-orders orders-plain customers customers-few mixed absent geo}
mkdir -p "$data"

if [ "$peers" = peers ]; then
	(cd "$here/peers/event-ruler" && mvn -q -B compile dependency:build-classpath \
		-Dmdep.outputFile="$out/event-ruler.classpath" >&2)
	ruler="java -Xmx2g -cp $out/event-ruler/classes:$(cat "$out/event-ruler.classpath") BenchMatch"
fi

# The value of one field of a line of results.
field() {
	echo "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

for w in $workloads; do
	"$bin/gen-match" "$w" "$data"
	set -- --patterns "$data/$w.patterns" --events "$data/$w.events" --seconds "$seconds"
	ours=$("$bin/bench-match" "$@" --lists "$data/$w.ours")
	echo "$w: $ours"
	[ "$peers" = peers ] || continue
	theirs=$($ruler "$@" --lists "$data/$w.event-ruler")
	echo "$w: event-ruler: $theirs"
	differing=$(diff "$data/$w.ours" "$data/$w.event-ruler" | grep -c '^<' || true)
	awk -v w="$w" -v a="$(field ns_per_event "$ours")" -v b="$(field ns_per_event "$theirs")" \
		-v la="$(field load_ms "$ours")" -v lb="$(field load_ms "$theirs")" -v d="$differing" \
		'BEGIN { printf "%s: %.1f times event-ruler; load %.0f times; %d events differ\n",
			w, b / a, (la > 0 ? lb / la : 0), d }'
done
