#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loom-bench simulator: it measures, says so in JSON, and leaves nothing behind. No speed is asserted. TAP.

set -uo pipefail
B=${B:-build}
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
export TMPDIR=$OUT/tmp
mkdir "$TMPDIR"
N=0 FAILED=0

# verdict STATUS WHAT
verdict()
{
	N=$((N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $N - $2"
	else
		echo "not ok $N - $2"
		sed 's/^/# /' "$OUT/log"
		FAILED=1
	fi
}

"$B/bin/loom-zoo" squeezenet --weights light -o "$OUT/net.onnx" >"$OUT/log" 2>&1
verdict $? "the zoo writes a network"

"$B/bin/loom-bench" simulator --json --commands 10000 --rounds 1 "$OUT/net.onnx" >"$OUT/figures.json" 2>"$OUT/log"
verdict $? "measures"

node -e '
	const f = JSON.parse(require("fs").readFileSync(process.argv[1])), step = f.timing_only.steps[0];
	const numbers = [f.timing_only.us, f.maths.ms, f.maths.cpu_ms, step.seconds, f.commands, f.cpus];
	if (!numbers.every((n) => n > 0) || f.timing_only.steps.length != 1 || step.commands < 10000 ||
	    step.commands % f.commands || !(f.onnxruntime_ms >= 0) || f.device != "memory-centric")
		process.exit(1);' "$OUT/figures.json" 2>"$OUT/log"
verdict $? "the figures are there"

"$B/bin/loom-bench" simulator --rounds 0 >"$OUT/log" 2>&1
[ $? = 2 ]
verdict $? "refuses no rounds"

"$B/bin/loom-bench" simulator "$OUT/none.onnx" >"$OUT/log" 2>&1
[ $? = 1 ]
verdict $? "fails without its network"

[ -z "$(ls "$TMPDIR")" ]
verdict $? "leaves nothing behind"

echo "1..$N"
exit $FAILED
