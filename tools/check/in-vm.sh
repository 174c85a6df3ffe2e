# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# In the guest: run the tests of /payload/tests, in the order of /payload/order if there is one; logs and
# exit statuses go back in /out.

limit=$(cat /payload/limit 2>/dev/null || echo 120)

# run_test NAME
run_test()
{
	name=$1
	case $name in
	*.sh) set -- sh "/payload/tests/$name" ;;
	*) set -- "/payload/tests/$name" ;;
	esac
	echo "# $name"
	echo "loom-check: $name" >/dev/kmsg
	# guest time, which an idle guest jumps through
	timeout "$limit" "$@" >"/out/$name.log" 2>&1 </dev/null
	echo $? >"/out/$name.status"
}

tests() { cat /payload/order 2>/dev/null || ls /payload/tests; }

# Races and leaks of the boot are nobody's here.
[ ! -e /sys/kernel/debug/kcsan ] || echo on >/sys/kernel/debug/kcsan
[ ! -e /sys/kernel/debug/kmemleak ] || echo clear >/sys/kernel/debug/kmemleak

for t in $(tests | grep -v '_removal$'); do
	run_test "$t"
done
# what takes the device away for good comes last
for t in $(tests | grep '_removal$'); do
	run_test "$t"
done
exit 0
