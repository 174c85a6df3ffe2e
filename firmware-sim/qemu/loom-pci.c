// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI function that carries a Loom device: BARs, MSI-X, DMA and a virtual-clock timer on one
 * side, loom_sim.h on the other. Everything that makes it an NPU is behind loom_sim.h.
 *
 *   -device loom,preset=memory-centric,functional=off,bus=...
 *
 * A size of 0 (the default) is the preset's.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/host-utils.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "sysemu/cpu-timers.h"

#include "loom_sim.h"

#define TYPE_LOOM "loom"
OBJECT_DECLARE_SIMPLE_TYPE(LoomState, LOOM)

/* Sizes that a property overrides. */
typedef struct LoomSizes {
	uint32_t array_rows, array_cols, num_arrays, clock_khz;
	uint32_t acc_rows, wload_rows, vector_lanes;
	uint32_t weight_sram, act_sram;
	uint32_t dram_mbps, dram_latency_ns, dram_burst;
	uint32_t fw_job_ns, fw_cmd_ns;
} LoomSizes;

struct LoomState {
	PCIDevice pdev;
	MemoryRegion regs;
	MemoryRegion doorbells;
	QEMUTimer *timer;
	uint64_t expires;	/* what it is set to */
	struct loom_sim *sim;

	char *preset;
	bool functional;
	uint64_t watchdog_ns;
	LoomSizes sizes;
};

/* ---- what the device asks of the host ---- */

static int loom_dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	return pci_dma_read(PCI_DEVICE(opaque), addr, buf, len) == MEMTX_OK ? 0 : -1;
}

static int loom_dma_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	return pci_dma_write(PCI_DEVICE(opaque), addr, buf, len) == MEMTX_OK ? 0 : -1;
}

static void loom_irq(void *opaque, unsigned int vector)
{
	msix_notify(PCI_DEVICE(opaque), vector);
}

static void loom_set_timer(void *opaque, uint64_t ns)
{
	LoomState *s = opaque;

	/* Asked after every register access, mostly for the same; moving a timer is work. */
	if (ns == s->expires)
		return;
	s->expires = ns;
	if (ns > INT64_MAX)
		timer_del(s->timer);
	else
		timer_mod_ns(s->timer, ns);
}

static uint64_t loom_instructions(void *opaque)
{
	return icount_enabled() ? icount_get_raw() : 0;
}

static const struct loom_sim_ops loom_ops = {
	.dma_read = loom_dma_read,
	.dma_write = loom_dma_write,
	.irq = loom_irq,
	.set_timer = loom_set_timer,
	.instructions = loom_instructions,
};

/* ---- what the host asks of the device ---- */

static uint64_t loom_now(void)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void loom_timer(void *opaque)
{
	LoomState *s = opaque;

	s->expires = UINT64_MAX;
	loom_sim_timer(s->sim, loom_now());
}

static uint64_t loom_regs_read(void *opaque, hwaddr addr, unsigned int size)
{
	LoomState *s = opaque;

	return loom_sim_read(s->sim, loom_now(), addr, size);
}

static void loom_regs_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	LoomState *s = opaque;

	loom_sim_write(s->sim, loom_now(), addr, val, size);
}

static const MemoryRegionOps loom_regs_ops = {
	.read = loom_regs_read,
	.write = loom_regs_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 8 },
	.impl = { .min_access_size = 4, .max_access_size = 8 },
};

static uint64_t loom_doorbell_read(void *opaque, hwaddr addr, unsigned int size)
{
	return 0;
}

static void loom_doorbell_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	LoomState *s = opaque;

	if (addr % LOOM_DOORBELL_STRIDE == 0)
		loom_sim_doorbell(s->sim, loom_now(), addr / LOOM_DOORBELL_STRIDE, val);
}

static const MemoryRegionOps loom_doorbell_ops = {
	.read = loom_doorbell_read,
	.write = loom_doorbell_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 4 },
	.impl = { .min_access_size = 4, .max_access_size = 4 },
};

