/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the PCI function know of each other.
 */
#ifndef LOOM_PCI_H
#define LOOM_PCI_H

#include "hw/pci/pci.h"
#include "qom/object.h"

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
	uint32_t hw_version, isa_version;
} LoomSizes;

struct LoomState {
	PCIDevice pdev;
	MemoryRegion regs;
	MemoryRegion doorbells;
	QEMUTimer *timer;
	uint64_t expires;	/* what it is set to, in the device's time */
	uint64_t entered;	/* when the host began to work for the device */
	uint64_t still;		/* for so long the device's time has stood still */
	struct loom_sim *sim;
	int pm;			/* where the power management capability is */

	char *preset;
	char *dataflow;		/* NULL: the preset's */
	uint32_t workers;	/* threads for the maths; 0: as many as CPUs */
	char *fault;		/* the last one asked for by the property */
	bool functional;
	bool inject;
	uint64_t watchdog_ns;
	LoomSizes sizes;
};

/* loom-pci.c */
uint64_t loom_enter(LoomState *s);
void loom_leave(LoomState *s);
void loom_reset_now(LoomState *s);

/* loom-config.c: the properties, and the device that they describe */
void loom_config_class_init(ObjectClass *class);
bool loom_config(LoomState *s, struct loom_sim_config *config, Error **errp);
/* The faults that were asked for before there was a device. */
bool loom_config_faults(LoomState *s, Error **errp);

/* loom-power.c: what config space does to the device */
bool loom_power_init(PCIDevice *pdev, Error **errp);
bool loom_answers(LoomState *s);
uint32_t loom_config_read(PCIDevice *pdev, uint32_t addr, int len);
void loom_config_write(PCIDevice *pdev, uint32_t addr, uint32_t val, int len);

#endif /* LOOM_PCI_H */
