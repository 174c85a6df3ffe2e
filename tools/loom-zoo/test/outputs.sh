#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What networks of the zoo compute on the device model is what ONNX Runtime computes, in half precision and in
# 8 bits; sliced, unsliced, woven and with less activation SRAM they give the same bytes, at batch 1 and 16.
# Errors go to build/check/networks-outputs.json. With LONG=1 all of them, otherwise small ones. TAP.
#
# Some of them, in full: outputs.sh errors NETWORK…, or outputs.sh bytes PRESET BATCH NETWORK…

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
HERE=tools/loom-zoo/test
B=${B:-build}
BIN=$B/bin
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh

# Half precision rounds to 2^-11 of a value. The deepest networks round some hundred times, in random
# directions: ten times that. Seeded weights amplify nothing.
ALLOWED=0.005
# In 8 bits both are as far from floats as quantising takes them, by different ways where a value lies between
# two steps. Loom may be so many times as far as ONNX Runtime with the same quantised graph.
ALLOWED_INT8=1.1
# Calibration runs the network once a sample, on the host.
SAMPLES=(1 2)

# arguments LETTER DIRECTORY OTHER: "-LETTER NAME=OTHER/NAME.npy" for the files NAME.npy of DIRECTORY
arguments()
{
	local file
	for file in "$2"/*.npy; do
		printf '%s\n' "-$1" "$(basename "$file" .npy)=$3/$(basename "$file")"
	done
}

# run NAME WAY MODEL.loom [LOOM-RUN-ARGUMENT…]: the network's outputs go to its directory WAY
run()
{
	local dir=$WORK/$1 out=$WORK/$1/$2 model=$3 settings
	shift 3
	mkdir -p "$out"
	mapfile -t settings < <(arguments i "$dir/in" "$dir/in"; arguments o "$dir/expected" "$out")
	"$BIN/loom-run" -d "sim:$PRESET" "$model" "${settings[@]}" "$@" >"$out/said" 2>&1 || sed 's/^/# /' "$out/said"
}

# same NAME WAY: outputs are the bytes of the sliced run
same()
{
	local file
	for file in "$WORK/$1/sliced"/*.npy; do
		cmp "$file" "$WORK/$1/$2/$(basename "$file")" || return 1
	done
}

# zoo NAME ARGUMENT…: the network at the batch at which errors are told. NCF has one number a sample, whose error
# is a matter of luck: many.
zoo()
{
	local batch=1
	[[ $1 != ncf* ]] || batch=64
	"$BIN/loom-zoo" "$@" --batch "$batch"
}

# calibrate NAME: loomc's arguments for samples of other seeds than that of the inputs
calibrate()
{
	local dir=$WORK/$1/samples seed file
	for seed in "${SAMPLES[@]}"; do
		mkdir -p "$dir/$seed"
		zoo "$1" --seed "$seed" --weights light -o "$dir/light.onnx" --inputs "$dir/$seed"
		for file in "$dir/$seed"/*.npy; do
			printf '%s\n' --calibrate "$(basename "$file" .npy)=$file"
		done
	done
}

# quantised NAME: in 8 bits, no farther from floats than ONNX Runtime with the same graph
quantised()
{
	local name=$1 dir=$WORK/$1 samples limit
	mkdir -p "$dir/expected-int8"
	mapfile -t samples < <(calibrate "$name")
	"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" -o "$dir/int8.loom" --quantize int8 \
		"${samples[@]}" --emit-qdq "$dir/int8.onnx" >"$dir/notes" 2>&1 &&
		"$HERE/reference" run "$dir/int8.onnx" "$dir/in" "$dir/expected-int8"
	result $? "$name compiles in 8 bits"
	THEIRS=$("$HERE/reference" compare "$dir/expected" "$dir/expected-int8" 1)
	limit=$(node -p "($THEIRS).relative_rms * $ALLOWED_INT8")
	run "$name" int8 "$dir/int8.loom"
	INT8=$("$HERE/reference" compare "$dir/expected" "$dir/int8" "$limit")
	result $? "$name in 8 bits is as near to floats as ONNX Runtime's: $INT8, theirs $THEIRS"
}

# check NAME: everything about one network
check()
{
	local name=$1 dir=$WORK/$1 found status
	mkdir -p "$dir/in" "$dir/expected"
	zoo "$name" -o "$dir/model.onnx" --inputs "$dir/in" &&
		"$HERE/reference" run "$dir/model.onnx" "$dir/in" "$dir/expected" &&
		"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" -o "$dir/sliced.loom" 2>"$dir/notes" &&
		"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" --no-slice -o "$dir/whole.loom" \
			2>>"$dir/notes"
	status=$?
	[ $status = 0 ] || sed 's/^/# /' "$dir/notes"
	result $status "$name compiles for $PRESET"
	run "$name" sliced "$dir/sliced.loom"
	found=$("$HERE/reference" compare "$dir/expected" "$dir/sliced" "$ALLOWED")
	result $? "$name is within $ALLOWED of ONNX Runtime: $found"
	INT8=null THEIRS=null
	[[ " ${IN_8_BITS[*]} " != *" $name "* ]] || quantised "$name"
	echo "{\"network\": \"$name\", \"preset\": \"$PRESET\", \"fp16\": ${found:-null}," \
		"\"int8\": ${INT8:-null}, \"int8_onnxruntime\": ${THEIRS:-null}}" >>"$WORK/lines"
	rm -f "$dir/model.onnx" "$dir/int8.onnx"
	run "$name" whole "$dir/whole.loom"
	same "$name" whole
	result $? "$name gives the same bytes sliced and whole"
	run "$name" woven "$dir/sliced.loom" + -z "$WORK/partner.loom"
	same "$name" woven
	result $? "$name gives the same bytes alone and woven"
	rm -rf "$dir"
}

# described FILE.loom SCRIPT [ARGUMENT…]: a script of node over its JSON, m
described()
{
	local model=$1 script=$2
	shift 2
	"$BIN/loom-objdump" --json --headers "$model" |
		node -e "const fs = require('fs'), m = JSON.parse(fs.readFileSync(0)); $script" "$@"
}

# compile_ways NAME: NAME's plans, each another way of cutting it
compile_ways()
{
	local dir=$WORK/$1 half
	"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" -o "$dir/sliced.loom" &&
		"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" --slice-time 20000 -o "$dir/short.loom" &&
		"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" "${LEASE[@]}" --no-slice -o "$dir/whole.loom" &&
		half=$(described "$dir/sliced.loom" 'console.log(Math.max(4096, m.lease_bytes >> 1))') &&
		"$BIN/loomc" "$dir/model.onnx" --preset "$PRESET" --lease "$half" -o "$dir/small.loom"
}

# batch NAME N: a batch, sliced, in short slices, whole, with half of the lease and woven: the same bytes
batch()
{
	local name=$1 dir=$WORK/$1 way status
	mkdir -p "$dir/in" "$dir/expected"
	"$BIN/loom-zoo" "$name" --batch "$2" -o "$dir/model.onnx" --inputs "$dir/in"
	compile_ways "$name" 2>"$dir/notes"
	status=$?
	[ $status = 0 ] || sed 's/^/# /' "$dir/notes"
	result $status "$name compiles for $PRESET at batch $2, in four ways"
	rm -f "$dir/model.onnx"
	described "$dir/sliced.loom" 'for (const t of m.tensors)
		if (t.output) fs.writeFileSync(process.argv[1] + "/" + t.name + ".npy", "");' "$dir/expected"
	run "$name" sliced "$dir/sliced.loom"
	for way in short whole small; do
		run "$name" "$way" "$dir/$way.loom"
		same "$name" "$way"
		result $? "$name gives the same bytes at batch $2, $way"
	done
	run "$name" woven "$dir/sliced.loom" + -z "$WORK/partner.loom"
	same "$name" woven
	result $? "$name gives the same bytes at batch $2, woven"
	rm -rf "$dir"
}

# partner: of the preset, with a megabyte of its activation SRAM
partner()
{
	"$BIN/loomc" "$WORK/partner.onnx" --preset "$PRESET" --lease 1048576 -o "$WORK/partner.loom" 2>"$WORK/said"
	result $? "a partner to weave with, $PRESET"
}

# all_on PRESET NAME…: networks on one preset. The partner takes a megabyte of the activation SRAM, and what
# it is woven with, where that is little, the rest.
all_on()
{
	PRESET=$1
	shift
	LEASE=()
	[ "$PRESET" != compute-centric ] || LEASE=(--lease 2621440)
	partner
	for name; do
		check "$name"
	done
}

# batches_on PRESET N NAME…: the same of batches
batches_on()
{
	local n=$2
	PRESET=$1
	shift 2
	LEASE=(--lease 2621440)
	[ "$PRESET" = compute-centric ] || LEASE=(--lease 50331648)
	partner
	for name; do
		batch "$name" "$n"
	done
}

# few: what `make check` does
few()
{
	IN_8_BITS=(squeezenet)
	all_on memory-centric squeezenet mobilenet-v2 fsrcnn
	batches_on compute-centric 16 squeezenet
}

# all: hours
all()
{
	local networks
	mapfile -t networks < <("$BIN/loom-zoo" --list --json |
		node -p 'JSON.parse(require("fs").readFileSync(0)).map((n) => n.name).join("\n")')
	IN_8_BITS=("${networks[@]}")
	all_on compute-centric resnet18 googlenet mobilenet-v2 bert-base
	all_on memory-centric "${networks[@]}"
	batches_on compute-centric 1 "${networks[@]}"
	batches_on compute-centric 16 "${networks[@]}"
	batches_on memory-centric 16 "${networks[@]}"
}

main()
{
	if ! node -e 'require("./tools/models/lib/ort.js").version()' 2>/dev/null; then
		echo "1..0 # SKIP no ONNX Runtime: run make models"
		exit 0
	fi
	"$BIN/loom-zoo" squeezenet -o "$WORK/partner.onnx"
	case ${1-${LONG:+all}} in
	errors) IN_8_BITS=("${@:2}"); all_on memory-centric "${@:2}" ;;
	bytes) batches_on "${@:2}" ;;
	all) all ;;
	*) few ;;
	esac
	mkdir -p "$B/check"
	[ ! -e "$WORK/lines" ] ||
		{ echo '['; sed '$!s/$/,/' "$WORK/lines"; echo ']'; } >"$B/check/networks-outputs.json"
	echo "1..$COUNT"
}

main "$@"
