#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What loomc has in memory at most, above what it has for a model of nothing, is at most three times the model's
# size. Figures go to build/check/loomc-memory.json. TAP.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
B=${B:-build}
BIN=$B/bin
MODELS=${MODELS:-build/models}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh
TIMES=3

# peak MODEL.onnx LOOMC-ARGUMENT…: KiB
peak()
{
	"$BIN/peak-memory" "$BIN/loomc" "$@" -o "$WORK/model.loom" 2>"$WORK/said" || { cat "$WORK/said" >&2; return 1; }
}

# check NAME MODEL.onnx LOOMC-ARGUMENT…
check()
{
	local name=$1 model=$2 size most times
	shift
	size=$(stat -c %s "$model")
	most=$(peak "$@") && times=$(node -p "((($most) - $NOTHING) * 1024 / $size).toFixed(2)") &&
		node -e "process.exit($times <= $TIMES ? 0 : 1)"
	result $? "$name: $((size >> 10)) KiB, at most $most KiB in memory, ${times-?} times above $NOTHING KiB"
	echo "{\"model\": \"$name\", \"bytes\": $size, \"peak_kib\": ${most:-null}, \"nothing_kib\": $NOTHING," \
		"\"times\": ${times:-null}}" >>"$WORK/lines"
}

# real NAME LOOMC-ARGUMENT…: a trained model
real()
{
	local name=$1 label="$*" settings
	shift
	mapfile -t settings < <(node -e 'const m = JSON.parse(require("fs").readFileSync(process.argv[1]));
		for (const line of m.loomc) console.log(line)' "$MODELS/$name/meta.json")
	check "$label" "$MODELS/$name/model.onnx" "${settings[@]}" "$@"
}

if [[ $B = */san ]]; then
	echo "1..0 # SKIP sanitizers have their own memory"
	exit 0
fi
# The least of the zoo, without its weights.
"$BIN/loom-zoo" ncf --weights light -o "$WORK/nothing.onnx"
NOTHING=$(peak "$WORK/nothing.onnx" --timing-only)
result $? "a model of nothing: $NOTHING KiB"
for name in squeezenet mobilenet-v2 resnet18; do
	"$BIN/loom-zoo" "$name" -o "$WORK/$name.onnx"
	check "$name" "$WORK/$name.onnx"
	rm -f "$WORK/$name.onnx"
done
if [ -d "$MODELS/ppocr-det" ]; then
	for model in ppocr-det ppocr-rec ppocr-cls moonshine-encoder moonshine-decoder silero-vad; do
		real "$model"
	done
	real moonshine-encoder --dynamic int8
	real moonshine-decoder --dynamic int8
	real moonshine-decoder --no-slice
fi
mkdir -p "$B/check"
{ echo '['; sed '$!s/$/,/' "$WORK/lines"; echo ']'; } >"$B/check/loomc-memory.json"
echo "1..$COUNT"
