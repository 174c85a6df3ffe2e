/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: what each one changes, and the questions that the rest of the device asks.
 *
 * Whoever asks for a fault - the register, a property of the emulator, a test - does so through
 * loom_sim_inject(). A fault of something that only runs after boot waits for LOOM_STATE_READY.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"

static const char *const kinds[LOOM_INJECT_COUNT] = {
	[LOOM_INJECT_NONE] = "none",
	[LOOM_INJECT_HANG_FETCH] = "hang-fetch",
	[LOOM_INJECT_HANG_DMA] = "hang-dma",
	[LOOM_INJECT_HANG_COMPUTE] = "hang-compute",
	[LOOM_INJECT_HANG_FIRMWARE] = "hang-firmware",
	[LOOM_INJECT_CRASH_FIRMWARE] = "crash-firmware",
	[LOOM_INJECT_SLOW_DRAM] = "slow-dram",
	[LOOM_INJECT_LOSE_IRQ] = "lose-irq",
	[LOOM_INJECT_SPURIOUS_IRQ] = "spurious-irq",
	[LOOM_INJECT_DMA_ABORT] = "dma-abort",
	[LOOM_INJECT_ECC_CORRECTED] = "ecc-corrected",
	[LOOM_INJECT_ECC_UNCORRECTED] = "ecc-uncorrected",
	[LOOM_INJECT_BAD_CQE] = "bad-cqe",
	[LOOM_INJECT_REMOVE] = "remove",
};

static const char *const memories[] = {
	[LOOM_MEMORY_WEIGHT_SRAM] = "weight-sram",
	[LOOM_MEMORY_ACT_SRAM] = "act-sram",
	[LOOM_MEMORY_DRAM] = "dram",
	[LOOM_MEMORY_FIRMWARE] = "firmware",
};

#define NUM_MEMORIES (sizeof(memories) / sizeof(memories[0]))

/* ---- what a fault does ---- */

static void hang_firmware(struct loom_sim *sim)
{
	sim->fw.heartbeat = firmware_heartbeat(sim);
	sim->fw.hung = true;
	event_set(sim, EVENT_FIRMWARE, NEVER);
}

static void ecc_corrected(struct loom_sim *sim)
{
	sim->core[0].counters.ecc_corrected++;
}

static void ecc_uncorrected(struct loom_sim *sim, uint32_t memory)
{
	if (memory != LOOM_MEMORY_FIRMWARE) {
		sim->inject.bad_bit[memory] = true;
		return;
	}
	sim->core[0].counters.ecc_uncorrected++;
	boot_crash(sim, LOOM_CRASH_MEMORY);
}

static void surprise_removal(struct loom_sim *sim)
{
	boot_reset(sim);
	sim->removed = true;
}

static void start_countdown(struct countdown *countdown, uint32_t arg)
{
	*countdown = (struct countdown){ .armed = true, .left = arg };
}

static void apply(struct loom_sim *sim, enum loom_inject kind, uint32_t arg)
{
	for (uint32_t i = 0; i < sim->config.caps.num_cores; i++)
		dram_watch(sim, &sim->core[i]);
	switch (kind) {
	case LOOM_INJECT_HANG_FETCH:
		sim->core[arg].hung[ENGINE_FETCH] = true;
		break;
	case LOOM_INJECT_HANG_DMA:
		sim->core[arg].hung[ENGINE_DMA] = true;
		break;
	case LOOM_INJECT_HANG_COMPUTE:
		sim->core[arg].hung[ENGINE_COMPUTE] = true;
		break;
	case LOOM_INJECT_HANG_FIRMWARE:
		hang_firmware(sim);
		break;
	case LOOM_INJECT_CRASH_FIRMWARE:
		boot_crash(sim, arg ? arg : LOOM_CRASH_ASSERT);
		break;
	case LOOM_INJECT_SLOW_DRAM:
		sim->inject.dram_percent = arg;
		break;
	case LOOM_INJECT_LOSE_IRQ:
		sim->inject.lose_irqs = arg;
		break;
	case LOOM_INJECT_SPURIOUS_IRQ:
		sim_irq(sim, arg);
		break;
	case LOOM_INJECT_DMA_ABORT:
		start_countdown(&sim->inject.dma_abort, arg);
		break;
	case LOOM_INJECT_ECC_CORRECTED:
		ecc_corrected(sim);
		break;
	case LOOM_INJECT_ECC_UNCORRECTED:
		ecc_uncorrected(sim, arg);
		break;
	case LOOM_INJECT_BAD_CQE:
		start_countdown(&sim->inject.bad_cqe, arg);
		break;
	case LOOM_INJECT_REMOVE:
		surprise_removal(sim);
		break;
	case LOOM_INJECT_NONE:
	case LOOM_INJECT_COUNT:
		break;
	}
}

/* ---- asking for one ---- */

