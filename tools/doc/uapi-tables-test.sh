#!/bin/bash
# SPDX-License-Identifier: MIT
#
# isa.rst and hardware.rst are what the headers are: tables up to date, offsets as the compiler has them, nothing
# left out; and the check sees a difference. TAP.

set -uo pipefail
N=0 FAILED=0
DOCS=(Documentation/accel/loom/isa.rst Documentation/accel/loom/hardware.rst)
TABLES=tools/doc/uapi-tables
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

# ok WHAT COMMAND…
ok()
{
	local what=$1
	shift
	N=$((N + 1))
	if "$@" >"$TMP/log" 2>&1; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what"
		sed 's/^/# /' "$TMP/log" | head -n 40
		FAILED=1
	fi
}

fails() { ! "$@"; }

compiler_agrees()
{
	{
		echo '#include <stddef.h>'
		echo '#include "loom_isa.h"'
		echo '#include "loom_hw.h"'
		"$TABLES" --asserts
	} >"$TMP/asserts.c"
	[ "$(grep -c offsetof "$TMP/asserts.c")" -gt 200 ] && gcc -Iuapi -fsyntax-only "$TMP/asserts.c"
}

# Every name is in a table, or is the alias of a struct that is.
nothing_left_out()
{
	local kind name missing=0
	while read -r kind name; do
		name=${name%%(*}
		[ "$kind" = define ] || name="$kind $name"
		grep -qF -- "$name" "${DOCS[@]}" || { echo "$name is in no document"; missing=1; }
	done < <("$TABLES" --names)
	return "$missing"
}

# changed SED: a header that was changed makes the documents out of date
changed()
{
	mkdir -p "$TMP/uapi"
	cp uapi/*.h "$TMP/uapi"
	sed -i "$1" "$TMP/uapi"/*.h
	UAPI=$TMP/uapi "$TABLES" --check "${DOCS[@]}"
}

ok "documents are up to date" "$TABLES" --check "${DOCS[@]}"
ok "the compiler has the same offsets" compiler_agrees
ok "nothing is left out" nothing_left_out
ok "a changed value is noticed" fails changed 's/LOOM_OP_POOL = 54/LOOM_OP_POOL = 55/'
ok "a changed field is noticed" fails changed 's/__u32 table_rows/__u64 table_rows/'
ok "a changed register is noticed" fails changed 's/LOOM_REG_TIME\t\t0x040/LOOM_REG_TIME\t\t0x048/'
ok "a changed comment is noticed" fails changed 's/row-major K x/row-major N x/'
ok "implicit padding is noticed" fails changed 's/__u32 pad;//'
ok "an unknown name is noticed" fails "$TABLES" --check <(echo '.. from loom_isa.h: struct nobody')
echo "1..$N"
exit $FAILED
