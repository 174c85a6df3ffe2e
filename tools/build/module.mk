# SPDX-License-Identifier: MIT

.PHONY: tests
tests: $$(HOST_TESTS) $$(VM_TESTS)

.PHONY: compile_commands.json
compile_commands.json: ## what editors want to know
	@tools/build/compile-commands >build/compile_commands.json
	@ln -sf build/compile_commands.json $@
