#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What is installed is complete: programs start, a program builds against the headers and the library, and the
# DKMS source builds with the kernel's own make.

set -euo pipefail

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
n=0

check()
{
	n=$((n + 1))
	if "${@:2}" >"$TMP/log" 2>&1; then echo "ok $n $1"; else echo "not ok $n $1"; sed 's/^/# /' "$TMP/log"; fi
}

use_library()
{
	cat >"$TMP/use.c" <<-END
	#include <loom.h>
	int main(void) { struct loom_dev *dev; return loom_dev_open("/dev/null", &dev) == 0; }
	END
	export PKG_CONFIG_PATH=$TMP/root/opt/loom/lib/pkgconfig
	pkg-config --exists loom || return
	# Its own prefix is not where this root stands.
	# shellcheck disable=SC2046 # flags
	gcc -o "$TMP/use" "$TMP/use.c" -I"$TMP/root/opt/loom/include/loom" -L"$TMP/root/opt/loom/lib" -lloom \
		$(pkg-config --cflags --libs libdrm)
	LD_LIBRARY_PATH=$TMP/root/opt/loom/lib "$TMP/use"
}

build_driver()
{
	env -u MAKEFLAGS -u MAKELEVEL make -C build/linux/headers "M=$(echo "$TMP"/root/usr/src/loom-*)" modules
	ls "$TMP"/root/usr/src/loom-*/loom.ko
}

# Of what there is to be found the kernel has something.
looked()
{
	local config
	config=$(echo "$TMP"/root/usr/src/loom-*/driver/compat/config.h)
	cat "$config"
	[ "$(grep -c LOOM_HAVE_ "$config")" = "$(grep -c '^	probe [A-Z]' driver/compat/probe)" ] && grep -q '^#define' "$config"
}

# probe COMPILER
probe() { sh driver/compat/probe "$TMP/config.h" release "$1" || [ -e "$TMP/config.h" ]; }

fails() { ! "$@"; }

echo "TAP version 13"
echo "1..6"
check "install" env DESTDIR="$TMP/root" PREFIX=/opt/loom tools/install/install
check "the compiler starts" "$TMP/root/opt/loom/bin/loomc" --help
check "a program is built with the library" use_library
check "the DKMS source builds" build_driver
check "it looked what the kernel has" looked
check "headers that do not compile are noticed" fails probe false
