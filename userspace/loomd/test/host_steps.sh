#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A model with an operator that only the host has, from ONNX's own tests: run by loom-run, and served by loomd
# to several clients at once beside a model of the device's. TAP.

set -uo pipefail

B=${B:-build}
DATA=${ONNX_TEST_DATA:-/usr/share/libonnx-testdata/data/node}
DIR=$(mktemp -d)
PATH=$PWD/$B/bin:$PATH
export LOOMD_SOCKET=$DIR/socket
COUNT=0
DAEMON=

finish()
{
	[ -z "$DAEMON" ] || kill "$DAEMON"
	wait
	rm -rf "$DIR"
}
trap finish EXIT

# check NAME COMMAND…
check()
{
	COUNT=$((COUNT + 1))
	if "${@:2}" >"$DIR/out" 2>&1; then
		echo "ok $COUNT $1"
	else
		sed 's/^/# /' "$DIR/out"
		echo "not ok $COUNT $1"
	fi
}

# doubles FILE HIGH-BYTES…: a .npy file of doubles, given by the highest two bytes of each
doubles()
{
	local file=$1 header value
	shift
	header=$(printf "{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }" $#)
	{
		printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
		for value; do
			# shellcheck disable=SC2059
			printf "\\x00\\x00\\x00\\x00\\x00\\x00\\x${value:2:2}\\x${value:0:2}"
		done
	} >"$file"
}

same() { cmp <(tail -c 40 "$1") <(tail -c 40 "$DIR/expected.npy"); }

clients()
{
	local i jobs=() rc=0
	for i in 1 2 3 4; do
		loomctl infer cumsum -i "x=$DIR/x.npy" -o "y=$DIR/y$i.npy" --repeat 20 &
		jobs+=($!)
		loomctl infer abs -i "x=$DIR/abs.npy" --repeat 20 &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do wait "$i" || rc=1; done
	return $rc
}

if [ ! -d "$DATA/test_cumsum_1d" ]; then
	echo "1..0 # SKIP no $DATA: apt install libonnx-testdata"
	exit 0
fi
doubles "$DIR/x.npy" 3ff0 4000 4008 4010 4014		# 1 2 3 4 5
doubles "$DIR/expected.npy" 3ff0 4008 4018 4024 402e	# 1 3 6 10 15
{
	printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 5), }"
	head -c 240 /dev/zero
} >"$DIR/abs.npy"

check "loomc compiles an operator that the device does not have" \
	loomc "$DATA/test_cumsum_1d/model.onnx" -o "$DIR/cumsum.loom" --name cumsum --bind axis=0 --preset tiny
check "and one that it has" loomc "$DATA/test_abs/model.onnx" -o "$DIR/abs.loom" --name abs --preset tiny
check "loom-run runs it" loom-run -d sim:tiny "$DIR/cumsum.loom" -i "x=$DIR/x.npy" -o "y=$DIR/y.npy" -n 3
check "as ONNX says" same "$DIR/y.npy"
loomd-sim --device sim:tiny --listen "$LOOMD_SOCKET" --preload "$DIR/cumsum.loom" --preload "$DIR/abs.loom" \
	2>"$DIR/log" &
DAEMON=$!
for ((i = 0; i < 100; i++)); do [ -S "$LOOMD_SOCKET" ] && break; sleep 0.1; done
check "loomd serves both to eight clients at once" clients
check "the first client's output is as ONNX says" same "$DIR/y1.npy"
check "the last client's, too" same "$DIR/y4.npy"
check "it counted the steps" grep -q '"host_steps": *80' <(loomctl --json stats)
echo "1..$COUNT"
