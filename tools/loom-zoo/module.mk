# SPDX-License-Identifier: MIT
#
# loom-zoo, and loom-networks, which compiles and runs what it writes. ONNX's messages are those that
# tools/loomc generates.

ZOO_DIR := tools/loom-zoo
ZOO_SOURCES := $(filter-out $(ZOO_DIR)/main.c $(ZOO_DIR)/list.c,$(sort $(wildcard $(ZOO_DIR)/*.c)))
NETWORKS_SOURCES := $(sort $(wildcard $(ZOO_DIR)/networks/*.c))
ZOO_CFLAGS := -Ibuild/gen -Itools/loomc -I$(ZOO_DIR)

$(call objects-of,$(ZOO_SOURCES) $(NETWORKS_SOURCES) $(ZOO_DIR)/main.c $(ZOO_DIR)/list.c): | build/gen/onnx/onnx.pb-c.h
$(call static-library,zoo,$(ZOO_SOURCES),$(ZOO_CFLAGS))
$(call program,loom-zoo,$(ZOO_DIR)/main.c $(ZOO_DIR)/list.c build/gen/onnx/onnx.pb-c.c,zoo loomc loom,-lprotobuf-c -ljansson -lelf,$(ZOO_CFLAGS))
$(call program,loom-networks,$(NETWORKS_SOURCES),zoo loomc hostops loom-sim loom firmware-sim,-u loom_backend_sim -lprotobuf-c -ljansson -ldrm -luring -lelf -lopenblas,$(ZOO_CFLAGS))
$(call host-script,$(ZOO_DIR)/test/published.sh)
$(call long-script,$(ZOO_DIR)/test/networks.sh)
$(call long-script,$(ZOO_DIR)/test/outputs.sh)
$(call host-test,loom-zoo-shapes,$(ZOO_DIR)/test/shapes_test.c,zoo loomc hostops loom firmware-sim,-lprotobuf-c -lelf -lopenblas,$(ZOO_CFLAGS))