/* A device that may not master the bus can do nothing, so it starts again. */
static void loom_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
	LoomState *s = LOOM(pdev);
	bool was_master = pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER;

	pci_default_write_config(pdev, addr, val, len);
	pcie_cap_flr_write_config(pdev, addr, val, len);
	if (was_master && !(pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER))
		loom_sim_reset(s->sim, loom_now());
}

static void loom_reset(DeviceState *dev)
{
	LoomState *s = LOOM(dev);

	loom_sim_reset(s->sim, loom_now());
}

/* ---- coming and going ---- */

static void override(uint32_t *size, uint32_t property)
{
	if (property)
		*size = property;
}

static void loom_override_sizes(struct loom_hw_caps *caps, const LoomSizes *p)
{
	override(&caps->array_rows, p->array_rows);
	override(&caps->array_cols, p->array_cols);
	override(&caps->num_arrays, p->num_arrays);
	override(&caps->clock_khz, p->clock_khz);
	override(&caps->acc_rows, p->acc_rows);
	override(&caps->wload_rows, p->wload_rows);
	override(&caps->vector_lanes, p->vector_lanes);
	override(&caps->weight_sram_bytes, p->weight_sram);
	override(&caps->act_sram_bytes, p->act_sram);
	override(&caps->dram_mbps, p->dram_mbps);
	override(&caps->dram_latency_ns, p->dram_latency_ns);
	override(&caps->dram_burst_bytes, p->dram_burst);
	override(&caps->fw_job_ns, p->fw_job_ns);
	override(&caps->fw_cmd_ns, p->fw_cmd_ns);
}

static bool loom_config(LoomState *s, struct loom_sim_config *config, Error **errp)
{
	const char *wrong;

	if (!loom_sim_preset(config, s->preset)) {
		g_autofree char *names = g_strjoinv(", ", (char **)loom_sim_presets());

		error_setg(errp, "preset=%s: there are %s", s->preset, names);
		return false;
	}
	loom_override_sizes(&config->caps, &s->sizes);
	if (!s->functional)
		config->functional = LOOM_SIM_FUNCTIONAL_OFF;
	if (s->watchdog_ns != UINT64_MAX)
		config->watchdog_ns = s->watchdog_ns;
	if (icount_enabled())
		config->caps.flags |= LOOM_CAP_ICOUNT;
	wrong = loom_sim_check(config);
	if (wrong)
		error_setg(errp, "loom: %s", wrong);
	return !wrong;
}

static void loom_init_bars(LoomState *s, const struct loom_hw_caps *caps)
{
	PCIDevice *pdev = &s->pdev;
	uint64_t doorbells = pow2ceil((uint64_t)caps->max_queues * LOOM_DOORBELL_STRIDE);

	memory_region_init_io(&s->regs, OBJECT(s), &loom_regs_ops, s, "loom-registers",
			      LOOM_REGS_SIZE);
	pci_register_bar(pdev, LOOM_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->regs);
	memory_region_init_io(&s->doorbells, OBJECT(s), &loom_doorbell_ops, s, "loom-doorbells",
			      doorbells);
	pci_register_bar(pdev, LOOM_BAR_DOORBELLS, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->doorbells);
}

static bool loom_init_msix(PCIDevice *pdev, unsigned int vectors, Error **errp)
{
	if (msix_init_exclusive_bar(pdev, vectors, LOOM_BAR_MSIX, errp) < 0)
		return false;
	for (unsigned int i = 0; i < vectors; i++)
		msix_vector_use(pdev, i);
	return true;
}

