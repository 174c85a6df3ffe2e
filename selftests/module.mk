# SPDX-License-Identifier: MIT
#
# Tests of the driver's interface: kselftest-harness programs that run in the VM.

# The harness defines a fixture's functions without declaring them.
selftest = $(call vm-test,$(1),selftests/$(1).c selftests/loom_test.c selftests/loom_control.c,,$(2),-Wno-missing-prototypes)

$(call selftest,loom_uapi)
$(call selftest,loom_bo)
$(call selftest,loom_vm)
$(call selftest,loom_prime)
$(call selftest,loom_submit)
$(call selftest,loom_shared,-luring -lpthread)
$(call selftest,loom_observe)
$(call selftest,loom_uring,-luring)
$(call selftest,loom_recovery,-luring)
$(call selftest,loom_inject)
$(call selftest,loom_user_queue,-lpthread)
$(call selftest,loom_tenants)
$(call selftest,loom_power,-luring -lpthread)
$(call selftest,loom_removal)
$(call selftest,loom_stress,-luring)
$(call guest-test,loom_unplug,selftests/loom_unplug.c selftests/loom_test.c selftests/loom_control.c,,-luring -lpthread, \
	-Wno-missing-prototypes)
$(call host-script,selftests/failnth-rows.sh)
$(call vm-script,selftests/loom_unload.sh)
$(call debug-test,loom_failnth,selftests/loom_failnth.c selftests/loom_test.c,,-luring)
$(call guest-test,loom_fuzz,$(addprefix selftests/fuzz/,main.c program.c execute.c calls.c calls_uring.c cover.c) \
	selftests/loom_test.c,,-luring -lpthread)
