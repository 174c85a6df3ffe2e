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
$(call objects-of,$(LOOMC_SOURCES) $(wildcard $(LOOMC_DIR)/test/*.c)): | $(LOOMC_GEN).h

$(call static-library,loomc,$(LOOMC_SOURCES) $(LOOMC_GEN).c,-Ibuild/gen -Itools/loomc)
$(call program,loomc,$(LOOMC_DIR)/main.c,$(LOOMC_LIBS),$(LOOMC_LDLIBS),-Itools/loomc)

# Tests run what was compiled on the device model in their own process.
LOOMC_TEST_LIBS := loomc hostops loom-sim loom firmware-sim
LOOMC_TEST_LDLIBS := -u loom_backend_sim -lprotobuf-c -ldrm -luring -lelf -lopenblas
LOOMC_TEST_CFLAGS := -Ibuild/gen -Itools/loomc

$(call program,onnx-node,$(addprefix $(LOOMC_DIR)/test/,onnx_node.c operators.c export.c compare.c run_device.c),$(LOOMC_TEST_LIBS),$(LOOMC_TEST_LDLIBS),$(LOOMC_TEST_CFLAGS))
$(call host-test,loomc-toys,$(LOOMC_DIR)/test/loomc_test.c $(LOOMC_DIR)/test/toy.c $(LOOMC_DIR)/test/run_device.c,$(LOOMC_TEST_LIBS),$(LOOMC_TEST_LDLIBS),$(LOOMC_TEST_CFLAGS))
$(call host-test,loomc-odd,$(LOOMC_DIR)/test/odd_test.c $(LOOMC_DIR)/test/toy.c,$(LOOMC_LIBS),$(LOOMC_LDLIBS) -lelf,$(LOOMC_TEST_CFLAGS))
$(call host-test,loomc-quant,$(LOOMC_DIR)/test/quant_test.c $(LOOMC_DIR)/test/toy.c $(LOOMC_DIR)/test/run_device.c,$(LOOMC_TEST_LIBS),$(LOOMC_TEST_LDLIBS),$(LOOMC_TEST_CFLAGS))
# Those tests that run on the device, on the real one in the VM.
ONNX_TESTS := /usr/share/libonnx-testdata/data/node
$(call vm-test,onnx-vm,$(addprefix $(LOOMC_DIR)/test/,onnx_vm.c compare.c run_device.c),loom hostops loom-timing,-ldrm -luring -lelf,$(LOOMC_TEST_CFLAGS))
$(call vm-data,onnx)
$(B)/selftests/data/onnx: $(B)/bin/onnx-node
	@echo "  EXPORT  $@"
	@rm -rf $@ && mkdir -p $@
	@$< --export $@ $(ONNX_TESTS) >/dev/null
$(call program,onnx-damage,$(LOOMC_DIR)/test/damage.c,$(LOOMC_LIBS),$(LOOMC_LDLIBS),$(LOOMC_TEST_CFLAGS))
$(call host-script,$(LOOMC_DIR)/test-onnx.sh)
$(call host-script,$(LOOMC_DIR)/test/command.sh)
$(call host-script,$(LOOMC_DIR)/test-models.sh)
$(call program,peak-memory,$(LOOMC_DIR)/test/peak_memory.c)
$(call host-script,$(LOOMC_DIR)/test-memory.sh)
$(call long-script,$(LOOMC_DIR)/test-int8.sh)
$(call fuzzer,onnx,$(LOOMC_DIR)/test/fuzz_onnx.c,$(LOOMC_LIBS),-lelf $(LOOMC_LDLIBS),-Itools/loomc)
