#!/bin/bash
# SPDX-License-Identifier: MIT
#
# MLPerf's scenarios by loomd, driver and device in the VM, beside the same without them: what each is judged by
# agrees; the scheduler's record of the open loop is replayed to the same picks here. MultiStream, whose 99th
# percentile takes 5,296 samples, is left to a test without the VM. TAP.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
B=${B:-build}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
COUNT=0
DEVICE=memory-centric,act-sram=1G
SCENARIOS=(single-stream server offline)

result()
{
	COUNT=$((COUNT + 1))
	if [ "$1" = 0 ]; then echo "ok $COUNT $2"; else echo "not ok $COUNT $2"; fi
	sed 's/^/# /' "$WORK/said"
}

# commands OUT DIR OPTION…: of loom-bench, one a line
commands()
{
	local out=$1 dir=$2
	shift 2
	echo scenario --scenario single-stream --json "$out/single-stream.json" "$@" "$dir/mobilenet-v2-b1-layers.loom"
	echo scenario --scenario server --qps 1500 --bound-ms 10 --queries 700 --seed 7 --json "$out/server.json" \
		"$@" "$dir/mobilenet-v2-b1-layers.loom"
	echo scenario --scenario offline --queries 300 --json "$out/offline.json" "$@" \
		"$dir/mobilenet-v2-b1-layers.loom"
}

# agree NAME PERCENT MS: values of both lanes; the VM's may be that many ms more
# shellcheck disable=SC2016 # JavaScript
agree()
{
	node -e '
		const [vm, host] = process.argv.slice(1, 3).map((f) => JSON.parse(require("fs").readFileSync(f))[0]);
		// at a given rate the latency is what may differ
		const field = vm.scenario == "Server" ? "seen_ms" : "value", a = vm[field], b = host[field];
		console.log(`${vm.scenario}, ${field}: ${a.toFixed(4)} and ${b.toFixed(4)}, ` +
			`${(100 * (a / b - 1)).toFixed(2)} %; ${vm.queries} and ${host.queries} queries`);
		process.exit(vm.queries == host.queries && vm.valid == host.valid && vm.late == host.late &&
			Math.abs(a - b) <= Math.max(b * process.argv[3] / 100, process.argv[4]) ? 0 : 1)' \
		"$WORK/vm/$1.json" "$WORK/host/$1.json" "$2" "$3" >"$WORK/said" 2>&1
	result $? "$1: within $2 %, or $3 ms"
}

if [ "$B" != build ]; then
	echo "1..0 # SKIP the guest's programs are those of build/"
	exit 0
fi
tools/loom-bench/networks.sh --resident -- "$WORK/nets" "$DEVICE" mobilenet-v2 >"$WORK/said" 2>&1
result $? "a network"
commands /out /payload | sed '/server/s|$| --record /out/record|' >"$WORK/nets/commands"
tools/vm/run --script tools/run/guest.sh --out "$WORK/vm" --device-opt "preset=$DEVICE,functional=off" \
	--program "$B/bin/loomd" --program "$B/bin/loom-bench-vm:/usr/bin/loom-bench" \
	--tree "$WORK/nets:/payload" >"$WORK/said" 2>&1
status=$?
# 3: fewer samples than Offline asks for
result $((status != 3)) "three scenarios in the VM"
mkdir "$WORK/host"
commands "$WORK/host" "$WORK/nets" --no-vm --device "sim:$DEVICE,functional=off" |
	while read -r line; do
		# shellcheck disable=SC2086 # no argument has a space
		"$B/bin/loom-bench" $line
	done >"$WORK/said" 2>&1
result $((PIPESTATUS[1] != 3)) "and here"
for s in "${SCENARIOS[@]}"; do [ -s "$WORK/vm/$s.json" ] && [ -s "$WORK/host/$s.json" ] || echo "$s"; done >"$WORK/said"
result "$(wc -l <"$WORK/said")" "each left its figures"
# Latencies have the software in them: client, daemon, driver and interrupts, of each query. Rates of a queue that
# is never empty have not.
agree single-stream 0 0.2
agree server 0 0.3
agree offline 1 0
"$B/bin/loom-bench" replay "$WORK/vm/record" >"$WORK/said" 2>&1 &&
	grep -q "seed 7: 1 models, 700 requests" "$WORK/said"
result $? "the VM's record is replayed to the same picks"
echo "1..$COUNT"
