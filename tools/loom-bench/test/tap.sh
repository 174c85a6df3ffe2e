# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # FAILED is the exit status of who sources this
#
# What the tests of loom-bench say TAP with. Sourced; OUT is a folder of the test's own.

N=0 FAILED=0

# ok WHAT COMMAND…
ok()
{
	local what=$1
	shift
	N=$((N + 1))
	if "$@" >"$OUT/log" 2>&1; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what"
		sed 's/^/# /' "$OUT/log"
		FAILED=1
	fi
}

# status_says WANTED TEXT COMMAND…: the exit status, and what it says
status_says()
{
	local wanted=$1 text=$2 got=0 said
	shift 2
	said=$("$@" 2>&1) || got=$?
	echo "$said"
	[ "$got" -eq "$wanted" ] && grep -q "$text" <<<"$said"
}
