#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-bench sweep: a point for each device, batch and policy; the same figures as of loom-bench pairs; what must
# hold of any device. TAP.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
export B=${B:-build}
BENCH=$B/bin/loom-bench
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh

# check NAME EXPRESSION: of `rows`, all points
check()
{
	node -e '
		const rows = JSON.parse(require("fs").readFileSync(process.argv[1]));
		const of = (f) => rows.filter(f), every = (f) => rows.length && rows.every(f);
		process.exit(('"$2"') ? 0 : 1)' "$WORK/rows.json"
	result $? "$1"
}

mapfile -t DIRS < <(SRAM=12 MBPS=112000 tools/loom-bench/sweep-networks.sh "$WORK/nets" memory-centric \
	mobilenet-v2 bert-base 2>"$WORK/said")
result "$((${#DIRS[@]} != 3))" "networks for three devices"
"$BENCH" sweep --only mobilenet-v2+bert-base --engine model --policy fifo --policy loom --json "$WORK/rows.json" \
	--svg "$WORK/rows.svg" "${DIRS[@]}" >"$WORK/said" 2>&1
result $? "sweep"
sed 's/^/# /' "$WORK/said"
check "a point for each device and policy" 'rows.length == 6 && every((r) => r.pairs == 1 && r.batch == 1 &&
	r.preset && r.device && r.arrivals == "queued" && r.antt >= 1)'
check "the sizes are the devices'" 'of((r) => r.weight_sram == 12 << 20).length == 2 &&
	of((r) => r.dram_bytes_per_s == 112e9).length == 2'
check "nothing is above the bound" 'every((r) => r.stp_gain <= r.bound_gain + 1)'
check "Loom weaves, on all of them" 'of((r) => r.policy == "loom").every((r) => r.of_bound > 95)'
check "the bound does not depend on the SRAM, but on bandwidth" '((b) => Math.abs(b[0] - b[1]) < 1 &&
	Math.abs(b[0] - b[2]) > 3)(of((r) => r.policy == "loom").map((r) => r.bound_gain))'
grep -q "<svg" "$WORK/rows.svg"
result $? "a picture"
"$BENCH" pairs --networks "${DIRS[1]}" --only mobilenet-v2+bert-base --engine model --policy loom \
	--json "$WORK/pair.json" >"$WORK/said" 2>&1
node -e '
	const [rows, pair] = process.argv.slice(1).map((f) => JSON.parse(require("fs").readFileSync(f)));
	const row = rows.find((r) => r.weight_sram == 12 << 20 && r.policy == "loom");
	process.exit(Math.abs(row.stp_gain - pair[0].stp_gain) < 1e-9 ? 0 : 1)' "$WORK/rows.json" "$WORK/pair.json"
result $? "as loom-bench pairs says"
"$BENCH" sweep --only mobilenet-v2+bert-base /nonexistent >/dev/null 2>"$WORK/said"
[ $? = 1 ] && grep -q networks.sh "$WORK/said"
result $? "without networks it says how to make them"
"$BENCH" sweep --only a+b "${DIRS[0]}" >/dev/null 2>"$WORK/said"
[ $? = 1 ] && grep -q "no such pair" "$WORK/said"
result $? "a pair that there is not"
for wrong in "" "--batch 0 x" "--arrivals both x" "--batch"; do
	# shellcheck disable=SC2086 # several words
	"$BENCH" sweep $wrong >/dev/null 2>&1
	[ $? = 2 ]
	result $? "usage: sweep $wrong"
done
echo "1..$COUNT"
