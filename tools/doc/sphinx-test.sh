#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The documents build without a warning, and leave out nothing of the interface. TAP.

set -uo pipefail
HEADER=uapi/drm/loom_accel.h
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
n=0 failed=0

# ok WHAT COMMAND…
ok()
{
	n=$((n + 1))
	if "${@:2}" >"$TMP/log" 2>&1; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$TMP/log" | head -n 40
		failed=1
	fi
}

kernel_doc() { perl build/linux/scripts/kernel-doc "$@"; }

# A member without a description is a warning; a struct without a comment is none, so these are counted.
structs()
{
	sed -n 's/^\(struct\|enum\) \(drm_loom_[a-z_]*\) {$/\2/p' "$HEADER" | sort >"$TMP/has"
	kernel_doc -rst "$HEADER" | sed -n 's/^\.\. c:\(struct\|enum\):: //p' | sort >"$TMP/told"
	[ -s "$TMP/has" ] && diff "$TMP/has" "$TMP/told" && kernel_doc -none -Wall -Werror "$HEADER"
}

ioctls()
{
	local name missing=0
	while read -r name; do
		grep -q "\`\`$name\`\`" Documentation/accel/loom/uapi.rst || { echo "$name is not in uapi.rst"; missing=1; }
	done < <(sed -n 's/^#define DRM_IOCTL_LOOM_\([A-Z_]*\).*/\1/p' "$HEADER")
	return "$missing"
}

# notices SED: a header that was changed so is complained about
notices()
{
	sed "$1" "$HEADER" >"$TMP/changed.h"
	! cmp -s "$HEADER" "$TMP/changed.h" && ! kernel_doc -none -Wall -Werror "$TMP/changed.h"
}

echo "TAP version 13"
echo "1..5"
ok "documents and man pages without a warning" tools/doc/sphinx "$TMP/docs"
ok "every struct and member has kernel-doc" structs
ok "every ioctl is in uapi.rst" ioctls
ok "a member without a description is noticed" notices '/@lease_bytes/d'
ok "a description without a member is noticed" notices '/__u32 lease_bytes/d'
exit $failed
