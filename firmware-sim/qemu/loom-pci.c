// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI function that carries a Loom device.
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "hw/pci/pci.h"

#define TYPE_LOOM "loom"
OBJECT_DECLARE_SIMPLE_TYPE(LoomState, LOOM)

#define LOOM_PCI_VENDOR 0x1234
#define LOOM_PCI_DEVICE 0x4c4e
#define LOOM_PCI_CLASS  0x1200 /* processing accelerator */

#define LOOM_BAR0_SIZE  0x10000

struct LoomState {
	PCIDevice pdev;
	MemoryRegion bar0;
};

static uint64_t loom_bar0_read(void *opaque, hwaddr addr, unsigned int size)
{
	return 0;
}

static void loom_bar0_write(void *opaque, hwaddr addr, uint64_t val, unsigned int size)
{
}

static const MemoryRegionOps loom_bar0_ops = {
	.read = loom_bar0_read,
	.write = loom_bar0_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 8 },
	.impl = { .min_access_size = 4, .max_access_size = 8 },
};

static void loom_realize(PCIDevice *pdev, Error **errp)
{
	LoomState *s = LOOM(pdev);

	pci_config_set_interrupt_pin(pdev->config, 1);
	memory_region_init_io(&s->bar0, OBJECT(s), &loom_bar0_ops, s, "loom-registers", LOOM_BAR0_SIZE);
	pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar0);
}

static void loom_class_init(ObjectClass *class, void *data)
{
	PCIDeviceClass *k = PCI_DEVICE_CLASS(class);
	DeviceClass *dc = DEVICE_CLASS(class);

	k->realize = loom_realize;
	k->vendor_id = LOOM_PCI_VENDOR;
	k->device_id = LOOM_PCI_DEVICE;
	k->class_id = LOOM_PCI_CLASS;
	dc->desc = "Loom neural processing unit";
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo loom_info = {
	.name = TYPE_LOOM,
	.parent = TYPE_PCI_DEVICE,
	.instance_size = sizeof(LoomState),
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
