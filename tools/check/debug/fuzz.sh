#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the debug kernel's guest: the fuzzer, for as many programs as the lane asks for. How often each line of the
# driver ran is brought out twice: for the tests until here, and for the fuzzer alone.

# coverage NAME: what ran since the last time
coverage()
{
	mkdir -p "/out/gcov/$1"
	find /sys/kernel/debug/gcov -name '*.gcda' | while read -r f; do
		cat "$f" >"/out/gcov/$1/${f##*/}"
	done
	echo 1 >/sys/kernel/debug/gcov/reset
}

coverage tests
# shellcheck disable=SC2046 # several options
loom_fuzz --json /out/fuzz.json $(cat /payload/fuzz)
status=$?
coverage fuzz
exit $status
