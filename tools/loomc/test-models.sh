#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Compile the real models, run them on the device model in this process, and hold the outputs
# against ONNX Runtime's (tools/models/check-output). TAP.

set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=$HERE/../../${B:-build}/bin
MODELS=${MODELS:-$HERE/../../build/models}
PRESET=${PRESET:-memory-centric}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. "$(dirname "${BASH_SOURCE[0]}")/../check/result.sh"
CHECK=()

# fields MODEL EXPRESSION: lines that a JavaScript expression makes of meta.json, here m
fields()
{
	node -e 'const m = JSON.parse(require("fs").readFileSync(process.argv[1]));
		 for (const line of eval(process.argv[2])) console.log(line)' "$1/meta.json" "$2"
}

# check NAME LABEL LOOMC-OPTION…
check()
{
	local model=$MODELS/$1 label="$1, $2" out=$WORK/$1-$2 settings inputs outputs
	shift 2
	mkdir -p "$out"
	mapfile -t settings < <(fields "$model" m.loomc)
	mapfile -t inputs < <(fields "$model" "m.inputs.filter((i) => !(i.name in m.bind) && !i.unused)
		.flatMap((i) => ['-i', i.name + '=' + '$model/' + i.file])")
	mapfile -t outputs < <(fields "$model" "m.outputs.flatMap((o) =>
		['-o', o.name + '=' + '$out/' + o.name + '.npy'])")
	"$BIN/loomc" "$model/model.onnx" -o "$out/model.loom" "${settings[@]}" "$@" --preset "$PRESET" >"$out/accuracy" 2>"$out/notes"
	result $? "$label compiles"
	"$BIN/loom-run" -d "sim:$PRESET" "$out/model.loom" "${inputs[@]}" "${outputs[@]}" |
		sed 's/^/# /'
	result "${PIPESTATUS[0]}" "$label runs"
	"$HERE/../models/check-output" "${CHECK[@]}" "$model" "$out" | sed 's/^/# /'
	result "${PIPESTATUS[0]}" "$label agrees with ONNX Runtime"
}

# same NAME LABEL: the outputs are the same bytes as those of the sliced plan
same()
{
	local name rc=0
	for name in "$WORK/$1-sliced"/*.npy; do
		cmp "$name" "$WORK/$1-$2/${name##*/}" | sed 's/^/# /'
		[ "${PIPESTATUS[0]}" = 0 ] || rc=1
	done
	result $rc "$1 gives the same bytes sliced and $2"
}

if [ ! -d "$MODELS/ppocr-det" ]; then
	echo "1..0 # SKIP no models: run tools/models/prepare"
	exit 0
fi
for model in ppocr-det ppocr-rec ppocr-cls moonshine-encoder moonshine-decoder silero-vad; do
	check "$model" sliced
	check "$model" whole --no-slice
	same "$model" whole
done
# with a quarter of the lease that it would take: most of it waits in DRAM, or is worked on in tiles
check ppocr-det spilled --lease 1M
same ppocr-det spilled
# In 8 bits the numbers are others; what they say is not.
CHECK=(--answer)
for model in ppocr-det ppocr-cls; do
	check "$model" int8 --quantize int8 --calibrate "$MODELS/$model/input.x.npy" --calibration percentile=99.99
done
for model in moonshine-encoder moonshine-decoder; do
	check "$model" int8 --dynamic int8
done
echo "1..$COUNT"
