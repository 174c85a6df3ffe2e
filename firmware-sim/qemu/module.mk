# SPDX-License-Identifier: MIT
#
# QEMU with the device in it.
ifndef SAN

.PHONY: qemu
qemu: build/bin/loom-qemu ## build the emulator with the device in it

build/bin/loom-qemu: $(wildcard firmware-sim/qemu/*.[ch] firmware-sim/*.h uapi/*.h) tools/vm/qemu \
		     $$(filter build/lib/libfirmware-sim.a,$$(ALL_TARGETS)) | build/linux
	@tools/vm/qemu

endif

$(call host-test,loom-pci,firmware-sim/qemu/test/pci.c firmware-sim/qemu/test/machine.c)
