#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The module goes: after use, by unbind, and with a process that still holds the node. The kernel has
# nothing to say about it.

dev=0000:01:00.0
driver=/sys/bus/pci/drivers/loom
n=0

check()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then echo "ok $n $what"; else echo "not ok $n $what"; fi
}

quietly() { "$@" 2>/dev/null; }

# What a faulty driver leaves in the log.
clean() { ! dmesg | sed "1,${mark}d" | grep -E 'WARNING|BUG:|Oops|leak|refcount|DMA-API|still|general protection|INFO: task'; }

here=${0%/*}
mark=$(dmesg | wc -l)

echo "TAP version 13"
echo "1..9"

use() { "$here/loom_submit" -t one >/dev/null; }

# Within a second: what a process leaves, io_uring's rings above all, is taken away after it has ended.
unload()
{
	tries=100
	while ! quietly rmmod loom; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		usleep 10000
	done
}

check "use" use
check "unload" unload
check "no node is left" test ! -e /dev/accel/accel0
check "load again" insmod /lib/loom/loom.ko
check "use again" use

# A file that is open while the device goes; its calls fail, nothing else.
exec 3<>/dev/accel/accel0
echo $dev >$driver/unbind
check "rmmod is refused while a file is open" sh -c '! rmmod loom 2>/dev/null'
exec 3>&-
check "bind again" sh -c "echo $dev >$driver/bind"
check "use after bind" use
check "nothing in the log" clean
