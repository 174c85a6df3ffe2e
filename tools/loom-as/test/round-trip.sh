#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-objdump's text of a compiled model, assembled again, is the file's .cmd section to the byte. TAP.

# shellcheck disable=SC2317 # called by ok
set -uo pipefail
B=${B:-build}
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
N=0 FAILED=0
TESTS=${ONNX_TEST_DATA:-/usr/share/libonnx-testdata/data/node}

# ok WHAT COMMAND…
ok()
{
	local what=$1
	shift
	N=$((N + 1))
	if "$@" >"$TMP/log" 2>&1; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what"
		sed 's/^/# /' "$TMP/log" | head -n 20
		FAILED=1
	fi
}

# section FILE: its command buffers
section()
{
	local offset size
	read -r offset size < <(readelf -SW "$1" | sed -n 's/.* \.cmd *PROGBITS *[0-9a-f]* \([0-9a-f]*\) \([0-9a-f]*\).*/\1 \2/p')
	[ -n "$size" ] && tail -c +$((16#$offset + 1)) "$1" | head -c $((16#$size))
}

same() { "$B/bin/loom-objdump" "$1" >"$TMP/text" && "$B/bin/loom-as" -o "$TMP/bytes" "$TMP/text" && section "$1" | cmp - "$TMP/bytes"; }

# status WANTED COMMAND…
status()
{
	local wanted=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$wanted" ] || { echo "exit status $got, not $wanted"; return 1; }
}

# compiled MODEL.onnx: … and a model that loomc cannot do is no test
compiled() { "$B/bin/loomc" --preset tiny -o "$TMP/model.loom" "$1" >/dev/null 2>&1; }

one_slice()
{
	"$B/bin/loom-objdump" --slice 0 "$TMP/written.loom" | "$B/bin/loom-as" --relocs --base weights=0x100000 --base io=0x200000 -o "$TMP/slice" |
		grep -q ' weights+0x0$'
}

# says TEXT LINE:COLUMN: what is wrong with it
says() { ! printf '%b' "$1" | "$B/bin/loom-as" -o "$TMP/bytes" 2>"$TMP/error" && grep -F "standard input:$2" "$TMP/error"; }

"$B/bin/write-model" m 16 3 1 tiny "$TMP/written.loom"
ok "a written model" same "$TMP/written.loom"
ok "one slice, relocated" one_slice
count=0
for model in "$TESTS"/test_{conv_with_strides_padding,convtranspose_pads,qlinearconv,qlinearmatmul,softmax_axis_1,layer_normalization_2d_axis1,maxpool_2d_dilations,gather_0,reduce_mean_keepdims_example,transpose_all_permutations_3,matmul_4d,gemm_all_attributes,dynamicquantizelinear,hardswish,pow_bcast_array,averagepool_2d_pads_count_include_pad,concat_3d_axis_1}/model.onnx; do
	{ [ -e "$model" ] && compiled "$model"; } || continue
	count=$((count + 1))
	ok "${model#"$TESTS"/}" same "$TMP/model.loom"
done
ok "compiled enough of ONNX's tests ($count)" [ "$count" -ge 10 ]
ok "bad command" says '.buffer\nfetchh' '2:1: no command is called'
ok "bad number" says '.buffer lease_bytes=12x' '1:21: '
ok "status of bad text" status 1 "$B/bin/loom-as" -o "$TMP/x" <(echo nop)
ok "status of no file" status 1 "$B/bin/loom-as" -o "$TMP/x" "$TMP/nothing"
ok "status of an output that cannot be" status 1 "$B/bin/loom-as" -o "$TMP/no/x" <(echo .buffer)
ok "status of bad arguments" status 2 "$B/bin/loom-as" --base weights
ok "status of no output" status 2 "$B/bin/loom-as" "$TMP/text"
ok "help" status 0 "$B/bin/loom-as" --help
echo "1..$N"
exit $FAILED
