#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-bench scenario, without a VM and by loomd: MLPerf's four, their metrics. The early stopping has
# a test of its own (test_early.c). TAP.

# shellcheck disable=SC2317 # called by ok
set -uo pipefail
B=${B:-build}
OUT=$(mktemp -d)
DAEMON=
export LOOMD_SOCKET=$OUT/socket

finish()
{
	[ -z "$DAEMON" ] || kill "$DAEMON"
	wait
	rm -rf "$OUT"
}
trap finish EXIT
. "$(dirname "$0")/tap.sh"

scenario() { "$B/bin/loom-bench" scenario --json "$OUT/rows.json" --scenario "$@"; }
here() { scenario "$1" --no-vm --device sim:tiny "${@:2}" "$OUT/alpha.loom"; }
by_loomd() { scenario "$1" --device sim:tiny "${@:2}" "$OUT/alpha.loom"; }

# holds EXPRESSION: of the rows that were written last
holds()
{
	node -e '
		const rows = JSON.parse(require("fs").readFileSync(process.argv[1])), r = rows[0];
		console.log(JSON.stringify(rows));
		process.exit(('"$1"') ? 0 : 1)' "$OUT/rows.json"
}

start()
{
	local i
	"$B/bin/loomd-sim" --device sim:tiny --listen "$LOOMD_SOCKET" 2>"$OUT/daemon" &
	DAEMON=$!
	for ((i = 0; i < 100; i++)); do
		[ -S "$LOOMD_SOCKET" ] && "$B/bin/loomctl" ping && return
		sleep 0.1
	done
	return 1
}

ok "a model" "$B/bin/write-model" alpha 2000 12 1 tiny "$OUT/alpha.loom"
# Alone a query takes 56 us of DRAM, and some us until it begins.
ok "SingleStream" here single-stream
ok "is a latency, the 90th percentile of 64 queries" holds \
	'r.scenario == "SingleStream" && r.metric == "90th percentile latency" && r.unit == "ms" && r.valid &&
	r.queries == 64 && r.value >= r.seen_ms && r.value > 0.05 && r.value < 0.2'
ok "MultiStream" here multi-stream
ok "is a latency of 8 samples, the 99th percentile of 662 queries" holds \
	'r.metric == "99th percentile latency" && r.valid && r.queries == 662 && r.value > 0.4 && r.value < 0.6'
ok "Offline" here offline
ok "is a rate, of 24,576 samples: what the DRAM channel allows" holds \
	'r.unit == "samples/s" && r.valid && r.queries == 24576 && r.value > 17500 && r.value < 17900'
ok "Server, at a rate" here server --bound-ms 1 --qps 10000
ok "all in time" holds 'r.metric == "Poisson throughput" && r.value == 10000 && r.valid && !r.late && r.queries == 4000'
ok "Server, at one that is too high" here server --bound-ms 1 --qps 20000
ok "is late" holds '!r.valid && r.late > 1000 && r.latest_ms > 1'
ok "the search finds a rate" here server --bound-ms 1 --queries 1000
ok "below what the device can do" holds 'r.valid && r.value > 10000 && r.value < 17900'
ok "another seed, other arrivals" here server --bound-ms 0.2 --qps 14000 --seed 5
cp "$OUT/rows.json" "$OUT/first.json"
ok "the same seed" here server --bound-ms 0.2 --qps 14000 --seed 5
ok "the same figures" cmp "$OUT/first.json" "$OUT/rows.json"
ok "late ones are dropped if asked" here server --bound-ms 1 --qps 20000 --late drop
ok "so others are in time" holds 'r.dropped > 0 && r.dropped <= r.late && r.latest_ms < 1'

ok "loomd" start
ok "SingleStream by loomd" by_loomd single-stream
ok "is judged as without" holds 'r.scenario == "SingleStream" && r.valid && r.queries == 64 && r.value > 0'
ok "MultiStream by loomd" by_loomd multi-stream --queries 700
ok "is judged as without" holds 'r.valid && r.queries == 700'
ok "Offline by loomd" status_says 3 "fewer samples" by_loomd offline --queries 500
ok "Server by loomd, recorded" by_loomd server --bound-ms 1000 --qps 500 --queries 200 --seed 3 --record "$OUT/record"
ok "all in time" holds '!r.late && r.queries == 200'
ok "its record is replayed to the same picks, and knows the seed" status_says 0 "seed 3.*200 requests" \
	"$B/bin/loom-bench" replay "$OUT/record"

ok "too few queries" status_says 2 "less than 662" here multi-stream --queries 100
ok "no bound" status_says 2 "bound-ms" here server
ok "no such scenario" status_says 2 "must be" here nonsense
ok "slots" status_says 2 "8 samples" here multi-stream --slots 4
ok "no record without loomd" status_says 1 "record" here single-stream --record "$OUT/x"
echo "1..$N"
exit "$FAILED"
