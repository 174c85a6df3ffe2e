# SPDX-License-Identifier: MIT

.PHONY: docs docs-tables
docs: setup ## build Documentation/ with sphinx, without warnings, into build/docs/html/accel/loom
	@tools/doc/sphinx

docs-tables: ## bring the tables of isa.rst and hardware.rst up to date with uapi/
	@tools/doc/uapi-tables Documentation/accel/loom/isa.rst Documentation/accel/loom/hardware.rst

$(call host-script,tools/doc/uapi-tables-test.sh)
$(call host-script,tools/doc/sphinx-test.sh)
