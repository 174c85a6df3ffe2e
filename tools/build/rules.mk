# SPDX-License-Identifier: MIT
#
# How Loom compiles: flags, and the calls that module.mk files use (see the Makefile).

CC       := $(if $(FUZZ),clang,gcc)
AR       := gcc-ar
B        := build$(if $(SAN),/san)$(if $(FUZZ),/fuzz)$(if $(COV),/cov)
WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wvla \
	    -Wno-unused-parameter -Wno-missing-field-initializers -Werror=implicit-function-declaration
comma    := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
# scratch.c asks for gcc's name of it; clang 14 has _Float16 under another name.
FUZZFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	     -D__SANITIZE_ADDRESS__ -mf16c -D_Float16=__fp16
SANFLAGS += $(if $(FUZZ),$(FUZZFLAGS)) $(if $(COV),--coverage)
# -ffp-contract=off: the same source gives the same bytes whether or not the compiler may fuse.
CFLAGS   := -std=gnu11 -O2 -g -D_GNU_SOURCE -fPIC -ffp-contract=off $(WARNINGS)
CPPFLAGS := -Iuapi -Ifirmware-sim -Iuserspace -Iuserspace/libloom/include -I/usr/include/libdrm

ALL_TARGETS :=
HOST_TESTS  :=
LONG_TESTS  :=
FUZZERS     :=
VM_TESTS    :=
DEBUG_TESTS :=
VM_DATA     :=

# Prerequisites with $$ are looked up when all module.mk files were read.
.SECONDEXPANSION:

# $(call objects-of,sources): where their objects go
objects-of = $(patsubst %.c,$(B)/obj/%.o,$(1))

# $(call compile-flags,sources,cflags): per-object extra flags
define compile-flags
$(foreach o,$(call objects-of,$(1)),$(eval $(o): EXTRA_CFLAGS += $(2)))
endef

define static-library
$(if $(3),$(call compile-flags,$(2),$(3)))
$(eval $(B)/lib/lib$(1).a: $(call objects-of,$(2)))
$(eval ALL_TARGETS += $(B)/lib/lib$(1).a)
endef

define link-program
$(if $(5),$(call compile-flags,$(2),$(5)))
$(eval $(6)/$(1): $(call objects-of,$(2)) $(patsubst %,$(B)/lib/lib%.a,$(3)))
$(eval $(6)/$(1): LDLIBS := $(4))
endef

define program
$(call link-program,$(1),$(2),$(3),$(4),$(5),$(B)/bin)
$(eval ALL_TARGETS += $(B)/bin/$(1))
endef

define host-test
$(call link-program,$(1),$(2),$(3),$(4) -lcmocka,$(5),$(B)/test)
$(eval HOST_TESTS += $(B)/test/$(1))
endef

# A shell script as a test: $(B) in its environment says which build to test.
define host-script
$(eval HOST_TESTS += $(1))
endef

# A script that `make check` runs in seconds and, with LONG=1, `make check-long` in full.
define long-script
$(call host-script,$(1))
$(eval LONG_TESTS += $(1))
endef

# $(call fuzzer,NAME,SOURCES,LIBRARIES,LDLIBS,CFLAGS): a libFuzzer target, with `make FUZZ=1` only.
define fuzzer
$(if $(FUZZ),$(call link-program,$(1),$(2),$(3),$(4),$(5) -DFUZZER,$(B)/fuzzers))
$(eval FUZZERS += $(B)/fuzzers/$(1))
endef

# kselftest's headers come from the kernel's source package, and warn; they are not ours to mend.
define guest-test
$(call link-program,$(1),$(2),$(3),$(4),-isystem build/linux/selftests $(5),$(B)/selftests)
$(foreach o,$(call objects-of,$(2)),$(eval $(o): | build/linux))
endef

define vm-test
$(call guest-test,$(1),$(2),$(3),$(4),$(5))
$(eval VM_TESTS += $(B)/selftests/$(1))
endef

# For the debug kernel only.
define debug-test
$(call guest-test,$(1),$(2),$(3),$(4),$(5))
$(eval DEBUG_TESTS += $(B)/selftests/$(1))
endef

# $(call vm-data,NAME): build/selftests/data/NAME, which a rule makes, is /payload/data/NAME in the guest.
define vm-data
$(eval VM_DATA += $(B)/selftests/data/$(1))
endef

define vm-script
$(eval VM_TESTS += $(1))
endef

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(SANFLAGS) $(EXTRA_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/lib/%.a:
	@mkdir -p $(@D)
	@echo "  AR      $@"
	@rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

define link-recipe
@mkdir -p $(@D)
@echo "  LD      $@"
@$(CC) $(SANFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) -lm
endef

# Three rules, not one of three patterns: make would take a program and a test of the same name to be
# made by one run of it.
$(B)/bin/%:
	$(link-recipe)

$(B)/test/%:
	$(link-recipe)

$(B)/fuzzers/%: SANFLAGS += -fsanitize=fuzzer
$(B)/fuzzers/%:
	$(link-recipe)

$(B)/selftests/%:
	$(link-recipe)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
