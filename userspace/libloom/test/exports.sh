#!/bin/bash
# SPDX-License-Identifier: MIT
#
# libloom.so.0 exports what its headers declare and nothing else, has its soname, and a program can be built
# with the pkg-config file and run with the library.

set -euo pipefail

B=${B:-build}
HEADERS=(userspace/libloom/include/loom.h userspace/libloom/include/loom_client.h
	userspace/libloom/include/loom_user_queue.h)
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

declared()
{
	cat "${HEADERS[@]}" | tr '\n\t' '  ' | grep -oE '\bloom_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

exported()
{
	nm -D --defined-only "$B/lib/libloom.so.0" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

# What the comments of the headers mention with () is declared there, too.
same_functions()
{
	diff <(declared) <(exported) | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

has_soname()
{
	readelf -dW "$B/lib/libloom.so.0" | grep -q 'SONAME.*\[libloom\.so\.0\]'
}

no_simulator()
{
	! nm "$B/lib/libloom.so.0" | grep -q ' loom_sim_new$'
}

builds_program()
{
	local flags
	cat >"$DIR/main.c" <<-'EOF'
		#include <loom.h>
		#include <stdio.h>

		int main(void)
		{
			struct loom_dev *dev;
			int err = loom_dev_open("/nonexistent", &dev);

			puts(loom_error());
			return err ? 0 : 1;
		}
	EOF
	flags=$(PKG_CONFIG_PATH=$B/lib/pkgconfig pkg-config --cflags --libs loom)
	# shellcheck disable=SC2086
	gcc -o "$DIR/main" "$DIR/main.c" $flags
	# A sanitized library wants its runtime first; the plain build is enough to see.
	readelf -dW "$B/lib/libloom.so.0" | grep -q libasan ||
		LD_LIBRARY_PATH=$B/lib "$DIR/main" | grep -q 'nonexistent: No such file'
}

num=0
failed=0
check()
{
	num=$((num + 1))
	if "$2"; then
		echo "ok $num $1"
	else
		echo "not ok $num $1"
		failed=1
	fi
}

echo 1..4
check "exports are what the headers declare" same_functions
check "soname" has_soname
check "no simulator in it" no_simulator
check "a program builds with pkg-config" builds_program
exit $failed
