#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: the device is on the bus behind its port, and the module, if there is one, drives it.

dev=/sys/bus/pci/devices/0000:01:00.0
n=0

check()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then echo "ok $n $what"; else echo "not ok $n $what"; fi
}

has() { [ "$(cat "$dev/$1")" = "$2" ]; }

echo "TAP version 13"
echo "1..$([ -e /lib/loom/loom.ko ] && echo 5 || echo 3)"
check "PCI vendor 1234" has vendor 0x1234
check "PCI device 4c4e" has device 0x4c4e
check "class: processing accelerator" has class 0x120000
[ -e /lib/loom/loom.ko ] || exit 0
check "bound to loom.ko" test -e "$dev/driver"
check "an accel node" test -c /dev/accel/accel0