static const char *check_arg(const struct loom_sim *sim, enum loom_inject kind, uint32_t arg)
{
	switch (kind) {
	case LOOM_INJECT_HANG_FETCH:
	case LOOM_INJECT_HANG_DMA:
	case LOOM_INJECT_HANG_COMPUTE:
		return arg < sim->config.caps.num_cores ? NULL : "there is no such core";
	case LOOM_INJECT_CRASH_FIRMWARE:
		return !arg || arg == LOOM_CRASH_ASSERT || arg == LOOM_CRASH_MEMORY ?
			       NULL : "a crash is 3 (assertion) or 4 (memory)";
	case LOOM_INJECT_SLOW_DRAM:
		return arg >= 1 && arg <= 100 ? NULL : "1 to 100 percent of the bandwidth are left";
	case LOOM_INJECT_SPURIOUS_IRQ:
		return arg < sim->config.caps.num_vectors ? NULL : "there is no such vector";
	case LOOM_INJECT_ECC_CORRECTED:
	case LOOM_INJECT_ECC_UNCORRECTED:
		return arg < NUM_MEMORIES ? NULL : "there is no such memory";
	default:
		return NULL;
	}
}

const char *inject(struct loom_sim *sim, enum loom_inject kind, uint32_t arg)
{
	const char *wrong;

	if (kind >= LOOM_INJECT_COUNT)
		return "there is no such fault";
	wrong = check_arg(sim, kind, arg);
	if (wrong)
		return wrong;
	log_line(sim, "injected %s:%u", kinds[kind], arg);
	if (sim->state == LOOM_STATE_READY || kind == LOOM_INJECT_REMOVE) {
		apply(sim, kind, arg);
	} else {
		sim->inject.waits[kind] = true;
		sim->inject.arg[kind] = arg;
	}
	return NULL;
}

/* The firmware runs: now there is something to go wrong. */
void inject_waiting(struct loom_sim *sim)
{
	for (int kind = 0; kind < LOOM_INJECT_COUNT; kind++) {
		if (!sim->inject.waits[kind] || sim->state != LOOM_STATE_READY)
			continue;
		sim->inject.waits[kind] = false;
		apply(sim, kind, sim->inject.arg[kind]);
	}
}

/* A reset ends what is in force; what waits goes on waiting. */
void inject_end(struct loom_sim *sim)
{
	struct inject *in = &sim->inject;

	in->lose_irqs = 0;
	in->dram_percent = 100;
	in->dma_abort.armed = false;
	in->bad_cqe.armed = false;
	memset(in->bad_bit, 0, sizeof(in->bad_bit));
}

const char *const *loom_sim_faults(void)
{
	static const char *names[LOOM_INJECT_COUNT + 1];

	memcpy(names, kinds, sizeof(kinds));
	return names;
}

static bool find(const char *name, size_t length, const char *const *names, uint32_t count,
		 uint32_t *index)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strlen(names[i]) == length && !memcmp(names[i], name, length)) {
			*index = i;
			return true;
		}
	}
	return false;
}

static bool parse_arg(const char *text, uint32_t *arg)
{
	unsigned long value;
	char *end;

	if (find(text, strlen(text), memories, NUM_MEMORIES, arg))
		return true;
	value = strtoul(text, &end, 0);
	*arg = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && value <= UINT32_MAX;
}

const char *loom_sim_inject_text(struct loom_sim *sim, uint64_t now, const char *text)
{
	size_t length = strcspn(text, ":");
	uint32_t kind = 0, arg = 0;

	if (!find(text, length, kinds, LOOM_INJECT_COUNT, &kind))
		return "there is no such fault";
	if (text[length] && !parse_arg(text + length + 1, &arg))
		return "the argument is no number and no memory";
	return loom_sim_inject(sim, now, kind, arg);
}

/* ---- what the rest of the device asks ---- */

/* Is this the one that the countdown was started for? */
static bool strikes(struct countdown *countdown)
{
	if (!countdown->armed)
		return false;
	countdown->armed = countdown->left != 0;
	return !countdown->left--;
}

bool inject_loses_irq(struct loom_sim *sim)
{
	if (!sim->inject.lose_irqs)
		return false;
	sim->inject.lose_irqs--;
	return true;
}

bool inject_spoils_cqe(struct loom_sim *sim)
{
	return strikes(&sim->inject.bad_cqe);
}

bool inject_spoils_memory(const struct loom_sim *sim)
{
	return sim->inject.bad_bit[LOOM_MEMORY_WEIGHT_SRAM] ||
	       sim->inject.bad_bit[LOOM_MEMORY_ACT_SRAM];
}

/* Somebody reads this memory for a job. */
enum loom_fault inject_read(struct loom_sim *sim, struct core *core, enum loom_memory memory)
{
	if (!sim->inject.bad_bit[memory])
		return LOOM_FAULT_NONE;
	sim->inject.bad_bit[memory] = false;
	core->counters.ecc_uncorrected++;
	log_line(sim, "uncorrectable error in %s", memories[memory]);
	return LOOM_FAULT_ECC;
}

/* Is the next burst, or one soon, to go wrong? */
bool inject_watches_bursts(const struct loom_sim *sim)
{
	return sim->inject.dma_abort.armed || sim->inject.bad_bit[LOOM_MEMORY_DRAM];
}

/* An engine's burst has crossed the bus. */
enum loom_fault inject_burst(struct loom_sim *sim, struct core *core, bool writes)
{
	if (strikes(&sim->inject.dma_abort))
		return LOOM_FAULT_BUS;
	return inject_read(sim, core, writes ? LOOM_MEMORY_ACT_SRAM : LOOM_MEMORY_DRAM);
}
