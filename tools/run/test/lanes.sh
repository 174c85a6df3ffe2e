#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The VM and the host lane agree: a compute-intensive and a memory-intensive network, saturated, give the same
# order of slices under each policy and the same STP to a percent, through loomd, driver and device and without
# them. And a difference would be told. TAP.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
B=${B:-build}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
COUNT=0

result()
{
	COUNT=$((COUNT + 1))
	if [ "$1" = 0 ]; then echo "ok $COUNT $2"; else echo "not ok $COUNT $2"; fi
	sed 's/^/# /' "$WORK/said"
}

if [ "$B" != build ]; then
	echo "1..0 # SKIP the guest's programs are those of build/"
	exit 0
fi
tools/loom-bench/networks.sh --resident -- "$WORK/nets" memory-centric,act-sram=1G resnet50 bert-large >"$WORK/said" 2>&1
result $? "networks"
tools/run/lanes --layers --queries 4 --networks "$WORK/nets" --out "$WORK/lanes" resnet50,bert-large >"$WORK/said" 2>&1
result $? "the VM and this machine agree"
for policy in fifo layerweaver loom; do
	grep -q "^$policy  *the same [1-9][0-9]* slices" "$WORK/said"
	result $? "$policy: told so"
done

# Another order is found: the last slice before the end of a span and the one before it change places.
node -e '
	const fs = require("fs"), dir = process.argv[1];
	const end = JSON.parse(fs.readFileSync(dir + "/raw.json")).phases.find((p) => p.name == "loom").end.device_ns;
	const trace = JSON.parse(fs.readFileSync(dir + "/trace-loom.json")), s = trace.slices;
	let i = s.findIndex((x) => x.compute_start >= end) - 2;
	while (s[i].model == s[i + 1].model)
		i--;
	[s[i], s[i + 1]] = [s[i + 1], s[i]];
	fs.writeFileSync(dir + "/trace-loom.json", JSON.stringify(trace));' "$WORK/lanes/host" >"$WORK/said" 2>&1
result $? "two slices change places"
"$B/bin/loom-bench" agree --order "$WORK/lanes/vm" "$WORK/lanes/host" >"$WORK/said" 2>&1
[ $? = 3 ] && grep -q "^loom  *differs at slice" "$WORK/said"
result $? "which is told, and exit status 3"
echo "1..$COUNT"
