#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The papers' networks, compiled for one simulated device and timing only:
#
#	networks.sh [LOOMC OPTION... --] DIR DEVICE [NETWORK[:BATCH]...]
#
# LOOMC OPTIONs say what crosses DRAM beside weights: --resident (nothing: as in the papers), --io f16.
# DEVICE is as after "sim:", e.g. memory-centric,act-sram=2G. DIR/NETWORK-bBATCH.loom is cut into slices
# of at most a MiB of weights; DIR/NETWORK-bBATCH-layers.loom has one slice a layer, as in the papers.
# DIR/device says what they are for. Networks that are there already are not made again.
set -eu
B=${B:-build}
EXTRA=
case $1 in
-*)
	while [ "$1" != -- ]; do
		EXTRA="$EXTRA $1"
		shift
	done
	shift
	;;
esac
DIR=$1 DEVICE=$2
shift 2
[ $# -gt 0 ] || for n in resnet50 resnext50 inception-v3 mobilenet-v2 bert-base bert-large xlnet ncf-dense; do
	set -- "$@" $n:1 $n:16
done
PRESET=${DEVICE%%,*}
OPTIONS=${DEVICE#"$PRESET"}
OPTIONS=${OPTIONS#,}

mkdir -p "$DIR"
if [ -e "$DIR/device" ] && [ "$(cat "$DIR/device")" != "$DEVICE$EXTRA" ]; then
	echo "$DIR is for $(cat "$DIR/device")" >&2
	exit 1
fi
onnx=$(mktemp -d)
trap 'rm -rf "$onnx"' EXIT

compile() {	# INPUT OUTPUT NAME OPTION...
	from=$1 to=$2 as=$3
	shift 3
	# shellcheck disable=SC2086  # words
	"$B/bin/loomc" "$from" -o "$to.new" $EXTRA --preset "$PRESET" ${OPTIONS:+--caps "$OPTIONS"} --timing-only \
		--name "$as" "$@" && mv "$to.new" "$to"
}

for spec; do
	name=${spec%:*} batch=1
	[ "$name" = "$spec" ] || batch=${spec##*:}
	out=$DIR/$name-b$batch
	[ -e "$out.loom" ] && [ -e "$out-layers.loom" ] && continue
	"$B/bin/loom-zoo" "$name" --batch "$batch" --weights light -o "$onnx/m.onnx"
	compile "$onnx/m.onnx" "$out.loom" "$name" --slice-bytes 1048576
	compile "$onnx/m.onnx" "$out-layers.loom" "$name" --no-slice
done
echo "$DEVICE$EXTRA" > "$DIR/device"
