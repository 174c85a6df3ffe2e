#!/bin/bash
# SPDX-License-Identifier: MIT
#
# ONNX's own operator tests, on the host and on the device model, and damaged copies of their models
# and of the real ones. Counts go to build/check/onnx-node.json. TAP.

set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
B=${B:-build}
DATA=${ONNX_TEST_DATA:-/usr/share/libonnx-testdata/data/node}
COUNT=0

# judged NAME COMMAND…: its remarks, and one result by its exit status
judged()
{
	local name=$1
	shift
	COUNT=$((COUNT + 1))
	"$@" | sed -n 's/^ok 1/#/p; /^#/p'
	if [ "${PIPESTATUS[0]}" = 0 ]; then echo "ok $COUNT $name"; else echo "not ok $COUNT $name"; fi
}

cd "$HERE/../.." || exit 1
if [ ! -d "$DATA" ]; then
	echo "1..0 # SKIP no $DATA: apt install libonnx-testdata"
	exit 0
fi
mkdir -p "$B/check"
judged "ONNX's operator tests" "$B/bin/onnx-node" --report "$B/check/onnx-node.json" \
	--operators "$B/check/operators.rst" "$DATA"
# all but the errors, whose last bits are the CPU's
judged "Documentation/accel/loom/operators.rst says the same (else copy $B/check/operators.rst)" \
	diff <(sed 's/,[^,]*$//' Documentation/accel/loom/operators.rst) <(sed 's/,[^,]*$//' "$B/check/operators.rst")
judged "damaged operator tests" "$B/bin/onnx-damage" 20 "$DATA"/*/model.onnx
if [ -f build/models/ppocr-det/model.onnx ]; then
	judged "damaged text detection" "$B/bin/onnx-damage" 20 --shape x=1,3,64,64 build/models/ppocr-det/model.onnx
fi
echo "1..$COUNT"
