#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-run on the simulated device: woven outputs have the same bytes as outputs one after the other,
# two runs print the same, and what is wrong is said.

set -euo pipefail

B=${B:-build}
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
PATH=$PWD/$B/bin:$PATH
NUM=0
FAILED=0

check()
{
	NUM=$((NUM + 1))
	if "${@:2}"; then
		echo "ok $NUM $1"
	else
		echo "not ok $NUM $1"
		FAILED=1
	fi
}

# n fp16 numbers, as a .npy file of shape [1, n]
numbers()
{
	local header i
	header=$(printf "{'descr': '<f2', 'fortran_order': False, 'shape': (1, %d), }" "$1")
	printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
	for ((i = 0; i < $1; i++)); do
		# 1.0 to 2.0 in steps that depend on i
		# shellcheck disable=SC2059
		printf "\\x$(printf %02x $((i * 7 % 256)))\\x3c"
	done
}

run()
{
	loom-run -d sim:tiny "$DIR/a.loom" -i "a=$DIR/a.npy" -o "y=$DIR/$1-a.npy" \
		+ "$DIR/b.loom" -i "a=$DIR/b.npy" -o "y=$DIR/$1-b.npy" "${@:2}"
}

# The message of a run that must fail with that status.
fails()
{
	local status=0
	loom-run "${@:3}" >"$DIR/out" 2>&1 || status=$?
	[ "$status" = "$1" ] && grep -q -- "$2" "$DIR/out"
}

same_outputs()
{
	cmp "$DIR/$1-a.npy" "$DIR/$2-a.npy" && cmp "$DIR/$1-b.npy" "$DIR/$2-b.npy"
}

main()
{
	echo "1..11"
	write-model a 320 7 1 tiny "$DIR/a.loom"
	write-model b 96 12 2 tiny "$DIR/b.loom"
	numbers 320 >"$DIR/a.npy"
	numbers 96 >"$DIR/b.npy"

	run woven --repeat 3 --profile --json >"$DIR/woven.json"
	run again --repeat 3 --profile --json >"$DIR/again.json"
	run apart --repeat 3 --no-weave >/dev/null
	check "woven outputs are those of one after the other" same_outputs woven apart
	check "outputs are not the inputs" bash -c "! cmp -s '$DIR/a.npy' '$DIR/woven-a.npy'"
	check "two runs print the same" cmp "$DIR/woven.json" "$DIR/again.json"
	check "no device" fails 1 "No such file" -d /nonexistent -z "$DIR/a.loom"
	check "no model" fails 2 "a model expected" -d sim:tiny
	check "a file that is none" fails 1 "not a .loom file" -d sim:tiny /bin/sh
	check "a missing input" fails 1 "input a is not given" -d sim:tiny "$DIR/a.loom"
	check "an input of another shape" fails 1 "shape \[1, 96\], input a wants" \
		-d sim:tiny "$DIR/a.loom" -i "a=$DIR/b.npy"
	check "an input that there is not" fails 1 "has no input q" \
		-d sim:tiny "$DIR/a.loom" -i "q=$DIR/b.npy"
	check "another device" fails 1 "compiled for device tiny" \
		-d sim:compute-centric -z "$DIR/a.loom"
	check "two models without a +" fails 2 "put a +" "$DIR/a.loom" "$DIR/b.loom"
	exit $FAILED
}

main
