#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Networks for `loom-bench sweep`: what networks.sh compiles for a preset, and for devices that differ from it
# in the size of the weight SRAM or in DRAM bandwidth.
#
#	sweep-networks.sh DIR PRESET [NETWORK[:BATCH]...]
#
# Prints the directories, the preset's own first. SRAM (MiB) and MBPS in the environment say what else is made.
set -eu
HERE=$(dirname "$0")
DIR=$1 PRESET=$2
shift 2

make_one() {	# NAME SIZES NETWORK...
	to=$DIR/$1 device=$PRESET,act-sram=2G${2:+,$2}
	shift 2
	"$HERE/networks.sh" --resident -- "$to" "$device" "$@" >&2
	echo "$to"
}

make_one base '' "$@"
for n in ${SRAM-6 12 24 96}; do
	make_one "sram-$n" "weight-sram=${n}M" "$@"
done
for n in ${MBPS-56000 112000 450000 900000}; do
	make_one "dram-$n" "dram-mbps=$n" "$@"
done
