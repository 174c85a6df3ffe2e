#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loomc's command line: what is wrong is said, with the exit status of its kind, and a file that is there stays as it
# was; values bound from text and from a file. TAP.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
B=${B:-build}
BIN=$B/bin
DATA=${ONNX_TEST_DATA:-/usr/share/libonnx-testdata/data/node}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh

# fails STATUS MESSAGE ARGUMENT…: loomc ends so, says that, and leaves the output of an earlier run alone
fails()
{
	local status=0 words
	echo before >"$WORK/out.loom"
	"$BIN/loomc" "${@:3}" >"$WORK/said" 2>&1 || status=$?
	words=${*:3}
	[ "$status" = "$1" ] && grep -qF -- "$2" "$WORK/said" && [ "$(cat "$WORK/out.loom")" = before ] &&
		[ -z "$(find "$WORK" -name 'out.loom.*')" ]
	result $? "$2: ${words//$WORK\//}"
	[ "$status" = "$1" ] || sed 's/^/# /' "$WORK/said"
}

usage()
{
	local out=(-o "$WORK/out.loom") good=$WORK/model.onnx
	fails 2 "no model given" "${out[@]}"
	fails 2 "more than one model given" "$good" "$good" "${out[@]}"
	fails 2 "no -o given" "$good"
	fails 2 "not int8" "$good" "${out[@]}" --quantize int4
	fails 2 "neither f32 nor f16" "$good" "${out[@]}" --io f8
	fails 2 "neither fp16 nor int8" "$good" "${out[@]}" --dynamic fp8
	fails 2 "neither int8 nor fp16" "$good" "${out[@]}" --depthwise none
	fails 2 "neither minmax nor percentile" "$good" "${out[@]}" --calibration percentile=20
	fails 2 "not a number of bytes" "$good" "${out[@]}" --slice-bytes 0
	fails 2 "not a number of bytes" "$good" "${out[@]}" --lease 5X
	fails 2 "not a number of nanoseconds" "$good" "${out[@]}" --slice-time -1
	fails 2 "there are:" "$good" "${out[@]}" --preset other
	fails 2 "both name the device" "$good" "${out[@]}" --preset tiny --caps "$good"
	fails 2 "not the size of the capabilities" "$good" "${out[@]}" --caps "$good"
	fails 2 "expected INPUT=VALUE" "$good" "${out[@]}" --shape x
}

files()
{
	local out=(-o "$WORK/out.loom")
	: >"$WORK/empty"
	head -c 60 "$WORK/model.onnx" >"$WORK/short"
	fails 3 "No such file" "$WORK/none.onnx" "${out[@]}"
	fails 3 "Is a directory" "$WORK" "${out[@]}"
	fails 3 "No such file" "$WORK/model.onnx" -o "$WORK/none/out.loom"
	fails 1 "has no graph" "$WORK/empty" "${out[@]}"
	fails 1 "damaged or truncated" "$WORK/short" "${out[@]}"
	fails 1 "not an ONNX model" "$BIN/loomc" "${out[@]}"
}

settings()
{
	local model=$WORK/model.onnx out=(-o "$WORK/out.loom") y=$WORK/test/test_add/in/y.npy
	head -c 200 "$y" >"$WORK/short.npy"
	fails 1 "has no input 'z'" "$model" "${out[@]}" --bind z=1
	fails 1 "is no value" "$model" "${out[@]}" --bind y=much
	fails 1 "2 values, the input has 60 elements" "$model" "${out[@]}" --bind y=1,2
	fails 1 "No such file" "$model" "${out[@]}" --bind "y=@$WORK/none.npy"
	fails 1 "not a .npy file" "$model" "${out[@]}" --bind "y=@$model"
	fails 1 "shorter than its header says" "$model" "${out[@]}" --bind "y=@$WORK/short.npy"
	fails 1 "dimension 0 of the model's input is 3" "$model" "${out[@]}" --shape y=4,4,5
	fails 1 "in steps of 4096 bytes" "$model" "${out[@]}" --lease 2048
	fails 1 "no such output" "$model" "${out[@]}" --output z
	fails 1 "calibrat" "$model" "${out[@]}" --quantize int8
	fails 3 "No such file" "$model" "${out[@]}" --quantize int8 --calibrate "$WORK/none.npy"
	fails 3 "fewer samples than others" "$model" "${out[@]}" --quantize int8 --calibrate "x=$y" \
		--calibrate "x=$y" --calibrate "y=$y"
}

# sum FILE.loom TO [ARGUMENT…]
sum()
{
	"$BIN/loom-run" -d sim:tiny "$1" -i "x=$WORK/test/test_add/in/x.npy" "${@:3}" -o "sum=$2" >/dev/null
}

bound()
{
	local model=$WORK/model.onnx y=$WORK/test/test_add/in/y.npy
	"$BIN/loomc" "$model" --preset tiny -o "$WORK/open.loom" --report "$WORK/report.json" --layers >"$WORK/said"
	result $? "compiles"
	node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$WORK/report.json" && grep -q "sum" "$WORK/said"
	result $? "a report and a table of layers"
	"$BIN/loomc" "$model" --preset tiny -o "$WORK/bound.loom" --bind "y=@$y"
	result $? "an input bound to a file"
	sum "$WORK/open.loom" "$WORK/a.npy" -i "y=$y" && sum "$WORK/bound.loom" "$WORK/b.npy" && cmp "$WORK/a.npy" "$WORK/b.npy"
	result $? "gives what it gives when it is open"
	"$BIN/loomc" "$model" --preset tiny -o "$WORK/zero.loom" --bind y=0 && sum "$WORK/zero.loom" "$WORK/c.npy" &&
		! cmp -s "$WORK/a.npy" "$WORK/c.npy"
	result $? "one number is for all elements"
}

main()
{
	if [ ! -d "$DATA" ]; then
		echo "1..0 # SKIP no $DATA: apt install libonnx-testdata"
		exit 0
	fi
	cp "$DATA/test_add/model.onnx" "$WORK/model.onnx"
	"$BIN/onnx-node" --export "$WORK/test" "$DATA" test_add >/dev/null
	usage
	files
	settings
	bound
	echo "1..$COUNT"
}

main
