# SPDX-License-Identifier: MIT

$(call program,loom-run,$(wildcard tools/loom-run/*.c),loom-sim loom firmware-sim,-u loom_backend_sim -ldrm -luring -lelf $(DEVICE_LIBS))
$(call host-script,tools/loom-run/test/woven.sh)
