# SPDX-License-Identifier: MIT

LOOM_AS := $(addprefix tools/loom-as/,assemble.c output.c value.c)

$(call program,loom-as,tools/loom-as/main.c $(LOOM_AS) tools/loom-objdump/isa_table.c,,,-I.)
$(call host-test,loom-as,tools/loom-as/test/test_as.c $(LOOM_AS) tools/loom-objdump/disasm.c \
	tools/loom-objdump/isa_table.c userspace/libloom/test/make_model.c,loom firmware-sim,-lelf,-I.)
$(call host-script,tools/loom-as/test/round-trip.sh)
$(call fuzzer,assembler,tools/loom-as/test/fuzz_as.c $(LOOM_AS) tools/loom-objdump/isa_table.c,,,-I.)
