# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # used by those who read this file
# What the scripts of tools/vm share: where things are, how they talk, how they lock.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${LOOM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/loom}
BUILD=$TOP/build

say() { printf '  %-7s %s\n' "$1" "${*:2}" >&2; }

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# usage: print the comment block at the head of the calling script
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0" | sed 1d; }

# lock NAME: one process at a time holds NAME, over all checkouts that share the cache
lock()
{
	mkdir -p "$CACHE/lock"
	exec {LOCK_FD}>"$CACHE/lock/$1"
	flock -n "$LOCK_FD" && return
	say WAIT "another set-up holds $CACHE/lock/$1"
	flock "$LOCK_FD"
}

unlock() { exec {LOCK_FD}>&-; }

# quietly LOG COMMAND…: output goes to LOG, and is shown only if the command fails
quietly()
{
	local log=$1
	shift
	mkdir -p "${log%/*}"
	"$@" >"$log" 2>&1 && return
	tail -n 30 "$log" | cut -c1-300 >&2
	die "failed: $* (all of its output: $log)"
}

# sync_file FROM TO: copy, but leave TO's date alone when it is the same, so that nothing is rebuilt for it.
# TO may be a program that runs right now, so it is replaced, not written to.
sync_file()
{
	cmp -s "$1" "$2" && return
	mkdir -p "${2%/*}"
	cp "$1" "$2.new"
	mv "$2.new" "$2"
}

# extract_kernel VMLINUZ: the ELF file inside, which QEMU starts without the seconds that a guest takes to
# decompress it. The x86 boot protocol says where it is; the last 4 bytes are its size.
extract_kernel()
{
	local sectors offset length
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N 8 "$1")
	dd if="$1" bs=1M iflag=skip_bytes,count_bytes status=none \
		skip=$(((sectors + 1) * 512 + offset)) count=$((length - 4)) | zstd -dcq
}