static void loom_realize(PCIDevice *pdev, Error **errp)
{
	LoomState *s = LOOM(pdev);
	struct loom_sim_config config;

	if (!loom_config(s, &config, errp))
		return;
	if (pci_bus_is_express(pci_get_bus(pdev))) {
		if (pcie_endpoint_cap_init(pdev, 0) < 0) {
			error_setg(errp, "loom: no room for the PCI Express capability");
			return;
		}
		pcie_cap_flr_init(pdev);
	}
	loom_init_bars(s, &config.caps);
	if (!loom_init_msix(pdev, config.caps.num_vectors, errp))
		return;
	s->expires = UINT64_MAX;
	s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, loom_timer, s);
	s->sim = loom_sim_new(&config, &loom_ops, s);
	if (!s->sim)
		error_setg(errp, "loom: out of memory");
}

static void loom_exit(PCIDevice *pdev)
{
	LoomState *s = LOOM(pdev);

	loom_sim_free(s->sim);
	timer_free(s->timer);
	msix_uninit_exclusive_bar(pdev);
}

static Property loom_properties[] = {
	DEFINE_PROP_STRING("preset", LoomState, preset),
	DEFINE_PROP_BOOL("functional", LoomState, functional, true),
	DEFINE_PROP_UINT64("watchdog-ns", LoomState, watchdog_ns, UINT64_MAX),
	DEFINE_PROP_UINT32("array-rows", LoomState, sizes.array_rows, 0),
	DEFINE_PROP_UINT32("array-cols", LoomState, sizes.array_cols, 0),
	DEFINE_PROP_UINT32("num-arrays", LoomState, sizes.num_arrays, 0),
	DEFINE_PROP_UINT32("clock-khz", LoomState, sizes.clock_khz, 0),
	DEFINE_PROP_UINT32("acc-rows", LoomState, sizes.acc_rows, 0),
	DEFINE_PROP_UINT32("wload-rows", LoomState, sizes.wload_rows, 0),
	DEFINE_PROP_UINT32("vector-lanes", LoomState, sizes.vector_lanes, 0),
	DEFINE_PROP_SIZE32("weight-sram", LoomState, sizes.weight_sram, 0),
	DEFINE_PROP_SIZE32("act-sram", LoomState, sizes.act_sram, 0),
	DEFINE_PROP_UINT32("dram-mbps", LoomState, sizes.dram_mbps, 0),
	DEFINE_PROP_UINT32("dram-latency-ns", LoomState, sizes.dram_latency_ns, 0),
	DEFINE_PROP_SIZE32("dram-burst", LoomState, sizes.dram_burst, 0),
	DEFINE_PROP_UINT32("fw-job-ns", LoomState, sizes.fw_job_ns, 0),
	DEFINE_PROP_UINT32("fw-cmd-ns", LoomState, sizes.fw_cmd_ns, 0),
	DEFINE_PROP_END_OF_LIST(),
};

static void loom_instance_init(Object *obj)
{
	LOOM(obj)->preset = g_strdup("memory-centric");
}

/* Jobs in flight are no state that a stream could carry. */
static const VMStateDescription loom_vmstate = {
	.name = TYPE_LOOM,
	.unmigratable = 1,
};

static void loom_class_init(ObjectClass *class, void *data)
{
	PCIDeviceClass *k = PCI_DEVICE_CLASS(class);
	DeviceClass *dc = DEVICE_CLASS(class);

	k->realize = loom_realize;
	k->exit = loom_exit;
	k->config_write = loom_config_write;
	k->vendor_id = LOOM_PCI_VENDOR;
	k->device_id = LOOM_PCI_DEVICE;
	k->class_id = LOOM_PCI_CLASS;
	dc->desc = "Loom neural processing unit";
	dc->reset = loom_reset;
	dc->vmsd = &loom_vmstate;
	device_class_set_props(dc, loom_properties);
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo loom_info = {
	.name = TYPE_LOOM,
	.parent = TYPE_PCI_DEVICE,
	.instance_size = sizeof(LoomState),
	.instance_init = loom_instance_init,
	.class_init = loom_class_init,
	.interfaces = (InterfaceInfo[]) {
		{ INTERFACE_PCIE_DEVICE },
		{ },
	},
};

static void loom_register_types(void)
{
	type_register_static(&loom_info);
}

type_init(loom_register_types)
