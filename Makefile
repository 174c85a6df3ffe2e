# SPDX-License-Identifier: MIT
#
# Loom, top level. Two commands matter: `make run` and `make check`; `make help` lists the rest.
#
# One non-recursive make. Every folder that builds something has a module.mk, read below, which
# declares what it builds with the calls of tools/build/rules.mk:
#
#   $(call static-library,NAME,SOURCES,CFLAGS)            build/lib/libNAME.a
#   $(call program,NAME,SOURCES,LIBRARIES,LDLIBS,CFLAGS)  build/bin/NAME
#   $(call host-test,NAME,SOURCES,LIBRARIES,LDLIBS,CFLAGS) build/test/NAME, run by `make check-host`
#   $(call vm-test,NAME,SOURCES,LIBRARIES,LDLIBS,CFLAGS)  build/selftests/NAME, run by `make check-vm`
#   $(call host-script,FILE) $(call vm-script,FILE)       a shell script as a test, on the host or in the VM
#   $(call long-script,FILE)                              on the host, in full with `make check-long`
#
# LIBRARIES are NAMEs of static libraries of this tree, in link order. `make SAN=1 …` builds the
# same things with ASan and UBSan under build/san instead.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

include tools/build/rules.mk
include $(sort $(wildcard */module.mk */*/module.mk */*/*/module.mk))

.PHONY: all
all: $(ALL_TARGETS) ## build every library and program

.PHONY: clean
clean: ## remove build/ (the cache outside the tree stays)
	rm -rf build

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z0-9_.-]*:.*## ' $(MAKEFILE_LIST) | sort -u | \
		awk -F ':.*## ' '{ printf "  make %-22s %s\n", $$1, $$2 }'
