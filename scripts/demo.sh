#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh - an event's whole way in half a minute, on nothing but this machine. Every step
# that is shown is checked; the exit status is 0 only when all of it was so.
#
# The configuration is etc/demo.cfg with the receiver's and the admin listener's ports put in.
set -euo pipefail
. "${0%/*}/lib.sh"
cd "${0%/*}/.."

TOPIC=shop.events
LETTERS=shop.dead-letters
GROUP=postrider
PATIENCE=30 # seconds for what takes one

export SLACK_TOKEN=xoxb-demo HUBSPOT_SECRET=demo-secret BILLING_PASSWORD=demo-password

if [ -t 1 ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
	BOLD='' DIM='' GREEN='' RED='' PLAIN=''
fi

children=()
WORK=$(mktemp -d)

leave() {
	local status=$?
	trap - EXIT INT TERM
	for pid in "${children[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${children[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$WORK"
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# background LOG COMMAND...: ended with us, however we end.
background() {
	local log=$1
	shift
	if [ -n "$log" ]; then
		setpriv --pdeathsig TERM -- "$@" >"$log" 2>&1 &
	else
		setpriv --pdeathsig TERM -- "$@" &
	fi
	children+=($!)
}

heading() {
	printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"
}

tell() {
	printf '   %s\n' "$*"
}

ok() {
	printf '   %s✓%s %s\n' "$GREEN" "$PLAIN" "$*"
}

fail() {
	printf '   %s✗ %s%s\n' "$RED" "$*" "$PLAIN"
	if [ -s "$WORK/postrider.log" ]; then
		printf '\nPostrider said:\n'
		tail -20 "$WORK/postrider.log"
	fi
	exit 1
}

# expect WHAT COMMAND...: until the command succeeds.
expect() {
	local what=$1 deadline=$((SECONDS + PATIENCE))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || fail "$what: not within $PATIENCE s"
		kill -0 "$POSTRIDER" 2>/dev/null || fail "$what: Postrider has ended"
		sleep 0.1
	done
	ok "$what"
}

# requests NUMBER REGEX: exactly so many requests were answered like that.
requests() {
	[ "$(grep -cE "^$2" "$WORK/requests")" = "$1" ]
}

publish() {
	local key=$1 event=$2
	printf '   %skcat -P -t %s -k %s%s  %s\n' "$DIM" "$TOPIC" "$key" "$PLAIN" "$event"
	printf '%s' "$event" | kcat -P -b "$BROKER" -t "$TOPIC" -k "$key" || fail "kcat could not publish"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

letter_is_there() {
	kcat -C -q -e -b "$BROKER" -t "$LETTERS" -f '%h\n%k %s\n' 2>/dev/null >"$WORK/letters" &&
		[ -s "$WORK/letters" ]
}

letter_header() {
	tr ',' '\n' <"$WORK/letters" | grep -qx "$1"
}

lag_is_zero() {
	local destination total=0 lag
	for destination in slack hubspot billing; do
		lag=$(python3 scripts/demo_lag.py "$BROKER" "$GROUP.$destination" "$TOPIC" 4) || return 1
		total=$((total + lag))
	done
	[ "$total" = 0 ]
}

start() {
	background '' python3 scripts/demo_receiver.py "$WORK"
	until [ -s "$WORK/port" ]; do
		kill -0 "${children[0]}" 2>/dev/null || fail "the receiver did not start"
		sleep 0.05
	done
	RECEIVER=127.0.0.1:$(cat "$WORK/port")
	sed -e "s/localhost:8080/$RECEIVER/" -e "s/127\.0\.0\.1:9464/127.0.0.1:$(free_port)/" \
		etc/demo.cfg >"$WORK/demo.cfg"
	chmod 600 "$WORK/demo.cfg"
	background "$WORK/postrider.log" build/postrider run --embedded -c "$WORK/demo.cfg" \
		--bootstrap-file "$WORK/bootstrap"
	POSTRIDER=${children[1]}
	until [ -s "$WORK/bootstrap" ]; do
		kill -0 "$POSTRIDER" 2>/dev/null || fail "Postrider did not start"
		sleep 0.05
	done
	BROKER=$(cat "$WORK/bootstrap")
}

scripts/install-deps.sh demo
heading "1. Build and start"
patiently "compiling" make --no-silent -j2 all
BEGIN=$SECONDS
start
ok "Postrider runs, with a broker of its own at $BROKER"
ok "three APIs are played by an HTTP receiver at $RECEIVER"

heading "2. A webhook with an API key, as Slack has them"
tell "One order is above 100, the other is not: the rule wants the first."
publish o-1 '{"detail-type":"Order Placed","detail":{"order":"o-1","amount":250.00,"channel":"sales"}}'
publish o-2 '{"detail-type":"Order Placed","detail":{"order":"o-2","amount":20,"channel":"sales"}}'
expect "the message has arrived, with its token, and the amount as it was written" \
	requests 1 '200 POST /slack/services/sales \{"text": "Order o-1 for EUR 250.00"\}'

heading "3. An API behind OAuth, as HubSpot is: many deliveries, one token"
for name in Ada Grace Edsger Barbara Donald; do
	publish "$name" "{\"detail-type\":\"Customer Registered\",\"detail\":{\"name\":\"$name\",\"email\":\"${name,,}@example.com\"}}"
done
expect "five contacts were made" requests 5 '201 POST /hubspot/crm'
requests 1 '200 POST /hubspot/oauth/token' || fail "more than one token was fetched"
ok "with one token request"

heading "4. An API that is down for a moment"
publish o-1 '{"detail-type":"Order Paid","detail":{"order":"o-1","amount":250.00}}'
expect "the first attempt met a 503" requests 1 '503 POST /billing/invoices'
expect "and the second, a second later as asked for, succeeded" requests 1 '201 POST /billing/invoices'

heading "5. A request that the API will never take"
NOBODY='{"detail-type":"Customer Registered","detail":{"name":"Nobody","email":"none"}}'
publish Nobody "$NOBODY"
expect "HubSpot answers 400" requests 1 '400 POST /hubspot/crm'
expect "the event stands in the dead-letter topic $LETTERS" letter_is_there
tell "${DIM}kcat -C -t $LETTERS -f '%h'${PLAIN}"
head -1 "$WORK/letters" | sed 's/,\([A-Z_]*=\)/\n\1/g' | sed 's/^/     /'
grep -qxF "Nobody $NOBODY" "$WORK/letters" || fail "key or value are others"
for header in RULE_NAME=new_customers TARGET_ID=contact DESTINATION=hubspot HTTP_STATUS=400 SOURCE_TOPIC=$TOPIC; do
	letter_header "$header" || fail "the letter does not say $header"
done
ok "value and key are as they were, and the headers say why"

heading "6. Nothing is left to do"
expect "the groups' lag is 0: what was published is delivered, or a dead letter, or was not wanted" lag_is_zero
requests 1 '200 POST /slack' || fail "Slack was called more than once"
kill -TERM "$POSTRIDER"
wait "$POSTRIDER" || fail "Postrider ended with status $?"
ok "and Postrider has drained and left"

heading "All of this was checked, in $((SECONDS - BEGIN)) seconds. What next:"
tell "etc/demo.cfg                          the configuration that ran here: start from it"
tell "build/postrider check -c FILE         is a configuration right?"
tell "build/postrider test-event --help     what would be sent for an event?"
tell "build/postrider run -c FILE           on your Kafka"
tell "make test                             all promises, checked on a real Apache Kafka"
