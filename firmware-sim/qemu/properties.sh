#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The device's properties: QEMU starts with good ones, and refuses bad ones with a sentence that names them.

set -euo pipefail
qemu=build/bin/loom-qemu
[ -x "$qemu" ] || { echo "1..0 # SKIP no $qemu (make qemu)"; exit 4; }

number=0

# verdict STATUS WHAT
verdict()
{
	number=$((number + 1))
	[ "$1" = 0 ] && echo "ok $number - $2" || echo "not ok $number - $2"
}

start() { echo quit | timeout 60 "$qemu" -M q35 -nodefaults -display none -monitor stdio -S -device "loom$1" 2>&1; }

# accepts PROPERTIES
accepts()
{
	local out status=0
	out=$(start "$1") || status=$?
	[ $status = 0 ] || echo "# $out"
	verdict $status "accepts loom$1"
}

# refuses PROPERTIES SENTENCE
refuses()
{
	local out
	if out=$(start "$1"); then
		verdict 1 "refuses loom$1"
	elif [[ $out == *"$2"* ]]; then
		verdict 0 "refuses loom$1: $2"
	else
		echo "# $out"
		verdict 1 "says of loom$1: $2"
	fi
}

accepts ""
accepts ,preset=memory-centric
accepts ,preset=compute-centric,functional=off
accepts ,preset=tiny,array-rows=32,weight-sram=1M,act-sram=64K,dram-mbps=2000,watchdog-ns=0
accepts ,inject=on
accepts ,fault=slow-dram:25+ecc-corrected:dram
refuses ,fault=flood "there is no such fault; there are none, hang-fetch"
refuses ,fault=slow-dram:0 "1 to 100 percent of the bandwidth are left"
refuses ,fault=ecc-corrected:disk "the argument is no number and no memory"
accepts ,dataflow=output-stationary
refuses ,preset=fast "there are memory-centric, compute-centric, tiny"
refuses ,dram-burst=100 "a DRAM burst is a power of two"
refuses ,array-rows=2 "an array has 4 to 1024 rows and columns"
refuses ,act-sram=5000 "the activation SRAM is a multiple of 4096 bytes"
refuses ,weight-sram=4K "the weight SRAM holds at least two tiles and a burst"
refuses ,clock-khz=1 "the clock is 1 MHz to 10 GHz"
refuses ,dataflow=stationary "weight-stationary or output-stationary expected"
accepts ,workers=3
refuses ,workers=100 "there are at most 64 workers"
refuses ,lanes=5 "'loom.lanes' not found"
echo "1..$number"
