# SPDX-License-Identifier: MIT

$(call program,loom-objdump,$(wildcard tools/loom-objdump/*.c),loom,-lelf)
