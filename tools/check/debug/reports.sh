#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the debug kernel's guest, last: the module goes, and nothing that watched it has anything to say.

n=0

check()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then echo "ok $n $what"; else echo "not ok $n $what"; fi
}

# none PATTERN: no such line in the log since the tests began; those there are, with what follows, are shown
# What io_uring of 6.12 asserts of itself when a ring ends with a cancelable command in it is not the driver's: it
# completes the command in io_ring_exit_work, as the submitter's task, which is gone.
none() { ! dmesg | sed '1,/loom-check: /d; /at io_get_cqe_overflow/d' | grep -E -A 40 "$1" | head -n 120 | grep .; }

# An object must be some seconds old to count as leaked.
scan()
{
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
}

no_leak() { scan; ! head -n 120 /sys/kernel/debug/kmemleak | grep .; }

echo "TAP version 13"
echo "1..8"
check "the module goes" rmmod loom
check "KASAN" none 'BUG: KASAN'
check "UBSAN" none 'UBSAN:'
check "lockdep" none 'WARNING: (possible|inconsistent|bad|held|suspicious)|INFO: possible|BUG: (Invalid wait|MAX_)|\[ BUG'
check "no sleep where none is allowed" none 'BUG: (sleeping|scheduling)'
check "DMA-API" none 'DMA-API: .*(leak|error|driver|device)'
check "no warning, hang or stall" none 'WARNING: CPU|INFO: (task|rcu)|BUG: |ODEBUG|refcount_t|Oops'
check "kmemleak" no_leak
