# SPDX-License-Identifier: MIT
#
# loom-zoo. ONNX's messages are those that tools/loomc generates.

ZOO_DIR := tools/loom-zoo
ZOO_SOURCES := $(sort $(wildcard $(ZOO_DIR)/*.c))

$(call objects-of,$(ZOO_SOURCES)): | build/gen/onnx/onnx.pb-c.h
$(call program,loom-zoo,$(ZOO_SOURCES) build/gen/onnx/onnx.pb-c.c,loom,-lprotobuf-c -ljansson -lelf,-Ibuild/gen)
$(call host-script,$(ZOO_DIR)/test/published.sh)
