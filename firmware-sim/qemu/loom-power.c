// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What config space does to the device: function level reset, power states, bus mastering.
 *
 * D3hot stops the device, which answers nothing then, and D0 starts it again from reset with a
 * config space as after power on (No_Soft_Reset is 0). A device that may not master the bus can do
 * nothing either, so it starts again too. A removed device is not there: everything reads as ones.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie.h"

#include "loom-pci.h"

bool loom_power_init(PCIDevice *pdev, Error **errp)
{
	int pm = pci_add_capability(pdev, PCI_CAP_ID_PM, 0, PCI_PM_SIZEOF, errp);

	if (pm < 0)
		return false;
	LOOM(pdev)->pm = pm;
	pci_set_word(pdev->config + pm + PCI_PM_PMC, 3);	/* version 1.2, no D1, D2 or PME */
	pci_set_word(pdev->wmask + pm + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
	if (!pci_bus_is_express(pci_get_bus(pdev)))
		return true;
	if (pcie_endpoint_cap_init(pdev, 0) < 0) {
		error_setg(errp, "loom: no room for the PCI Express capability");
		return false;
	}
	pcie_cap_flr_init(pdev);
	return true;
}

static unsigned int power_state(PCIDevice *pdev)
{
	return pci_get_word(pdev->config + LOOM(pdev)->pm + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
}

static bool is_master(const PCIDevice *pdev)
{
	return pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

bool loom_answers(LoomState *s)
{
	return !power_state(&s->pdev) && !loom_sim_removed(s->sim);
}

/* A state that the device does not have is not entered. */
static void change_power_state(PCIDevice *pdev, unsigned int was)
{
	unsigned int is = power_state(pdev);

	if (is == was)
		return;
	if (is == 3)
		loom_reset_now(LOOM(pdev));
	else if (is == 0)
		pci_device_reset(pdev);
	else
		pci_set_word(pdev->config + LOOM(pdev)->pm + PCI_PM_CTRL, was);
}

uint32_t loom_config_read(PCIDevice *pdev, uint32_t addr, int len)
{
	if (loom_sim_removed(LOOM(pdev)->sim))
		return MAKE_64BIT_MASK(0, len * 8);
	return pci_default_read_config(pdev, addr, len);
}

void loom_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
	LoomState *s = LOOM(pdev);
	unsigned int power = power_state(pdev);
	bool was_master = is_master(pdev);

	if (loom_sim_removed(s->sim))
		return;
	pci_default_write_config(pdev, addr, val, len);
	pcie_cap_flr_write_config(pdev, addr, val, len);
	change_power_state(pdev, power);
	if (was_master && !is_master(pdev))
		loom_reset_now(s);
}
