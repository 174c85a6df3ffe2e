# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# In the guest: run every test of /payload/tests; logs and exit statuses go back in /out.

# run_test FILE
run_test()
{
	name=${1##*/}
	case $name in
	*.sh) set -- sh "$1" ;;
	esac
	echo "# $name"
	echo "loom-check: $name" >/dev/kmsg
	# guest time, which an idle guest jumps through
	timeout 120 "$@" >"/out/$name.log" 2>&1 </dev/null
	echo $? >"/out/$name.status"
}

for t in /payload/tests/*; do
	case $t in
	*_removal) ;;
	*) run_test "$t" ;;
	esac
done
# what takes the device away for good comes last
for t in /payload/tests/*_removal; do
	[ ! -e "$t" ] || run_test "$t"
done
exit 0
