#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The fuzzers for a bounded count in `make check`; with LONG=1 (make check-long) for FUZZ_SECONDS each (600). TAP.

set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -n "${LONG:-}" ]; then
	make --no-print-directory fuzzers >&2
	exec tools/fuzz/run --seconds "${FUZZ_SECONDS:-600}"
fi
status=0
# A job on the device takes milliseconds under sanitizers, a file that is refused microseconds.
tools/fuzz/run --runs 2000 commands rings || status=1
tools/fuzz/run --runs 30000 assembler loom onnx || status=1
exit $status
