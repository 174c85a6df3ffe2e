#!/bin/bash
# SPDX-License-Identifier: MIT
#
# loomd records what its scheduler is told; loom-bench replay tells another scheduler, and hears the same. Open
# loop: clients that come and go, deadlines, cancelling, policies and models that change meanwhile. TAP.

# shellcheck disable=SC2317 # called by ok
set -uo pipefail
B=${B:-build}
OUT=$(mktemp -d)
export LOOMD_SOCKET=$OUT/socket
DAEMON=

finish()
{
	[ -z "$DAEMON" ] || kill "$DAEMON"
	wait
	rm -rf "$OUT"
}
trap finish EXIT
. "$(dirname "$0")/tap.sh"

ctl() { "$B/bin/loomctl" "$@"; }
replay() { "$B/bin/loom-bench" replay "$@"; }
make_model() { "$B/bin/write-model" "$1" "$2" "$3" "$4" tiny "$OUT/$1.loom"; }

start()
{
	local i
	"$B/bin/loomd-sim" --device sim:tiny --listen "$LOOMD_SOCKET" --preload "$OUT/alpha.loom" "$@" 2>"$OUT/daemon" &
	DAEMON=$!
	for ((i = 0; i < 100; i++)); do
		[ -S "$LOOMD_SOCKET" ] && ctl ping && return
		sleep 0.1
	done
	return 1
}

stop()
{
	kill "$DAEMON"
	wait "$DAEMON"
	DAEMON=
}

# Four clients at once, of which two have deadlines that some of their requests miss.
traffic()
{
	local jobs=() rc=0 i
	ctl infer alpha -i "a=$OUT/x2000.npy" --repeat 20 & jobs+=($!)
	ctl infer beta -i "a=$OUT/x500.npy" --repeat 30 & jobs+=($!)
	ctl infer alpha -i "a=$OUT/x2000.npy" --repeat 10 --deadline-ms 1 & jobs+=($!)
	ctl infer beta -i "a=$OUT/x500.npy" --repeat 10 --deadline-ms 1000 & jobs+=($!)
	ctl policy fair
	ctl policy loom
	for i in "${jobs[@]}"; do wait "$i" || [ $? -eq 5 ] || rc=1; done
	return "$rc"
}

# npy FILE N: N fp16 zeros
npy()
{
	{
		printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '<f2', 'fortran_order': False, 'shape': (1, $2), }"
		head -c $((2 * $2)) /dev/zero
	} >"$1"
}

# edit FILE TO JAVASCRIPT: change a record `b` (a Buffer); seal(b) makes its sum right again
edit()
{
	node -e '
		const fs = require("fs");
		let b = fs.readFileSync(process.argv[1]);
		const seal = (b) => {
			let h = 0xcbf29ce484222325n;
			for (let i = 0; i + 32 < b.length; i += 8)
				h = ((h ^ b.readBigUInt64LE(i)) * 0x100000001b3n) & 0xffffffffffffffffn;
			b.writeBigUInt64LE(h, b.length - 8);
		};
		const find = (type) => {
			let at = b.readUInt32LE(12), n = 0;
			for (; b.readUInt32LE(at) != type || n++ < 5; at += 32)
				if (b.readUInt32LE(at) == 1)
					at += 64 + 32 * Number(b.readBigUInt64LE(at + 16));
				else if (b.readUInt32LE(at) == 3)
					at += 64;
			return at;
		};
		'"$3"'
		fs.writeFileSync(process.argv[2], b);' "$1" "$2"
}

identical() { status_says 0 "^identical: [1-9][0-9]* picks and [1-9][0-9]* replies" replay "$1"; }

ok "models" make_model alpha 2000 12 1
ok "models" make_model beta 500 9 2
npy "$OUT/x2000.npy" 2000
npy "$OUT/x500.npy" 500
ok "a daemon that records from its start" start --record "$OUT/whole" --late drop
ok "a model comes while it records" ctl load "$OUT/beta.loom"
ok "traffic" traffic
ok "a record is being made" status_says 1 "made already" ctl record start "$OUT/second"
ok "a model goes" ctl unload beta
ok "the daemon stops" stop
ok "replayed to the same picks" identical "$OUT/whole"
ok "as JSON" status_says 0 '"identical": true' replay --json "$OUT/whole"

ok "a daemon that records when it is told to" start --policy edf
ok "a model" ctl load "$OUT/beta.loom"
ok "traffic before" traffic
ok "none is being made" status_says 1 "none is being made" ctl record stop
ok "start, with a seed" ctl record start "$OUT/part" --seed 42
ok "traffic" traffic
ok "stop" ctl record stop
ok "traffic after" traffic
ok "replayed to the same picks" identical "$OUT/part"
ok "it knows the seed" status_says 0 "seed 42" replay "$OUT/part"
ok "what was counted before is not forgotten" status_says 0 '"picks": *2160\b' ctl --json stats
ok "the daemon stops" stop

ok "another pick" edit "$OUT/part" "$OUT/bad" 'const at = find(9); b.writeBigUInt64LE(b.readBigUInt64LE(at + 8) + 1n, at + 8); seal(b);'
ok "is the first difference" status_says 3 "recorded: submit" replay "$OUT/bad"
ok "an arrival of a model that is not there" edit "$OUT/part" "$OUT/bad" 'b.writeUInt32LE(99, find(4) + 4); seal(b);'
ok "is refused" status_says 3 "refused" replay "$OUT/bad"
ok "another byte" edit "$OUT/part" "$OUT/bad" 'b[find(4) + 8] ^= 1;'
ok "is no record" status_says 1 "the sum at the end is another" replay "$OUT/bad"
ok "an unknown event" edit "$OUT/part" "$OUT/bad" 'b.writeUInt32LE(77, find(9)); seal(b);'
ok "is none" status_says 1 "no known type" replay "$OUT/bad"
ok "the end cut off" edit "$OUT/part" "$OUT/bad" 'b = b.subarray(0, b.length - 40);'
ok "is none" status_says 1 "cut off" replay "$OUT/bad"
ok "another version" edit "$OUT/part" "$OUT/bad" 'b.writeUInt32LE(9, 8); seal(b);'
ok "is told by number" status_says 1 "version 9, this program reads 1" replay "$OUT/bad"
ok "a model with too many slices" edit "$OUT/part" "$OUT/bad" 'b.writeBigUInt64LE(1n << 60n, b.readUInt32LE(12) + 16); seal(b);'
ok "is none" status_says 1 "too many" replay "$OUT/bad"
ok "something else is none" status_says 1 "not a record" replay "$B/bin/loomctl"
ok "no file" status_says 1 "No such file" replay "$OUT/nothing"
ok "usage" status_says 2 "usage" replay
echo "1..$N"
exit "$FAILED"
