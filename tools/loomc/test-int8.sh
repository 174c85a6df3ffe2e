#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Networks quantised by samples: the device's output beside that of ONNX Runtime on the same 8-bit
# graph (loomc --emit-qdq). LONG=1: all convolutional networks of the zoo. TAP.

set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BIN=$HERE/../../${B:-build}/bin
PRESET=${PRESET:-memory-centric}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. "$(dirname "${BASH_SOURCE[0]}")/../check/result.sh"

# network NAME DECIBELS: no more noise against ONNX Runtime's 8-bit output than that
network()
{
	local dir=$WORK/$1 input
	mkdir -p "$dir"
	"$BIN/loom-zoo" "$1" -o "$dir/model.onnx" --inputs "$dir" >/dev/null &&
		input=$(cd "$dir" && echo *.npy) &&
		"$BIN/loomc" "$dir/model.onnx" -o "$dir/model.loom" --preset "$PRESET" --quantize int8 \
			--calibrate "$dir/$input" --emit-qdq "$dir/qdq.onnx" >"$dir/accuracy"
	result $? "$1 becomes 8-bit"
	tail -1 "$dir/accuracy" | sed 's/^/# against floats: /'
	"$HERE/test/qdq-compare" "$dir" "$dir/$input" "$2" "$BIN/loom-run" "sim:$PRESET" | sed 's/^/# /'
	result "${PIPESTATUS[0]}" "$1 is as ONNX Runtime's"
	"$HERE/test/qdq-steps" "$dir" "$dir/$input" "$BIN/loomc" "$BIN/loom-run" "$PRESET" | sed 's/^/# /'
	result "${PIPESTATUS[0]}" "$1, each layer by itself, is within a step of ONNX Runtime's"
}

if [ ! -d "$("$HERE/../models/fetch" --print-path onnxruntime-node)" ]; then
	echo "1..0 # SKIP no ONNX Runtime: run make models"
	exit 0
fi
network squeezenet 100
network mobilenet-v2 100
if [ -n "${LONG:-}" ]; then
	network resnet18 40
	network resnet50 40
	network googlenet 50
	network inception-v3 50
fi
echo "1..$COUNT"
