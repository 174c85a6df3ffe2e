# SPDX-License-Identifier: MIT
#
# Twice, as loom-bench: for the host with the device model in it, and for the VM without.

LOOM_RUN_SOURCES := $(wildcard tools/loom-run/*.c)

$(call program,loom-run,$(LOOM_RUN_SOURCES),loom-sim loom hostops firmware-sim,-u loom_backend_sim -ldrm -luring -lelf)
$(call program,loom-run-vm,$(LOOM_RUN_SOURCES),loom hostops,-ldrm -luring -lelf)
$(call host-script,tools/loom-run/test/woven.sh)
