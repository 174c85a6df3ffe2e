/* SPDX-License-Identifier: MIT */
/*
 * BAR0.
 */
#include <string.h>

#include "device.h"

static void counters_snapshot(const struct loom_sim *sim, const struct core *core,
			      struct loom_hw_counters *out)
{
	*out = core->counters;
	core_gauges_read(core, sim->now, out);
	core_energy_read(sim, core, out);
}

static uint64_t read_core(const struct loom_sim *sim, uint32_t core, uint64_t offset)
{
	struct loom_hw_counters counters;
	uint64_t value = 0;

	if (core >= sim->config.caps.num_cores || offset >= sizeof(counters))
		return 0;
	counters_snapshot(sim, &sim->core[core], &counters);
	memcpy(&value, (char *)&counters + offset, sizeof(value));
	return value;
}

static uint32_t read_caps(const struct loom_sim *sim, uint64_t offset)
{
	uint32_t value = 0;

	if (offset < sizeof(sim->config.caps))
		memcpy(&value, (const char *)&sim->config.caps + offset, sizeof(value));
	return value;
}

static uint32_t read_global32(const struct loom_sim *sim, uint64_t offset)
{
	const struct firmware *fw = &sim->fw;

	switch (offset) {
	case LOOM_REG_ID:		return LOOM_ID;
	case LOOM_REG_HW_VERSION:	return sim->config.caps.hw_version;
	case LOOM_REG_ISA_VERSION:	return sim->config.caps.isa_version;
	case LOOM_REG_STATE:		return sim->state;
	case LOOM_REG_ERROR:		return sim->error;
	case LOOM_REG_ADMIN_SQ_LO:	return (uint32_t)fw->admin_sq;
	case LOOM_REG_ADMIN_SQ_HI:	return (uint32_t)(fw->admin_sq >> 32);
	case LOOM_REG_ADMIN_CQ_LO:	return (uint32_t)fw->admin_cq;
	case LOOM_REG_ADMIN_CQ_HI:	return (uint32_t)(fw->admin_cq >> 32);
	case LOOM_REG_ADMIN_ENTRIES:	return fw->admin_entries;
	case LOOM_REG_ADMIN_TAIL:	return fw->admin_tail;
	case LOOM_REG_ADMIN_CQ_TAIL:	return fw->admin_cq_tail;
	case LOOM_REG_HEARTBEAT:	return firmware_heartbeat(sim);
	case LOOM_REG_LOG_HEAD:		return sim->log.head;
	default:			return 0;
	}
}

static uint64_t read_log(const struct loom_sim *sim, uint64_t offset)
{
	uint64_t value = 0;

	if (offset < LOOM_LOG_BYTES)
		memcpy(&value, sim->log.bytes + offset, sizeof(value));
	return value;
}

/* The 64-bit word at an 8-byte aligned offset. */
static uint64_t read_word(const struct loom_sim *sim, uint64_t offset)
{
	switch (offset) {
	case LOOM_REG_TIME:
		return sim->now / PS_PER_NS;
	case LOOM_REG_INSTRUCTIONS:
		return sim->ops->instructions ? sim->ops->instructions(sim->opaque) : 0;
	case LOOM_REG_INTERRUPTS:
		return sim->interrupts;
	}
	if (offset >= LOOM_REG_CORE(0))
		return read_core(sim, (offset - LOOM_REG_CORE(0)) / 0x1000, offset % 0x1000);
	if (offset >= LOOM_REG_LOG)
		return read_log(sim, offset - LOOM_REG_LOG);
	if (offset >= LOOM_REG_CAPS)
		return read_caps(sim, offset - LOOM_REG_CAPS) |
		       (uint64_t)read_caps(sim, offset + 4 - LOOM_REG_CAPS) << 32;
	return read_global32(sim, offset) | (uint64_t)read_global32(sim, offset + 4) << 32;
}

uint64_t registers_read(struct loom_sim *sim, uint64_t offset, unsigned int size)
{
	uint64_t word = read_word(sim, offset & ~7ull);

	if (size == 8)
		return word;
	return offset & 4 ? word >> 32 : (uint32_t)word;
}

static void write_ctrl(struct loom_sim *sim, uint32_t value)
{
	if (value & LOOM_CTRL_RESET)
		boot_reset(sim);
	else if (value & LOOM_CTRL_BOOT)
		boot_start(sim);
}

static void write_half(uint64_t *reg, bool high, uint32_t value)
{
	unsigned int shift = high ? 32 : 0;

	*reg = (*reg & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

static void write_admin_setup(struct firmware *fw, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case LOOM_REG_ADMIN_SQ_LO:
	case LOOM_REG_ADMIN_SQ_HI:
		write_half(&fw->admin_sq, offset == LOOM_REG_ADMIN_SQ_HI, value);
		break;
	case LOOM_REG_ADMIN_CQ_LO:
	case LOOM_REG_ADMIN_CQ_HI:
		write_half(&fw->admin_cq, offset == LOOM_REG_ADMIN_CQ_HI, value);
		break;
	case LOOM_REG_ADMIN_ENTRIES:
		fw->admin_entries = value;
		break;
	}
}

static void write_inject(struct loom_sim *sim, uint64_t offset, uint32_t value)
{
	const char *wrong;

	if (!(sim->config.caps.flags & LOOM_CAP_INJECT))
		return;
	if (offset == LOOM_REG_INJECT_ARG) {
		sim->inject.register_arg = value;
		return;
	}
	wrong = inject(sim, value, sim->inject.register_arg);
	if (wrong)
		log_line(sim, "cannot inject %u:%u: %s", value, sim->inject.register_arg, wrong);
}

void registers_write(struct loom_sim *sim, uint64_t offset, uint32_t value)
{
	struct firmware *fw = &sim->fw;

	if (offset == LOOM_REG_CTRL) {
		write_ctrl(sim, value);
	} else if (offset == LOOM_REG_ADMIN_TAIL) {
		/* More than the ring holds is a stray write. */
		if (sim->state == LOOM_STATE_READY && value - fw->admin_head <= fw->admin_entries)
			fw->admin_tail = value;
	} else if (offset == LOOM_REG_INJECT || offset == LOOM_REG_INJECT_ARG) {
		write_inject(sim, offset, value);
	} else if (sim->state == LOOM_STATE_RESET) {
		write_admin_setup(fw, offset, value);
	}
}
