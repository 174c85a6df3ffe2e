#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest of a kernel that watches, last: the module is gone, and nothing that watched it has anything to say.

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

# Of locks, without the kernel's own: pciehp of 6.12 takes reset_lock and pci_rescan_remove_lock in either order.
lock_reports()
{
	dmesg | sed '1,/loom-check: /d' | awk '
		/WARNING: (possible|inconsistent|bad|held|suspicious)|INFO: possible|BUG: (Invalid wait|MAX_)|\[ BUG/ { text = $0; n = 40; next }
		n { text = text "\n" $0; n-- }
		text && !n { if (text !~ /reset_lock.*pciehp_unconfigure_device/) print text; text = "" }
		END { if (text && text !~ /reset_lock.*pciehp_unconfigure_device/) print text }' | head -n 120
}

no_lock_report() { ! lock_reports | grep .; }

gone() { [ ! -e /sys/module/loom ] || rmmod loom; }

# Races that the driver has a part in: it is in the title, or is what called the function that is. Who asks for the
# time without a lock races with who sets it, wherever it is asked from: that is the kernel's own.
races()
{
	dmesg | awk '/^=====/ { if (ours) print text; text = ""; ours = lines = 0; next }
		/BUG: KCSAN/ { text = $0; ours = / loom_/; clock = /timekeeping_update/; next }
		text { text = text "\n" $0 }
		/ (by|to) .* (task|interrupt)/ { lines = 2; next }
		lines && text { if (/\[loom\]/ && !clock) ours = 1; lines-- }' | head -n 120
}

no_race() { ! races | grep .; }

if grep -q kcsan /proc/kallsyms; then
	echo "TAP version 13"
	echo "1..4"
	check "the module is gone" gone
	check "KCSAN has watched" grep -q 'enabled: 1' /sys/kernel/debug/kcsan
	check "KCSAN" no_race
	check "no warning, hang or stall" none 'WARNING: CPU|INFO: (task|rcu)|BUG: (sleep|sched|unable)|Oops'
	exit
fi

echo "TAP version 13"
echo "1..8"
check "the module is gone" gone
check "KASAN" none 'BUG: KASAN'
check "UBSAN" none 'UBSAN:'
check "lockdep" no_lock_report
check "no sleep where none is allowed" none 'BUG: (sleeping|scheduling)'
check "DMA-API" none 'DMA-API: .*(leak|error|driver|device)'
check "no warning, hang or stall" none 'WARNING: CPU|INFO: (task|rcu)|BUG: |ODEBUG|refcount_t|Oops'
check "kmemleak" no_leak
