# SPDX-License-Identifier: MIT
#
# Installing what was built.

.PHONY: install dkms

install: all ## install programs, library, headers, man pages and the DKMS source (DESTDIR, PREFIX)
	@DESTDIR="$(DESTDIR)" PREFIX="$(or $(PREFIX),/usr/local)" tools/install/install

dkms: ## make build/dkms/loom-VERSION, the driver's source for DKMS
	@tools/install/dkms build/dkms

$(call host-script,tools/install/test.sh)
