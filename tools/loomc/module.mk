# SPDX-License-Identifier: MIT
#
# loomc. ONNX's messages are generated from Debian's own onnx.proto.

LOOMC_DIR := tools/loomc
LOOMC_GEN := build/gen/onnx/onnx.pb-c
LOOMC_SOURCES := $(filter-out $(LOOMC_DIR)/main.c,$(sort $(wildcard $(LOOMC_DIR)/*.c)))
LOOMC_LIBS := loomc hostops loom firmware-sim
LOOMC_LDLIBS := -lprotobuf-c -lopenblas

$(LOOMC_GEN).c: /usr/include/onnx/onnx.proto
	@mkdir -p $(@D)
	@echo "  PROTOC  $@"
	@protoc-c --proto_path=$(<D) --c_out=$(@D) $(<F)

$(LOOMC_GEN).h: $(LOOMC_GEN).c ;
$(call objects-of,$(LOOMC_SOURCES)): | $(LOOMC_GEN).h

$(call static-library,loomc,$(LOOMC_SOURCES) $(LOOMC_GEN).c,-Ibuild/gen -Itools/loomc)
$(call program,loomc,$(LOOMC_DIR)/main.c,$(LOOMC_LIBS),$(LOOMC_LDLIBS),-Itools/loomc)
