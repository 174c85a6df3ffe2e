# SPDX-License-Identifier: MIT
#
# The tests. A lane is one way of running them:
#   host    the host tests
#   lint    the static checks
#   san     the host tests again, built with ASan and UBSan (make SAN=1)
#   fuzz    the fuzzers for a bounded count (tools/fuzz)
#   vm      the VM tests on one vCPU, where an instruction is a nanosecond
#   long    the tests that take minutes or hours in full
#   smp     the VM tests on two vCPUs that run at the same time, where races show
#   next    the VM tests on the newest kernel that Debian packages, and next-smp, both outside make check
#   unplug  the slot is powered off under load, beside a second device
#   debug   KUnit, the driver's tests, failing allocations and the fuzzer on a kernel with KASAN, UBSAN, lockdep,
#           kmemleak and DMA-API debugging, none of which may have anything to say in the end
#   features  what features.rst names as proof has passed in the lanes before
#   kcsan   the driver's tests on two vCPUs and a kernel with KCSAN; outside make check

.PHONY: check lane-features check-host check-vm check-next check-long lane-host lane-lint lane-long lane-san lane-san-tests lane-vm lane-smp lane-next \
	lane-next-smp lane-unplug lane-debug lane-kcsan lint

# Set-up may install what the rules of the tree look for, so what follows is a make of its own.
check: setup ## every test, on the host and in the VM; the last line counts them
	@tools/check/all host lint san fuzz vm smp unplug debug features

check-host: setup ## the host tests, plain and with sanitizers
	@tools/check/all host san

check-vm: setup ## the VM tests, with guest time counted in instructions and on two vCPUs
	@tools/check/all vm smp unplug

check-next: setup ## the VM tests on the newest kernel that Debian packages (needs root: a chroot with its compiler)
	@$(MAKE) --no-print-directory linux-next
	@tools/check/all next next-smp

check-long: setup ## what make check does in part: every network of the zoo on every preset, the fuzzer for hours; KCSAN
	@FUZZ_OPTIONS="$${FUZZ_OPTIONS:---programs 40000}" TEST_TIMEOUT=$${TEST_TIMEOUT:-14400} VM_TIMEOUT=$${VM_TIMEOUT:-14400} \
		tools/check/all long debug kcsan

lint: setup ## static checks: checkpatch, kernel-doc, sparse, W=1, coccinelle, shellcheck
	@tools/check/lint

# The trained models too: a test that has none can only be skipped.
lane-host: all qemu module models $$(HOST_TESTS)
	@B=$(B) tools/check/host build/check/host $(HOST_TESTS)

lane-lint: all module
	@TEST_TIMEOUT=$${TEST_TIMEOUT:-900} tools/check/host build/check/lint tools/check/lint

lane-long: all models $$(LONG_TESTS)
	@B=$(B) LONG=1 TEST_TIMEOUT=$${TEST_TIMEOUT:-14400} tools/check/host build/check/long $(LONG_TESTS)

lane-san:
	@$(MAKE) --no-print-directory SAN=1 lane-san-tests

lane-san-tests: all models $$(HOST_TESTS)
	@B=$(B) tools/check/host build/check/san $(HOST_TESTS)

lane-vm lane-smp: lane-%: all qemu module $$(VM_TESTS) $$(VM_DATA)
	@tools/check/vm build/check/$* $(if $(filter smp,$*),--smp 2) -- $(VM_TESTS)
	@$(if $(filter vm,$*),tools/check/onnx-vm build/check/vm && tools/check/fault-matrix build/check/vm)

second-device = $(addprefix --qemu-arg ,-device pcie-root-port$(comma)id=port1$(comma)chassis=2$(comma)slot=2 \
	-device loom$(comma)id=loom1$(comma)bus=port1)
comma := ,

lane-unplug: all qemu module $(B)/selftests/loom_unplug
	@tools/check/vm build/check/unplug --smp 2 $(second-device) -- $(B)/selftests/loom_unplug

lane-features:
	@tools/check/host build/check/features tools/check/features

lane-next lane-next-smp: lane-%: all qemu module-next $$(VM_TESTS) $$(VM_DATA)
	@tools/check/vm build/check/$* --kernel next $(if $(filter next-smp,$*),--smp 2) -- $(VM_TESTS)

# Those of the driver, not of what uses it, and none that takes the device away.
driver-tests = $(filter-out %_removal,$(filter $(B)/selftests/loom_% selftests/%.sh,$(VM_TESTS)))

lane-debug: all qemu module-debug $$(driver-tests) $$(DEBUG_TESTS) $(addprefix $(B)/selftests/,loom_fuzz loom_unplug)
	@tools/check/debug/run build/check/debug $(driver-tests) $(DEBUG_TESTS)

lane-kcsan: all qemu module-kcsan $$(driver-tests) $(B)/selftests/loom_unplug
	@TEST_TIMEOUT=$${TEST_TIMEOUT:-900} VM_TIMEOUT=$${VM_TIMEOUT:-3600} tools/check/vm build/check/kcsan --kernel kcsan \
		--smp 2 --memory 2048 --append log_buf_len=16M --append loglevel=1 --append pcie_ports=native \
		--append kcsan.skip_watch=200 --append kcsan.udelay_task=300 --allow-warnings \
		--qemu-arg -global --qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off -- \
		$(driver-tests) $(B)/selftests/loom_unplug tools/check/debug/reports.sh

# What the host tests execute of the device, the compiler and the library.
.PHONY: coverage coverage-tests
coverage: setup ## lines of firmware-sim, loomc and libloom that the host tests execute
	@$(MAKE) --no-print-directory COV=1 coverage-tests
	@tools/check/coverage firmware-sim tools/loomc userspace/libloom

coverage-tests: all models $$(filter $$(B)/test/%,$$(HOST_TESTS))
	@find $(B) -name '*.gcda' -delete
	@B=$(B) tools/check/host build/check/coverage $(filter $(B)/test/%,$(HOST_TESTS)) \
		$(filter tools/loomc/%,$(HOST_TESTS))

$(call host-script,tools/check/features-test.sh)
