#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every network of the zoo compiles; its layers, each alone on an idle device, take to the nanosecond what
# was predicted; its multiplications and weights are the graph's. Figures go to build/check/networks.json.
# With LONG=1 for both presets at batch 1 and 16, otherwise (seconds) on one at batch 1. TAP.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
B=${B:-build}
NETWORKS=$B/bin/loom-networks
. tools/check/result.sh

# each JSON: a TAP line a run, "NAME batch N on DEVICE"
each()
{
	node -e '
		const runs = JSON.parse(require("fs").readFileSync(process.argv[1])).networks;
		for (const r of runs)
			console.log(r.executed_as_predicted && r.macs_as_graph && r.weights_as_graph ? 0 : 1,
				    r.network + ", batch " + r.batch + ", " + r.device);' "$1"
}

# close JSON: all of ONNXim's convolutions come out within 15 % with its mapping
close()
{
	node -e '
		const rows = JSON.parse(require("fs").readFileSync(process.argv[1])).onnxim;
		const close = (key) => rows.filter((r) => Math.abs(r[key] / r.onnxim - 1) < 0.15).length;
		console.log("#", close("in_network"), "of", rows.length, "within 15 % as Loom maps them,", close("explained"),
			"as ONNXim does");
		process.exit(rows.length === 20 && close("explained") === 20 ? 0 : 1);' "$1"
}

mkdir -p "$B/check"
if [ -n "${LONG-}" ]; then
	what=()
	out=$B/check/networks-long.json
elif [ "$B" = build ]; then
	what=(--batch 1 --device memory-centric)
	out=$B/check/networks.json
else
	# With sanitizers, the small ones.
	what=(--batch 1 squeezenet mobilenet-v2 ncf fsrcnn)
	out=$B/check/networks.json
fi
"$NETWORKS" "${what[@]}" --json "$out" | sed 's/^/# /'
# 1: a network is not as predicted, which its own line says
[ "${PIPESTATUS[0]}" -le 1 ]
result $? "all compile and run"
while read -r status name; do
	result "$status" "$name"
done < <(each "$out")
"$NETWORKS" --onnxim --json "$B/check/onnxim.json" | sed 's/^/# /'
result "${PIPESTATUS[0]}" "ResNet50's convolutions alone"
close "$B/check/onnxim.json"
result $? "are near ONNXim's with its mapping"
"$NETWORKS" --batch 1 --tokens 384 --device memory-centric bert-base >/dev/null
result $? "a long text is as predicted"
"$NETWORKS" --batch 1 --device tiny,wload-rows=0 ncf >"$B/check/said" 2>&1
[ $? = 3 ] && grep -q "wload" "$B/check/said"
result $? "a device that cannot be is refused"
"$NETWORKS" resnet51 2>"$B/check/said"
[ $? = 2 ] && grep -q "no such network" "$B/check/said"
result $? "a network that there is not is refused"
rm -f "$B/check/said"
echo "1..$COUNT"
