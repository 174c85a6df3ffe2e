# SPDX-License-Identifier: MIT
#
# The device. `loom-timing` is the equations alone, for loomc; `firmware-sim` is all of it and
# needs $(DEVICE_LIBS).

DEVICE_LIBS := -lopenblas

TIMING_SOURCES := $(wildcard firmware-sim/timing/*.c)
FIRMWARE_SIM_SOURCES := $(wildcard firmware-sim/*.c firmware-sim/fw/*.c firmware-sim/hw/*.c)

$(call static-library,loom-timing,$(TIMING_SOURCES))
$(call static-library,firmware-sim,$(FIRMWARE_SIM_SOURCES) $(TIMING_SOURCES))
