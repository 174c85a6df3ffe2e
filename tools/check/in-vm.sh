# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# In the guest: run every test of /payload/tests; logs and exit statuses go back in /out.

for t in /payload/tests/*; do
	name=${t##*/}
	case $name in
	*.sh) set -- sh "$t" ;;
	*) set -- "$t" ;;
	esac
	echo "# $name"
	echo "loom-check: $name" >/dev/kmsg
	# guest time, which an idle guest jumps through
	timeout 120 "$@" >"/out/$name.log" 2>&1 </dev/null
	echo $? >"/out/$name.status"
done
exit 0
