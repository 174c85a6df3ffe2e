#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The networks that loom-zoo writes have the parameters and multiplications that are published. Both are
# counted from the file, to the last digit that was published. TAP.

set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
ZOO=${B:-build}/bin/loom-zoo
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. tools/check/result.sh

# fails STATUS PATTERN ARGUMENT…: loom-zoo ends with STATUS and says PATTERN
fails()
{
	local got=0
	"$ZOO" "${@:3}" >"$WORK/said" 2>&1 || got=$?
	sed 's/^/# /' "$WORK/said"
	[ "$got" = "$1" ] && grep -q -- "$2" "$WORK/said"
	result $? "fails: $2"
}

# lines "NAME TOKENS": what to write, and at which length its multiplications were published
networks()
{
	"$ZOO" --list --json | node -e '
		for (const n of JSON.parse(require("fs").readFileSync(0)))
			console.log(n.name, n.mmacs_tokens || "")'
}

# check NAME: the count on stdin is what is published
check()
{
	node -e '
		const [name, list] = process.argv.slice(1), fs = require("fs");
		const n = JSON.parse(list).find((entry) => entry.name === name);
		const counted = JSON.parse(fs.readFileSync(0));
		const params = n.params.value - n.more_params - counted.params;
		const mmacs = n.mmacs ? n.mmacs.value - counted.macs / 1e6 : 0;
		console.log("#", name + ":", counted.params, "parameters,", counted.macs, "multiplications");
		process.exit(Math.abs(params) < n.params.digit && (!n.mmacs || Math.abs(mmacs) < n.mmacs.digit) ? 0 : 1);
	' "$1" "$("$ZOO" --list --json)"
}

while read -r name tokens; do
	"$ZOO" "$name" ${tokens:+--tokens "$tokens"} --weights light -o "$WORK/model.onnx" &&
		"$ZOO" --count "$WORK/model.onnx" --json | check "$name"
	result $? "$name is as published"
done < <(networks)

# A count that could not fail would see no difference in another network.
"$ZOO" resnet18 --weights light -o "$WORK/model.onnx" && "$ZOO" --count "$WORK/model.onnx" --json | check resnet50
[ $? = 1 ]
result $? "ResNet18 is not ResNet50"
"$ZOO" squeezenet --batch 3 -o "$WORK/a.onnx" && "$ZOO" squeezenet --batch 3 -o "$WORK/b.onnx" &&
	cmp "$WORK/a.onnx" "$WORK/b.onnx"
result $? "the same bytes twice"
"$ZOO" squeezenet --batch 3 --seed 1 -o "$WORK/b.onnx" && ! cmp -s "$WORK/a.onnx" "$WORK/b.onnx"
result $? "other bytes with another seed"
fails 2 "no such network" resnet51 -o "$WORK/x"
fails 2 "no network given"
fails 2 "no -o given" resnet50
fails 2 "reads no text" resnet50 --tokens 3 -o "$WORK/x"
fails 2 "not a number from 1 to 1024" resnet50 --batch 0 -o "$WORK/x"
fails 2 "seeded or light" resnet50 --weights heavy -o "$WORK/x"
fails 1 "No such file" resnet50 -o "$WORK/none/x"
fails 1 "No such file" --count "$WORK/none"
fails 1 "not an ONNX model" --count /bin/sh

# damaged: every 97th byte of a small model changed, one a copy, and the model cut there; never a crash
damaged()
{
	local size at status
	"$ZOO" fsrcnn --weights light -o "$WORK/whole.onnx" || return 1
	size=$(stat -c %s "$WORK/whole.onnx")
	for ((at = 0; at < size; at += 97)); do
		cp "$WORK/whole.onnx" "$WORK/bad.onnx"
		printf '\xff' | dd of="$WORK/bad.onnx" bs=1 seek=$at conv=notrunc status=none
		"$ZOO" --count "$WORK/bad.onnx" >"$WORK/said" 2>&1
		status=$?
		[ $status -le 1 ] || { echo "# byte $at: status $status"; sed 's/^/# /' "$WORK/said"; return 1; }
		head -c $at "$WORK/whole.onnx" >"$WORK/bad.onnx"
		"$ZOO" --count "$WORK/bad.onnx" >"$WORK/said" 2>&1
		status=$?
		[ $status -le 1 ] || { echo "# cut at $at: status $status"; sed 's/^/# /' "$WORK/said"; return 1; }
	done
}

damaged
result $? "damaged models are counted or refused"
echo "1..$COUNT"
