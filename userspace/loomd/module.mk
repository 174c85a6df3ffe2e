# SPDX-License-Identifier: MIT
#
# loomd is what runs in the guest and on a real machine. loomd-sim is the same daemon with the
# simulated device linked in (--device sim:PRESET), for the host tests and for trying things out.

LOOMD := userspace/loomd
LOOMD_SRCS := $(addprefix $(LOOMD)/,buffers.c client_conn.c commands.c completions.c device.c faults.c feed.c histogram.c host.c \
	load.c log.c loop.c models.c notify.c options.c proto.c pump.c record.c recovery.c regions.c requests.c server.c state.c stats.c trace.c worker.c)
LOOMD_LIBS := -ljansson -ldrm -luring -lelf
LOOMD_SIM_LIBS := -Wl,-u,loom_backend_sim $(LOOMD_LIBS)

$(call static-library,loomd,$(LOOMD_SRCS))
$(call program,loomd,$(LOOMD)/main.c,loomd sched loom hostops,$(LOOMD_LIBS))
$(call program,loomd-sim,$(LOOMD)/main.c,loomd sched loom-sim loom hostops firmware-sim,$(LOOMD_SIM_LIBS))

$(call host-test,loomd-proto,$(LOOMD)/test/proto_test.c,loomd,-ljansson)

LOOMD_RIG := $(LOOMD)/test/rig.c userspace/libloom/test/make_model.c
loomd-test = $(call host-test,loomd-$(1),$(LOOMD)/test/$(1)_test.c $(LOOMD_RIG),loomd sched loom-sim \
	loom hostops firmware-sim,$(LOOMD_SIM_LIBS))
$(foreach t,serve accident hostile regions settings,$(call loomd-test,$(t)))
# These run the daemon beside them.
$(foreach t,serve accident hostile regions settings,$(B)/test/loomd-$(t)): $(B)/bin/loomd-sim
# A daemon with policies that misbehave: its own table of them, so that the library's stays out.
$(call link-program,loomd-bad,$(LOOMD)/main.c $(LOOMD)/test/bad_policies.c,loomd sched loom-sim loom hostops firmware-sim,$(LOOMD_SIM_LIBS),,$(B)/test)
$(call loomd-test,policy)
# On the simulated device, whose activation SRAM is small.
$(call loomd-test,leases)
$(B)/test/loomd-leases: $(B)/bin/loomd-sim $(B)/bin/loom-bench
$(B)/test/loomd-policy: $(B)/test/loomd-bad $(B)/bin/loomd-sim $(B)/bin/loomctl
# The same, in the VM, with the driver. By other names: make takes the pattern rule that links programs for
# one that makes all of its targets at once.
loomd-vm-test = $(call vm-test,loomd-drm-$(1),$(LOOMD)/test/$(1)_test.c $(LOOMD_RIG),loom loom-timing,\
	-ljansson -ldrm -luring -lelf -lcmocka)
$(foreach t,serve accident hostile regions settings,$(call loomd-vm-test,$(t)))
$(call host-script,$(LOOMD)/test/host_steps.sh)
