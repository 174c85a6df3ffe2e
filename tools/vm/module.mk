# SPDX-License-Identifier: MIT
#
# The machine's set-up, the guest kernel's module, the VM.

.PHONY: setup module vm

setup: ## install and unpack what Loom builds with (tools/vm/setup --help)
	@tools/vm/setup

build/linux:
	@tools/vm/setup linux

module: ## build loom.ko for the guest's kernel, out of tree
	@tools/vm/module

vm: setup ## a shell in the VM, with the module loaded and our programs in /usr/bin
	@$(MAKE) --no-print-directory qemu module all
	@tools/vm/run --interactive $(foreach p,$(wildcard build/bin/loom*),$(if $(findstring qemu,$(p)),,--program $(p)))

$(call vm-script,tools/vm/smoke.sh)
