# SPDX-License-Identifier: MIT
LOOMD := userspace/loomd
LOOMD_SRCS := $(addprefix $(LOOMD)/,buffers.c client_conn.c commands.c device.c faults.c log.c loop.c \
	models.c notify.c options.c proto.c requests.c server.c state.c stats.c trace.c)

$(call static-library,loomd,$(LOOMD_SRCS))
$(call program,loomd,$(LOOMD)/main.c,loomd sched loom,-ljansson -ldrm -luring -lelf)
