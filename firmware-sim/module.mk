# SPDX-License-Identifier: MIT
#
# The device. `loom-timing` is the equations alone, for loomc; `firmware-sim` is all of it.

TIMING_SOURCES := $(wildcard firmware-sim/timing/*.c)
FIRMWARE_SIM_SOURCES := $(wildcard firmware-sim/*.c firmware-sim/fw/*.c firmware-sim/hw/*.c)

$(call static-library,loom-timing,$(TIMING_SOURCES))
$(call static-library,firmware-sim,$(FIRMWARE_SIM_SOURCES) $(TIMING_SOURCES))

# Each test links the whole device, and the machine around it.
firmware-sim-test = $(call host-test,firmware-sim-$(1),firmware-sim/test/$(1).c \
			   firmware-sim/test/host.c firmware-sim/test/rig.c \
			   firmware-sim/test/sample.c firmware-sim/test/woven.c,\
			   firmware-sim)
$(call firmware-sim-test,queue)
$(call firmware-sim-test,maths)
$(call firmware-sim-test,quant)
$(call firmware-sim-test,gemm)
$(call firmware-sim-test,cuts)
$(call firmware-sim-test,faults)
$(call firmware-sim-test,inject)
$(call firmware-sim-test,bands)
$(call firmware-sim-test,lease)
$(call firmware-sim-test,user_queue)
$(call firmware-sim-test,timing)
$(call firmware-sim-test,example)
$(call firmware-sim-test,counters)
$(call firmware-sim-test,dataflow)
$(call firmware-sim-test,onnxim)
$(call firmware-sim-test,energy)
$(call firmware-sim-test,transfer)
$(call firmware-sim-test,workers)
$(call firmware-sim-test,weave)
$(call firmware-sim-test,figures)
$(call firmware-sim-test,fuzz)
$(call firmware-sim-test,fuzz_rings)
firmware-sim-fuzzer = $(call fuzzer,$(1),firmware-sim/test/$(2).c firmware-sim/test/host.c \
			     firmware-sim/test/rig.c firmware-sim/test/sample.c,\
			     firmware-sim)
$(call firmware-sim-fuzzer,commands,fuzz)
$(call firmware-sim-fuzzer,rings,fuzz_rings)
$(call host-script,firmware-sim/qemu/properties.sh)

# Nothing in here is for others but loom_sim.h and loom_timing.h, which a shared library need not
# export either.
$(call compile-flags,$(FIRMWARE_SIM_SOURCES) $(TIMING_SOURCES),-fvisibility=hidden)
# Rows of floats: worth vectorising. (No option here may change a sum's order.)
$(call compile-flags,$(wildcard firmware-sim/hw/*.c),-O3)
# A product's sums are chains of fused multiply-adds.
$(call compile-flags,firmware-sim/hw/gemm_avx2.c firmware-sim/hw/gemm_avx512.c,-ffp-contract=fast)
