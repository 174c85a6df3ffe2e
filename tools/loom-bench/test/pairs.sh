#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-bench pairs: rows as documented, on both engines; below the bound, and what the closed form of two
# equations says from the busy figures; one at a time gains what overlapping the ends of queries can. TAP.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
export B=${B:-build}
BENCH=$B/bin/loom-bench
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh

# check NAME EXPRESSION: true of every row of rows.json
check()
{
	node -e '
		const rows = JSON.parse(require("fs").readFileSync(process.argv[1]));
		const bad = rows.filter((r) => !('"$2"'));
		for (const r of bad)
			console.log("# " + JSON.stringify(r));
		process.exit(!rows.length || bad.length ? 1 : 0)' "$WORK/rows.json"
	result $? "$1"
}

run()
{
	"$BENCH" pairs --networks "$WORK/nets" --only mobilenet-v2+bert-base --arrivals both --queries 3 \
		--policy layerweaver --policy loom --policy fifo --json "$WORK/rows.json" --svg "$WORK/rows.svg" \
		"$@" >"$WORK/said" 2>&1
	result $? "pairs $*"
	sed 's/^/# /' "$WORK/said"
	check "six rows, and as documented" 'rows.length == 6 && r.pair.length == 2 && r.preset == "memory-centric" &&
		r.batch == 1 && r.policy && r.release && (r.arrivals == "queued" || r.arrivals == "strict") &&
		r.max_slowdown >= r.antt && r.mac_busy <= r.compute_busy && r.dram_busy <= 1.02'
	check "not above the bound" 'r.stp_gain <= r.bound_gain + 1'
	check "the closed form gives the same gain" 'Math.abs(r.closed_gain - r.stp_gain) < 4'
	check "Loom weaves" 'r.policy != "loom" || r.stp_gain > 0.9 * r.bound_gain'
	check "one at a time does not" 'r.policy != "fifo" || r.stp_gain < 0.5 * r.bound_gain'
	grep -q "<svg" "$WORK/rows.svg"
	result $? "a picture"
}

tools/loom-bench/networks.sh "$WORK/nets" memory-centric,act-sram=1G mobilenet-v2 bert-base >"$WORK/said" 2>&1
result $? "networks"
sed 's/^/# /' "$WORK/said"
run --engine model
run --engine device
check "inputs and outputs cross DRAM" 'r.activations == "lease"'
tools/loom-bench/networks.sh --resident -- "$WORK/resident" memory-centric,act-sram=1G mobilenet-v2 bert-base \
	>"$WORK/said" 2>&1
result $? "networks whose inputs and outputs do not"
run --networks "$WORK/resident" --engine device
check "says so" 'r.activations == "resident"'
"$BENCH" optimum --networks "$WORK/nets" --only mobilenet-v2+bert-base --policy loom --json "$WORK/rows.json" >"$WORK/said" 2>&1
result $? "optimum"
sed 's/^/# /' "$WORK/said"
check "Loom is within 1 % of the best order there is" 'r.above >= 0 && r.above <= 1'
"$BENCH" pairs --networks /nonexistent >/dev/null 2>"$WORK/said"
[ $? = 1 ] && grep -q networks.sh "$WORK/said"
result $? "without networks it says how to make them"
"$BENCH" pairs --policy nonsense >/dev/null 2>&1
[ $? = 2 ]
result $? "usage"
echo "1..$COUNT"
