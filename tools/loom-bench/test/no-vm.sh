#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-bench without a VM, from .loom files to the table, twice: the same bytes. TAP.

# shellcheck disable=SC2317 # called by ok
set -uo pipefail
B=${B:-build}
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
. "$(dirname "$0")/tap.sh"

# status WANTED COMMAND…
status()
{
	local wanted=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$wanted" ] || { echo "exit status $got, not $wanted"; return 1; }
}

make_model() { "$B/bin/write-model" "$1" "$2" "$3" "$4" tiny "$OUT/$1.loom"; }

# measure DIR [OPTION…]: long enough that the ends of the span do not show above the bound
measure()
{
	"$B/bin/loom-bench" run --no-vm --device sim:tiny --queries 100 --out "$OUT/$1" "${@:2}" \
		"$OUT/alpha.loom" "$OUT/beta.loom"
}

report() { "$B/bin/loom-bench" report "$OUT/$1" >"$OUT/$1.txt"; }

has_keys()
{
	node -e '
		const r = JSON.parse(require("fs").readFileSync(process.argv[1]));
		const p = r.policies.layerweaver, keys = ["stp", "antt", "mac_busy", "dram_busy"];
		if (!keys.every((k) => typeof p[k] == "number") || !p.qps.alpha || !r.bound.stp || !r.outputs ||
		    r.models.join() != "alpha,beta" || r.preset != "tiny" || r.sqes_per_enter === undefined ||
		    r.instructions_per_slice === undefined || !r.outputs_identical)
			process.exit(1);' "$1"
}

all_json() { for f in "$OUT"/one/*.json; do node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$f" || return; done; }

spoil() { printf x | dd of="$1" bs=1 seek=200 conv=notrunc status=none; }

echo "1..14"
ok "models" make_model alpha 2000 12 1
ok "models" make_model beta 500 9 2
ok "run" measure one
ok "report" report one
ok "run again" measure two
ok "report again" report two
ok "both tables are the same" cmp "$OUT/one.txt" "$OUT/two.txt"
ok "both results are the same" cmp "$OUT/one/results.json" "$OUT/two/results.json"
ok "results.json has what issue 2 asks for" has_keys "$OUT/one/results.json"
ok "traces are JSON" all_json
ok "a picture" test -s "$OUT/one/timeline.png"
ok "strict streams, fair and edf" measure three --strict --policy fair --policy edf
spoil "$OUT/two/outputs/fifo/alpha/y.npy"
ok "outputs that differ are refused" status 3 report two
ok "usage" status 2 "$B/bin/loom-bench" run --queued 99 --out "$OUT/x" y.loom
exit "$FAILED"
