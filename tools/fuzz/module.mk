# SPDX-License-Identifier: MIT
#
# libFuzzer targets are declared where what they test is, with $(call fuzzer,…).

.PHONY: fuzzers fuzzers-of-clang lane-fuzz fuzz
fuzzers: ## build the fuzzers (tools/fuzz/run --help)
	@$(MAKE) --no-print-directory FUZZ=1 fuzzers-of-clang

fuzzers-of-clang: $$(FUZZERS)

fuzz: setup fuzzers ## run every fuzzer for 10 minutes; FUZZ_SECONDS=N for another time
	@tools/fuzz/run --seconds $${FUZZ_SECONDS:-600}

lane-fuzz: fuzzers
	@TEST_TIMEOUT=600 tools/check/host build/check/fuzz tools/fuzz/bounded.sh

LONG_TESTS += tools/fuzz/bounded.sh
