#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# On the host: every ioctl, query and io_uring command of the interface has a row in loom_failnth.c, where each of
# its allocations and user copies fails once, and a call in the fuzzer.

cd "$(dirname "$0")/.." || exit 1
uapi=uapi/drm/loom_accel.h
n=0

calls()
{
	sed -n 's/^#define DRM_IOCTL_\(LOOM_[A-Z_]*\).*/DRM_\1/p; s/^#define \(LOOM_URING_[A-Z_]*\)[ \t]*[0-9].*/\1/p;
		s/^\t\(DRM_LOOM_QUERY_[A-Z_]*\) = .*/\1/p' $uapi | grep -vx 'DRM_LOOM_QUERY'
}

# has NAME FILE…: a word, not a part of one; ioctls are spelled DRM_IOCTL_ where they are called
has()
{
	name=$1
	shift
	cat "$@" | sed 's/DRM_IOCTL_LOOM_/DRM_LOOM_/g' | grep -qw "$name"
}

check()
{
	n=$((n + 1))
	what=$1
	shift
	if "$@"; then echo "ok $n $what"; else echo "not ok $n $what"; fi
}

# row NAME: in the table, not only in a call
row() { sed -n '/^static const struct call calls/,/^};/p' selftests/loom_failnth.c | grep -qw "$1"; }

echo "TAP version 13"
for call in $(calls); do
	check "$call: a row in loom_failnth.c" row "$call"
done
for call in $(calls | grep -v QUERY_) DRM_LOOM_QUERY; do
	check "$call: a call in the fuzzer" has "$call" selftests/fuzz/*.c
done
[ $n -ge 24 ] || echo "not ok $((n + 1)) the interface was read: $n"
echo "1..$n"
