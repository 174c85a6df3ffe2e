/* SPDX-License-Identifier: MIT */
/*
 * The PCI function: capabilities, reset, power states, bus mastering, unplugging, and faults asked
 * for over QMP. What is behind the registers is tested in firmware-sim/test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/pci_regs.h>

#include "loom_hw.h"
#include "machine.h"

/* guest memory */
#define ADMIN_SQ	0x10000u
#define ADMIN_CQ	0x11000u
#define MESSAGE		0x12000u	/* where vector 0 writes */
#define PAGES		0x13000u
#define SAVED		0x100000u
#define ENTRIES		16
#define LEASE_PAGES	64
#define LEASE		(LEASE_PAGES * LOOM_LEASE_ALIGN)
#define BOOT_NS		20000

static uint32_t admin_tail;

/* ---- the driver's part ---- */

static uint32_t reg(uint64_t offset)
{
	return mem_read(REGS + offset);
}

static void reg_write(uint64_t offset, uint32_t value)
{
	mem_write(REGS + offset, value);
}

static void enable_vector(void)
{
	unsigned int msix = config_capability(LOOM, PCI_CAP_ID_MSIX);

	mem_write(MSIX + PCI_MSIX_ENTRY_LOWER_ADDR, MESSAGE);
	mem_write(MSIX + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
	mem_write(MSIX + PCI_MSIX_ENTRY_DATA, 0x1234);
	mem_write(MSIX + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
	config_write16(LOOM, msix + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
	mem_write(MESSAGE, 0);
}

static bool interrupted(void)
{
	bool was = mem_read(MESSAGE) == 0x1234;

	mem_write(MESSAGE, 0);
	return was;
}

/* What firmware of the host does, and pci_restore_state() of a driver. */
static void setup_config(void)
{
	config_write(LOOM, PCI_BASE_ADDRESS_0, REGS);
	config_write(LOOM, PCI_BASE_ADDRESS_2, DOORBELLS);
	config_write(LOOM, PCI_BASE_ADDRESS_4, MSIX);
	config_write16(LOOM, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	enable_vector();
}

static uint32_t boot(void)
{
	admin_tail = 0;
	reg_write(LOOM_REG_ADMIN_SQ_LO, ADMIN_SQ);
	reg_write(LOOM_REG_ADMIN_CQ_LO, ADMIN_CQ);
	reg_write(LOOM_REG_ADMIN_ENTRIES, ENTRIES);
	reg_write(LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	machine_wait(BOOT_NS);
	return reg(LOOM_REG_STATE);
}

static void post(const struct loom_admin_cmd *cmd)
{
	const uint32_t *words = (const void *)cmd;
	uint64_t at = ADMIN_SQ + admin_tail % ENTRIES * sizeof(*cmd);

	for (size_t i = 0; i < sizeof(*cmd) / 4; i++)
		mem_write(at + 4 * i, words[i]);
	reg_write(LOOM_REG_ADMIN_TAIL, ++admin_tail);
}

/* Something that keeps the device's DMA going: 64 pages at a byte a nanosecond. */
static void begin_long_copy(void)
{
	post(&(struct loom_admin_cmd){
		.opcode = LOOM_ADMIN_CTX_CREATE,
		.ctx = { .ctx = 1, .pt_root = 0x200000, .lease_size = LEASE },
	});
	for (uint32_t i = 0; i < LEASE_PAGES; i++) {
		mem_write(PAGES + 8 * i, SAVED + i * LOOM_LEASE_ALIGN);
		mem_write(PAGES + 8 * i + 4, 0);
	}
	mem_fill(SAVED, LEASE, 0xee);
	post(&(struct loom_admin_cmd){
		.opcode = LOOM_ADMIN_CTX_SAVE,
		.lease = { .ctx = 1, .num_pages = LEASE_PAGES, .pages = PAGES },
	});
	machine_wait(LEASE / 2);
	interrupted();
}

static void check_no_more_dma(void)
{
	machine_wait(2 * LEASE);
	for (uint32_t at = 0; at < LEASE; at += 4096)
		assert_int_equal(mem_read(SAVED + at), 0xeeeeeeee);
	assert_false(interrupted());
}

static void check_works(void)
{
	assert_int_equal(boot(), LOOM_STATE_READY);
	assert_true(interrupted());
	begin_long_copy();
	machine_wait(LEASE);
	assert_int_equal(reg(LOOM_REG_ADMIN_CQ_TAIL), 2);
	assert_int_equal(mem_read(SAVED), 0);
	assert_true(interrupted());
}

static int start(void **state)
{
	machine_start(",inject=on");
	setup_config();
	return 0;
}

static int stop(void **state)
{
	machine_stop();
	return 0;
}

/* ---- what there is ---- */

static void test_identity(void **state)
{
	unsigned int express = config_capability(LOOM, PCI_CAP_ID_EXP);
	unsigned int pm = config_capability(LOOM, PCI_CAP_ID_PM);
	unsigned int msix = config_capability(LOOM, PCI_CAP_ID_MSIX);

	assert_int_equal(config_read(LOOM, PCI_VENDOR_ID),
			 LOOM_PCI_DEVICE << 16 | LOOM_PCI_VENDOR);
	assert_int_equal(config_read(LOOM, PCI_CLASS_REVISION) >> 16, LOOM_PCI_CLASS);
	assert_true(express && pm && msix);
	assert_true(config_read(LOOM, express + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
	assert_int_equal(config_read16(LOOM, pm + PCI_PM_CTRL) & PCI_PM_CTRL_NO_SOFT_RESET, 0);
	assert_int_equal(config_read16(LOOM, msix + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE, 7);
	assert_int_equal(reg(LOOM_REG_ID), LOOM_ID);
}

static void test_works(void **state)
{
	check_works();
}

/* ---- stopping it in mid-air ---- */

static void test_flr(void **state)
{
	unsigned int express = config_capability(LOOM, PCI_CAP_ID_EXP);

	boot();
	begin_long_copy();
	config_write16(LOOM, express + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(config_read(LOOM, PCI_BASE_ADDRESS_0) & PCI_BASE_ADDRESS_MEM_MASK, 0);
	check_no_more_dma();
	setup_config();
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_RESET);
	check_works();
}

static void set_power(unsigned int power)
{
	config_write16(LOOM, config_capability(LOOM, PCI_CAP_ID_PM) + PCI_PM_CTRL, power);
}

static unsigned int get_power(void)
{
	return config_read16(LOOM, config_capability(LOOM, PCI_CAP_ID_PM) + PCI_PM_CTRL) &
	       PCI_PM_CTRL_STATE_MASK;
}

static void test_d3hot(void **state)
{
	boot();
	begin_long_copy();
	set_power(3);
	assert_int_equal(get_power(), 3);
	check_no_more_dma();
	assert_int_equal(reg(LOOM_REG_ID), UINT32_MAX);
	assert_int_equal(mem_read(DOORBELLS), UINT32_MAX);
	reg_write(LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	set_power(0);
	assert_int_equal(get_power(), 0);
	assert_int_equal(config_read16(LOOM, PCI_COMMAND), 0);
	setup_config();
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_RESET);
	check_works();
}

static void test_no_d1_d2(void **state)
{
	for (unsigned int power = 1; power < 3; power++) {
		set_power(power);
		assert_int_equal(get_power(), 0);
		assert_int_equal(reg(LOOM_REG_ID), LOOM_ID);
	}
}

static void test_bus_master(void **state)
{
	boot();
	begin_long_copy();
	config_write16(LOOM, PCI_COMMAND, PCI_COMMAND_MEMORY);
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_RESET);
	check_no_more_dma();
	assert_int_equal(boot(), LOOM_STATE_CRASHED);
	assert_int_equal(reg(LOOM_REG_ERROR), LOOM_BOOT_BUS);
	assert_false(interrupted());
	config_write16(LOOM, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	reg_write(LOOM_REG_CTRL, LOOM_CTRL_RESET);
	check_works();
}

/* device_del presses the slot's button; a guest answers by switching the slot's power off. */
static void unplug(void)
{
	unsigned int express = config_capability(PORT, PCI_CAP_ID_EXP);

	assert_non_null(strstr(monitor("device_del", "\"id\": \"loom0\""), "return"));
	config_write16(PORT, express + PCI_EXP_SLTCTL,
		       PCI_EXP_SLTCTL_PWR_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF);
	monitor_event("DEVICE_DELETED");
}

static void plug_in(void)
{
	unsigned int express = config_capability(PORT, PCI_CAP_ID_EXP);
	static const char device[] =
		"\"driver\": \"loom\", \"id\": \"loom0\", \"bus\": \"port0\", \"preset\": \"tiny\"";

	assert_non_null(strstr(monitor("device_add", device), "return"));
	config_write16(PORT, express + PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_PWR_IND_ON);
}

static void test_unplug(void **state)
{
	boot();
	begin_long_copy();
	unplug();
	assert_int_equal(config_read(LOOM, PCI_VENDOR_ID), UINT32_MAX);
	check_no_more_dma();
	plug_in();
	setup_config();
	check_works();
}

static void test_no_migration(void **state)
{
	const char *answer = monitor("migrate", "\"uri\": \"exec:cat >/dev/null\"");

	assert_non_null(strstr(answer, "error"));
	assert_non_null(strstr(answer, "loom"));
}

/* ---- faults on demand ---- */

static void test_fault(void **state)
{
	boot();
	interrupted();
	assert_non_null(strstr(monitor_fault("crash-firmware:4"), "return"));
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_CRASHED);
	assert_int_equal(reg(LOOM_REG_ERROR), LOOM_CRASH_MEMORY);
	assert_true(interrupted());
	reg_write(LOOM_REG_CTRL, LOOM_CTRL_RESET);
	check_works();
}

static void test_bad_fault(void **state)
{
	const char *answer = monitor_fault("flood");

	assert_non_null(strstr(answer, "there is no such fault; there are none, hang-fetch"));
	answer = monitor_fault("lose-irq:1+slow-dram:0");
	assert_non_null(strstr(answer, "1 to 100 percent"));
	check_works();
}

static void test_fault_at_start(void **state)
{
	stop(state);
	machine_start(",fault=lose-irq:1");
	setup_config();
	assert_int_equal(boot(), LOOM_STATE_READY);
	assert_true(interrupted());
	post(&(struct loom_admin_cmd){ .opcode = 99 });
	machine_wait(1000);
	assert_int_equal(reg(LOOM_REG_ADMIN_CQ_TAIL), 1);
	assert_false(interrupted());
}

static void test_inject_register(void **state)
{
	boot();
	reg_write(LOOM_REG_INJECT, LOOM_INJECT_CRASH_FIRMWARE);
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_CRASHED);
	stop(state);
	machine_start("");
	setup_config();
	boot();
	reg_write(LOOM_REG_INJECT, LOOM_INJECT_CRASH_FIRMWARE);
	assert_int_equal(reg(LOOM_REG_STATE), LOOM_STATE_READY);
}

static void test_surprise_removal(void **state)
{
	boot();
	begin_long_copy();
	assert_non_null(strstr(monitor_fault("remove"), "return"));
	assert_int_equal(reg(LOOM_REG_ID), UINT32_MAX);
	assert_int_equal(mem_read(DOORBELLS), UINT32_MAX);
	assert_int_equal(config_read(LOOM, PCI_VENDOR_ID), UINT32_MAX);
	assert_int_equal(config_read16(LOOM, PCI_COMMAND), UINT16_MAX);
	config_write16(LOOM, PCI_COMMAND, 0);
	reg_write(LOOM_REG_CTRL, LOOM_CTRL_RESET);
	check_no_more_dma();
	assert_int_equal(reg(LOOM_REG_ID), UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_ ## name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(works),
		TEST(flr),
		TEST(d3hot),
		TEST(no_d1_d2),
		TEST(bus_master),
		TEST(unplug),
		TEST(no_migration),
		TEST(fault),
		TEST(bad_fault),
		TEST(fault_at_start),
		TEST(inject_register),
		TEST(surprise_removal),
	};

	if (access("build/bin/loom-qemu", X_OK)) {
		printf("1..0 # SKIP no build/bin/loom-qemu (make qemu)\n");
		return 4;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
