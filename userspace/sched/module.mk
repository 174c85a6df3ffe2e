# SPDX-License-Identifier: MIT
SCHED := userspace/sched
$(call static-library,sched,$(addprefix $(SCHED)/,core.c event.c model.c offer.c window.c guard.c names.c table.c deadline.c waiting.c rank.c request.c device_state.c \
	fifo.c fair.c edf.c layerweaver.c layerweaver_plus.c ai_mt.c prema.c loom.c loom_end.c urgency.c))
$(call host-test,sched-test,$(addprefix $(SCHED)/test/,main.c step.c policies.c core.c random.c rank.c end.c \
	weave.c urgency.c waiting.c property.c rig.c),sched)
$(eval LONG_TESTS += $(B)/test/sched-test)
