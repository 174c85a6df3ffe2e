/* SPDX-License-Identifier: MIT */
/*
 * machine.h - the emulator without a guest: its qtest protocol is the processor, its monitor (QMP)
 * is whoever runs the machine. The loom device sits behind a root port, as in tools/vm/run.
 */
#ifndef LOOM_QEMU_MACHINE_H
#define LOOM_QEMU_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define PORT		0	/* bus numbers */
#define LOOM		1
#define REGS		0xe0000000u	/* where the BARs are put */
#define DOORBELLS	0xe0100000u
#define MSIX		0xe0200000u

/* Start it with these properties of the device ("" or ",NAME=VALUE..."). */
void machine_start(const char *properties);
void machine_stop(void);

/* Config space of the device on a bus. */
uint32_t config_read(unsigned int bus, unsigned int reg);
uint16_t config_read16(unsigned int bus, unsigned int reg);
void config_write(unsigned int bus, unsigned int reg, uint32_t value);
void config_write16(unsigned int bus, unsigned int reg, uint16_t value);
/* Where a capability is, or 0. */
unsigned int config_capability(unsigned int bus, uint8_t id);

uint32_t mem_read(uint64_t addr);
void mem_write(uint64_t addr, uint32_t value);
void mem_fill(uint64_t addr, uint64_t bytes, uint8_t value);
/* Let so much of the virtual clock pass. */
void machine_wait(uint64_t ns);

/* Send a command, its arguments as JSON without the braces; its answer, events left out. */
const char *monitor(const char *name, const char *arguments);
/* Wait for an event of this name, caused by the last command. */
void monitor_event(const char *name);
/* {"execute": "qom-set"} of the property `fault` of the device; the answer. */
const char *monitor_fault(const char *fault);

#endif /* LOOM_QEMU_MACHINE_H */
