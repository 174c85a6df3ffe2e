# SPDX-License-Identifier: MIT
#
# libloom: libloom.a and libloom.so.0 (drm back end, io_uring, loader, loomd's client), and
# libloom-sim.a, the sim back end. A program that wants "sim:" devices links
#   loom-sim loom firmware-sim   with   -u loom_backend_sim -ldrm -luring -lelf
# and everything else stays free of the simulator.

LIBLOOM_DIR := userspace/libloom
LIBLOOM_SIM_SOURCES := $(sort $(wildcard $(LIBLOOM_DIR)/sim*.c))
LIBLOOM_SOURCES := $(filter-out $(LIBLOOM_SIM_SOURCES),$(sort $(wildcard $(LIBLOOM_DIR)/*.c)))

$(call static-library,loom,$(LIBLOOM_SOURCES),)
$(call static-library,loom-sim,$(LIBLOOM_SIM_SOURCES),)

ALL_TARGETS += $(B)/lib/libloom.so.0 $(B)/lib/pkgconfig/loom.pc

# Host steps run on the operators of userspace/hostops, which the shared library has inside.
$(B)/lib/libloom.so.0: $(call objects-of,$(LIBLOOM_SOURCES) $(wildcard userspace/hostops/*.c)) $(LIBLOOM_DIR)/libloom.map
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(SANFLAGS) -shared -Wl,-soname,libloom.so.0 \
		-Wl,--version-script=$(LIBLOOM_DIR)/libloom.map $(if $(SAN),,-Wl$(comma)-z$(comma)defs) \
		-o $@ $(filter %.o,$^) -ldrm -luring -lelf -lm
	@ln -sf libloom.so.0 $(B)/lib/libloom.so

# Of the build tree; an installation rewrites prefix and the directories.
$(B)/lib/pkgconfig/loom.pc: $(LIBLOOM_DIR)/loom.pc.in
	@mkdir -p $(@D)
	@sed 's,@prefix@,$(CURDIR),;s,@libdir@,$(abspath $(B)/lib),' $< > $@

LIBLOOM_TEST_LIBS := loom-sim loom firmware-sim
LIBLOOM_TEST_LDLIBS := -u loom_backend_sim -ldrm -luring -lelf
MAKE_MODEL := $(LIBLOOM_DIR)/test/make_model.c

$(call program,write-model,$(LIBLOOM_DIR)/test/write_model.c $(MAKE_MODEL),$(LIBLOOM_TEST_LIBS),$(LIBLOOM_TEST_LDLIBS))
$(call host-test,libloom-sim,$(LIBLOOM_DIR)/test/test_sim.c $(LIBLOOM_DIR)/test/test_device.c $(MAKE_MODEL),$(LIBLOOM_TEST_LIBS),$(LIBLOOM_TEST_LDLIBS))
$(call host-test,libloom-model,$(LIBLOOM_DIR)/test/test_model.c $(MAKE_MODEL),$(LIBLOOM_TEST_LIBS),$(LIBLOOM_TEST_LDLIBS))
$(call vm-test,libloom-drm,$(LIBLOOM_DIR)/test/test_drm.c $(LIBLOOM_DIR)/test/test_device.c $(MAKE_MODEL),loom loom-timing,-ldrm -luring -lelf -lcmocka)
$(call host-script,$(LIBLOOM_DIR)/test/exports.sh)
