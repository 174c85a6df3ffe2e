/* SPDX-License-Identifier: MIT */
/*
 * loom_sim.h - the device's only door.
 *
 * The simulator is a state machine without a clock or I/O of its own: registers and
 * doorbells go in, memory accesses, interrupts and one timer go out through struct loom_sim_ops.
 * The host (the QEMU glue, a unit test, the library's sim back end) owns time: it says what time it
 * is on every entry, and calls loom_sim_timer() when the time the simulator asked for has come.
 * Same calls at the same times, same results: the simulator is deterministic. Calls are made by one
 * thread at a time; threads of its own work only within a call (hw/workers.h).
 *
 * Time is in picoseconds inside the device; on this door it is nanoseconds.
 */
#ifndef LOOM_SIM_H
#define LOOM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_hw.h"
#include "loom_isa.h"

struct loom_sim;

struct loom_sim_ops {
	/* Bus access by the device. Returns 0, or -1 when nothing (or no memory) answers. */
	int (*dma_read)(void *opaque, uint64_t addr, void *buf, size_t len);
	int (*dma_write)(void *opaque, uint64_t addr, const void *buf, size_t len);
	/* Send the MSI-X message of a vector. */
	void (*irq)(void *opaque, unsigned int vector);
	/*
	 * Call loom_sim_timer() at this time (ns); replaces the time asked for before.
	 * UINT64_MAX: no timer.
	 */
	void (*set_timer)(void *opaque, uint64_t ns);
	/* Guest instructions executed so far; may be NULL (reads as 0). */
	uint64_t (*instructions)(void *opaque);
};

enum loom_sim_functional {
	LOOM_SIM_FUNCTIONAL_ON,		/* commands act on real data */
	LOOM_SIM_FUNCTIONAL_OFF,	/* timing only; outputs are zero */
};

struct loom_sim_config {
	struct loom_hw_caps caps;	/* from loom_sim_preset(), then overridden */
	enum loom_sim_functional functional;
	uint64_t watchdog_ns;		/* a command that executes longer is a TIMEOUT; 0: off */
	/* Threads for the maths, 0: as many as CPUs. No byte and no time depends on it. */
	uint32_t workers;
	bool inject_register;		/* the guest may inject faults: LOOM_CAP_INJECT */
};

/*
 * Fill config with a preset: "memory-centric" or "compute-centric" (Layerweaver, Table I), or
 * "tiny" (small sizes, for tests). Returns false for a name that is none.
 */
bool loom_sim_preset(struct loom_sim_config *config, const char *name);
/* NULL-terminated list of preset names. */
const char *const *loom_sim_presets(void);
/*
 * Set one of the preset's sizes by its name, as a QEMU property ("act-sram", "2G"), or functional,
 * int8, dataflow, watchdog-ns, or the versions that the device reports. Returns what is wrong with
 * it, or NULL.
 */
const char *loom_sim_set(struct loom_sim_config *config, const char *name, const char *value);
/* What is wrong with the sizes, or NULL. */
const char *loom_sim_check(const struct loom_sim_config *config);

struct loom_sim *loom_sim_new(const struct loom_sim_config *config,
			      const struct loom_sim_ops *ops, void *opaque);
void loom_sim_free(struct loom_sim *sim);

/* BAR0. 4- or 8-byte accesses, naturally aligned; others read as all ones and are dropped. */
uint64_t loom_sim_read(struct loom_sim *sim, uint64_t now, uint64_t offset, unsigned int size);
void loom_sim_write(struct loom_sim *sim, uint64_t now, uint64_t offset, uint64_t value,
		    unsigned int size);
/* BAR2: a 32-bit write to the page of `queue`. */
void loom_sim_doorbell(struct loom_sim *sim, uint64_t now, unsigned int queue, uint32_t tail);
/* The timer: everything due up to now happens. */
void loom_sim_timer(struct loom_sim *sim, uint64_t now);
/* The function was reset, or bus mastering was switched off: as LOOM_CTRL_RESET. */
void loom_sim_reset(struct loom_sim *sim, uint64_t now);

/*
 * Faults on demand, whether or not the guest may ask for them. Returns NULL, or what is wrong with
 * the argument. As text a fault is NAME or NAME:ARGUMENT, such as hang-compute:0 or
 * ecc-uncorrected:dram; loom_sim_faults() is the NULL-terminated list of names, by number.
 */
const char *loom_sim_inject(struct loom_sim *sim, uint64_t now, enum loom_inject kind,
			    uint32_t arg);
const char *loom_sim_inject_text(struct loom_sim *sim, uint64_t now, const char *text);
const char *const *loom_sim_faults(void);
/* After LOOM_INJECT_REMOVE: nothing is there to answer. */
bool loom_sim_removed(const struct loom_sim *sim);

#endif /* LOOM_SIM_H */
