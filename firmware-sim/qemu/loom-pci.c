// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI function that carries a Loom device: BARs, MSI-X, DMA and a virtual-clock timer on one
 * side, loom_sim.h on the other. Everything that makes it an NPU is behind loom_sim.h.
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

#include "loom-pci.h"

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

static void loom_arm(LoomState *s)
{
	if (s->expires > INT64_MAX)
		timer_del(s->timer);
	else
		timer_mod_ns(s->timer, s->expires + s->still);
}

static void loom_set_timer(void *opaque, uint64_t ns)
{
	LoomState *s = opaque;

	/* Asked after every register access, mostly for the same; moving a timer is work. */
	if (ns == s->expires)
		return;
	s->expires = ns;
	loom_arm(s);
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

/*
 * Where guest time is the host's (no icount), the device's time stands still while the host works
 * for it. Otherwise a device that takes longer than its own time to emulate would have ever more to
 * catch up with, in one go, and QEMU's lock, which the vCPUs want too, would be held for seconds.
 *
 * Return: the device's time.
 */
uint64_t loom_enter(LoomState *s)
{
	s->entered = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
	return s->entered - s->still;
}

void loom_leave(LoomState *s)
{
	if (icount_enabled())
		return;
	s->still += qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - s->entered;
	loom_arm(s);
}

static void loom_timer(void *opaque)
{
	LoomState *s = opaque;

	s->expires = UINT64_MAX;
	loom_sim_timer(s->sim, loom_enter(s));
	loom_leave(s);
}

static uint64_t loom_regs_read(void *opaque, hwaddr addr, unsigned int size)
{
	LoomState *s = opaque;
	uint64_t value;

	if (!loom_answers(s))
		return UINT64_MAX;
	value = loom_sim_read(s->sim, loom_enter(s), addr, size);
	loom_leave(s);
	return value;
}

static void loom_regs_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	LoomState *s = opaque;

	if (!loom_answers(s))
		return;
	loom_sim_write(s->sim, loom_enter(s), addr, val, size);
	loom_leave(s);
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
	return loom_answers(opaque) ? 0 : UINT64_MAX;
}

static void loom_doorbell_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
	LoomState *s = opaque;

	if (addr % LOOM_DOORBELL_STRIDE || !loom_answers(s))
		return;
	loom_sim_doorbell(s->sim, loom_enter(s), addr / LOOM_DOORBELL_STRIDE, val);
	loom_leave(s);
}

static const MemoryRegionOps loom_doorbell_ops = {
	.read = loom_doorbell_read,
	.write = loom_doorbell_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 4 },
	.impl = { .min_access_size = 4, .max_access_size = 4 },
};

void loom_reset_now(LoomState *s)
{
	loom_sim_reset(s->sim, loom_enter(s));
	loom_leave(s);
}

static void loom_reset(DeviceState *dev)
{
	loom_reset_now(LOOM(dev));
}

/* ---- coming and going ---- */

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

static bool loom_init_sim(LoomState *s, const struct loom_sim_config *config, Error **errp)
{
	s->expires = UINT64_MAX;
	s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, loom_timer, s);
	s->sim = loom_sim_new(config, &loom_ops, s);
	if (!s->sim)
		error_setg(errp, "loom: out of memory");
	return s->sim && loom_config_faults(s, errp);
}

static void loom_free_sim(LoomState *s)
{
	loom_sim_free(s->sim);
	s->sim = NULL;
	timer_free(s->timer);
}

static void loom_realize(PCIDevice *pdev, Error **errp)
{
	LoomState *s = LOOM(pdev);
	struct loom_sim_config config;

	if (!loom_config(s, &config, errp) || !loom_power_init(pdev, errp))
		return;
	loom_init_bars(s, &config.caps);
	if (!loom_init_sim(s, &config, errp) ||
	    !loom_init_msix(pdev, config.caps.num_vectors, errp))
		loom_free_sim(s);
}

static void loom_exit(PCIDevice *pdev)
{
	LoomState *s = LOOM(pdev);

	msix_uninit_exclusive_bar(pdev);
	loom_free_sim(s);
}

static void loom_instance_init(Object *obj)
{
	LOOM(obj)->preset = g_strdup("memory-centric");
	LOOM(obj)->fault = g_strdup("none");
}

static void loom_instance_finalize(Object *obj)
{
	g_free(LOOM(obj)->fault);
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
	k->config_read = loom_config_read;
	k->config_write = loom_config_write;
	k->vendor_id = LOOM_PCI_VENDOR;
	k->device_id = LOOM_PCI_DEVICE;
	k->class_id = LOOM_PCI_CLASS;
	dc->desc = "Loom neural processing unit";
	dc->reset = loom_reset;
	dc->vmsd = &loom_vmstate;
	loom_config_class_init(class);
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo loom_info = {
	.name = TYPE_LOOM,
	.parent = TYPE_PCI_DEVICE,
	.instance_size = sizeof(LoomState),
	.instance_init = loom_instance_init,
	.instance_finalize = loom_instance_finalize,
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
