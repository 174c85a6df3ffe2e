# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# How a test that is a script says TAP. Sourced; the plan, 1..$COUNT, is the last thing it prints.

COUNT=0

# result STATUS NAME: one line
result()
{
	COUNT=$((COUNT + 1))
	if [ "$1" = 0 ]; then echo "ok $COUNT $2"; else echo "not ok $COUNT $2"; fi
}
