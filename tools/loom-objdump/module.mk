# SPDX-License-Identifier: MIT

OBJDUMP := tools/loom-objdump

$(call program,loom-objdump,$(addprefix $(OBJDUMP)/,main.c disasm.c isa_table.c),loom,-lelf)
$(call host-test,loom-objdump,$(OBJDUMP)/test/test_disasm.c $(OBJDUMP)/disasm.c $(OBJDUMP)/isa_table.c \
	userspace/libloom/test/make_model.c,loom firmware-sim,-lelf,-I.)
$(call fuzzer,loom,userspace/libloom/test/fuzz_loom.c $(OBJDUMP)/disasm.c $(OBJDUMP)/isa_table.c,loom,-lelf,-I.)
