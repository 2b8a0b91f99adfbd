#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The matcher on its generated workloads. With "peers": event-ruler on the same files too, the
# lists of matching rules compared, and how many times faster we are. At the end, what does not need
# a peer: what more rules cost, and what an event costs that no rule wants.
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
workloads=${WORKLOADS:-orders orders-plain customers customers-few one-of-10 one-of-10000 mixed absent geo}
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

# scanned WORKLOAD: the nanoseconds an event when it is indexed and matched against nothing.
scanned() {
	field ns_per_event "$("$bin/bench-match" --patterns "$data/$1.patterns" \
		--events "$data/$1.events" --seconds "$seconds" --scan)"
}

few="" many="" load="" absent=""
for w in $workloads; do
	"$bin/gen-match" "$w" "$data"
	set -- --patterns "$data/$w.patterns" --events "$data/$w.events" --seconds "$seconds"
	ours=$("$bin/bench-match" "$@" --lists "$data/$w.ours")
	echo "$w: $ours"
	case $w in
	one-of-10) few=$(field ns_per_event "$ours") ;;
	one-of-10000) many=$(field ns_per_event "$ours") load=$(field load_ms "$ours") ;;
	absent) absent=$(field ns_per_event "$ours") ;;
	esac
	[ "$peers" = peers ] || continue
	theirs=$($ruler "$@" --lists "$data/$w.event-ruler")
	echo "$w: event-ruler: $theirs"
	differing=$(diff "$data/$w.ours" "$data/$w.event-ruler" | grep -c '^<' || true)
	awk -v w="$w" -v a="$(field ns_per_event "$ours")" -v b="$(field ns_per_event "$theirs")" \
		-v la="$(field load_ms "$ours")" -v lb="$(field load_ms "$theirs")" -v d="$differing" \
		'BEGIN { printf "%s: %.1f times event-ruler; load %.0f times; %d events differ\n",
			w, b / a, (la > 0 ? lb / la : 0), d }'
done

for w in orders geo; do
	case " $workloads " in *" $w "*) ;; *) continue ;; esac
	awk -v w="$w" -v ns="$(scanned "$w")" -v bytes="$(wc -c <"$data/$w.events")" \
		-v events="$(wc -l <"$data/$w.events")" \
		'BEGIN { printf "%s: the index alone %d ns an event, %.2f us a KB\n", w, ns, ns * events / bytes * 1.024 }'
done
if [ -n "$absent" ]; then
	awk -v a="$absent" -v s="$(scanned absent)" \
		'BEGIN { printf "an event that no first field allows costs %.2f times its index\n", a / s }'
fi
if [ -n "$few" ] && [ -n "$many" ]; then
	awk -v a="$few" -v b="$many" -v l="$load" \
		'BEGIN { printf "10,000 rules cost %.2f times what 10 cost; they load in %.0f ms\n", b / a, l }'
fi
