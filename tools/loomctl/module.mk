# SPDX-License-Identifier: MIT
$(call program,loomctl,$(addprefix tools/loomctl/,main.c infer.c show.c),loom,-ljansson -ldrm -luring -lelf)
