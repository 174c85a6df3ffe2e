# SPDX-License-Identifier: MIT
#
# The machine's set-up, the guest kernel's module, the VM.

.PHONY: setup module linux-debug linux-kcsan module-debug module-kcsan linux-next module-next vm run

setup: ## install and unpack what Loom builds with (tools/vm/setup --help)
	@tools/vm/setup

build/linux:
	@tools/vm/setup linux

module: ## build loom.ko for the guest's kernel, out of tree
	@tools/vm/module

linux-debug linux-kcsan: linux-%: build/linux ## build a kernel that watches itself, once (tools/vm/debug-kernel --help)
	@tools/vm/debug-kernel $*

module-debug: linux-debug ## build loom.ko for the debug kernel, with its KUnit suites and coverage
	@tools/vm/module --kernel debug build/module-debug LOOM_KUNIT=y KCOV_INSTRUMENT=y GCOV_PROFILE=y

module-kcsan: linux-kcsan ## build loom.ko for the kernel with KCSAN
	@tools/vm/module --kernel kcsan build/module-kcsan

linux-next: ## unpack the newest kernel that Debian packages (tools/vm/linux-next --help)
	@tools/vm/linux-next

module-next: ## build loom.ko for that kernel
	@tools/vm/module --kernel next

# As check: what set-up brings is seen by a make that starts after it. RUN_OPTIONS: see tools/run/run --help.
run: setup ## the main job: weave two models through the whole stack
	@$(MAKE) --no-print-directory -j$$(nproc) all qemu module models
	@tools/run/run $(RUN_OPTIONS)

vm: setup ## a shell in the VM, with the module loaded and our programs in /usr/bin
	@$(MAKE) --no-print-directory -j$$(nproc) all qemu module
	@tools/vm/run --interactive $$(tools/vm/guest-programs)

$(call vm-script,tools/vm/smoke.sh)
