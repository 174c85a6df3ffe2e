#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The main job, in the VM: loomd, and loom-bench as its client. /payload/commands has those
# of loom-bench, one a line, /payload/loomd the arguments of loomd; everything it reads is in RAM already.

set -e
mkdir -p /run/loomd
# shellcheck disable=SC2046 # as below
loomd --listen /run/loomd/loomd.sock $(cat /payload/loomd 2>/dev/null) 2>/out/loomd.log &
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -S /run/loomd/loomd.sock ] && break
	sleep 0.1
done
status=0
while read -r line; do
	# shellcheck disable=SC2086 # no argument has a space
	loom-bench $line </dev/null || status=$?
done </payload/commands
kill $!
wait $! || status=$?
# the last file may be closed a moment after its process has ended
rmmod loom 2>/dev/null || { sleep 0.2; rmmod loom; }
exit $status
