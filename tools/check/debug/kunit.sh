#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the debug kernel's guest: what the KUnit suites in loom.ko found when it was loaded, as one TAP list.

for results in /sys/kernel/debug/kunit/loom_*/results; do
	sed -n 's/^    \(\(not \)*ok .*\)/\1/p' "$results"
	sed 's/^/# /' "$results"
done
