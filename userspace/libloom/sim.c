// SPDX-License-Identifier: MIT
/*
 * The simulated device: options, virtual time, boot, admin queue.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <drm.h>

#include "sim.h"

#define ADMIN_ENTRIES 16

/* ---- the simulator's side of its door ---- */

static int dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
	struct sim_dev *sim = opaque;
	const void *from = sim_mem_at(&sim->mem, addr, len);

	if (!from)
		return -1;
	memcpy(buf, from, len);
	return 0;
}

static int dma_write(void *opaque, uint64_t addr, const void *buf, size_t len)
{
	struct sim_dev *sim = opaque;
	void *to = sim_mem_at(&sim->mem, addr, len);

	if (!to)
		return -1;
	memcpy(to, buf, len);
	return 0;
}

/* Only noted: the simulator is not to be entered again from inside. */
static void raise_irq(void *opaque, unsigned int vector)
{
	struct sim_dev *sim = opaque;

	sim->vectors |= 1ull << vector % 64;
}

static void set_timer(void *opaque, uint64_t ns)
{
	struct sim_dev *sim = opaque;

	sim->timer = ns;
}

static const struct loom_sim_ops sim_ops = {
	.dma_read = dma_read,
	.dma_write = dma_write,
	.irq = raise_irq,
	.set_timer = set_timer,
};

/* ---- time ---- */

uint64_t sim_after(const struct sim_dev *sim, uint64_t ns)
{
	return ns > SIM_NEVER - sim->now ? SIM_NEVER : sim->now + ns;
}

void sim_interrupts(struct sim_dev *sim)
{
	while (sim->vectors) {
		uint64_t vectors = sim->vectors;
		uint32_t i;

		sim->vectors = 0;
		for (i = 1; i < sim->queues.num; i++) {
			struct sim_queue *queue = sim->queues.item[i];

			if (queue && vectors >> queue->vector % 64 & 1)
				sim_queue_interrupt(sim, queue);
		}
	}
}

int sim_step(struct sim_dev *sim, uint64_t deadline)
{
	uint64_t timer = sim->timer;

	if (timer == SIM_NEVER && deadline == SIM_NEVER)
		return loom_fail(-ETIME,
				 "the device is idle: what is waited for will never happen");
	if (timer > deadline) {
		sim->now = deadline;
		return loom_fail(-ETIME, "timed out after %llu ns of device time",
				 (unsigned long long)sim->now);
	}
	if (timer > sim->now)
		sim->now = timer;
	sim->timer = SIM_NEVER;
	loom_sim_timer(sim->sim, sim->now);
	sim_interrupts(sim);
	return 0;
}

void sim_doorbell(struct sim_dev *sim, struct sim_queue *queue)
{
	loom_sim_doorbell(sim->sim, sim->now, queue->hw, queue->tail);
	sim_interrupts(sim);
}

/* ---- admin queue ---- */

static const char *admin_status(unsigned int status)
{
	static const char *const text[] = {
		[LOOM_ADMIN_OK] = "no error",
		[LOOM_ADMIN_BAD_OPCODE] = "unknown command",
		[LOOM_ADMIN_BAD_ID] = "number out of range, in use, or not in use",
		[LOOM_ADMIN_BAD_FIELD] = "bad field",
		[LOOM_ADMIN_BAD_LEASE] = "bad lease",
		[LOOM_ADMIN_BUS] = "bus error",
	};

	return status < sizeof(text) / sizeof(text[0]) ? text[status] : "unknown status";
}

static void write_reg(struct sim_dev *sim, uint64_t reg, uint32_t value)
{
	loom_sim_write(sim->sim, sim->now, reg, value, 4);
}

static uint32_t read_reg(struct sim_dev *sim, uint64_t reg)
{
	return loom_sim_read(sim->sim, sim->now, reg, 4);
}

/* One at a time, waited for. */
int sim_admin(struct sim_dev *sim, const struct loom_admin_cmd *cmd)
{
	uint32_t at = sim->admin_tail % ADMIN_ENTRIES;
	const struct loom_admin_cqe *cqe = &sim->admin_cq[at];

	sim->admin_sq[at] = *cmd;
	sim->admin_sq[at].tag = sim->admin_tail;
	write_reg(sim, LOOM_REG_ADMIN_TAIL, ++sim->admin_tail);
	sim_interrupts(sim);
	while (read_reg(sim, LOOM_REG_ADMIN_CQ_TAIL) != sim->admin_tail) {
		int err = sim_step(sim, SIM_NEVER);

		if (err)
			return loom_fail(-EIO, "the device does not answer admin command %u",
					 cmd->opcode);
	}
	if (cqe->status)
		return loom_fail(-EIO, "the device refused admin command %u: %s", cmd->opcode,
				 admin_status(cqe->status));
	return 0;
}

static int boot(struct sim_dev *sim)
{
	uint64_t size = ADMIN_ENTRIES * (sizeof(*sim->admin_sq) + sizeof(*sim->admin_cq));
	uint64_t cq;

	sim->admin_bus = sim_mem_alloc(&sim->mem, size);
	if (!sim->admin_bus)
		return loom_fail(-ENOMEM, "no memory for the admin queue");
	cq = sim->admin_bus + ADMIN_ENTRIES * sizeof(*sim->admin_sq);
	sim->admin_sq = sim_mem_at(&sim->mem, sim->admin_bus, size);
	sim->admin_cq = (void *)(sim->admin_sq + ADMIN_ENTRIES);
	write_reg(sim, LOOM_REG_ADMIN_SQ_LO, sim->admin_bus);
	write_reg(sim, LOOM_REG_ADMIN_SQ_HI, sim->admin_bus >> 32);
	write_reg(sim, LOOM_REG_ADMIN_CQ_LO, cq);
	write_reg(sim, LOOM_REG_ADMIN_CQ_HI, cq >> 32);
	write_reg(sim, LOOM_REG_ADMIN_ENTRIES, ADMIN_ENTRIES);
	write_reg(sim, LOOM_REG_CTRL, LOOM_CTRL_BOOT);
	while (read_reg(sim, LOOM_REG_STATE) != LOOM_STATE_READY) {
		if (read_reg(sim, LOOM_REG_STATE) == LOOM_STATE_CRASHED)
			return loom_fail(-EIO, "the device crashed at boot: error %u",
					 read_reg(sim, LOOM_REG_ERROR));
		if (sim_step(sim, SIM_NEVER))
			return loom_fail(-EIO, "the device does not boot");
	}
	return 0;
}

/* ---- options ---- */

/* call-ns is this back end's own: what a call of the library takes in the device's time. */
static int set_call_ns(struct sim_dev *sim, const char *value)
{
	char *end;

	errno = 0;
	sim->call_ns = strtoull(value, &end, 0);
	if (end == value || *end || *value == '-' || errno)
		return loom_fail(-EINVAL, "sim: call-ns=%s: a number expected", value);
	return 0;
}

static int set_option(struct loom_sim_config *config, struct sim_dev *sim, char *option)
{
	char *value = strchr(option, '=');
	const char *wrong;

	if (!value)
		return loom_fail(-EINVAL, "sim: %s: NAME=VALUE expected", option);
	*value++ = 0;
	if (!strcmp(option, "call-ns") || !strcmp(option, "call_ns"))
		return set_call_ns(sim, value);
	wrong = loom_sim_set(config, option, value);
	return wrong ? loom_fail(-EINVAL, "sim: %s=%s: %s", option, value, wrong) : 0;
}

static int no_preset(const char *name)
{
	const char *const *preset;
	char list[200] = "";

	for (preset = loom_sim_presets(); *preset; preset++) {
		strncat(list, " ", sizeof(list) - strlen(list) - 1);
		strncat(list, *preset, sizeof(list) - strlen(list) - 1);
	}
	return loom_fail(-EINVAL, "sim: no preset %s; there are:%s", name, list);
}

static int parse(const char *spec, struct loom_sim_config *config, struct sim_dev *sim)
{
	char *copy = strdup(spec), *rest = copy, *part;
	const char *wrong;
	int err = 0;

	if (!copy)
		return loom_fail(-ENOMEM, "out of memory");
	part = strsep(&rest, ",");
	memset(config, 0, sizeof(*config));
	if (!loom_sim_preset(config, part))
		err = no_preset(part);
	while (!err && (part = strsep(&rest, ",")))
		err = set_option(config, sim, part);
	wrong = err ? NULL : loom_sim_check(config);
	if (wrong)
		err = loom_fail(-EINVAL, "sim: %s", wrong);
	free(copy);
	return err;
}

/* ---- the back end ---- */

static void free_vms(struct sim_dev *sim)
{
	uint32_t i;

	for (i = 1; i < sim->vms.num; i++)
		if (sim->vms.item[i])
			sim_vm_destroy(sim, &(struct drm_loom_vm_destroy){ .vm_id = i });
}

static void free_queues(struct sim_dev *sim)
{
	uint32_t i;

	for (i = 1; i < sim->queues.num; i++)
		if (sim->queues.item[i])
			sim_queue_destroy(sim, &(struct drm_loom_queue_destroy){ .queue_id = i });
}

/* As when the file is closed: whatever the program left goes. */
static void sim_close(struct loom_dev *dev)
{
	struct sim_dev *sim = to_sim(dev);
	uint32_t i;

	if (sim->sim) {
		free_queues(sim);
		free_vms(sim);
		loom_sim_free(sim->sim);
	}
	for (i = 1; i < sim->bos.num; i++)
		free(sim->bos.item[i]);
	sim_mem_fini(&sim->mem);
	free(sim->bos.item);
	free(sim->vms.item);
	free(sim->queues.item);
	free(sim->ctxs);
	free(sim->hw_queues);
	free(sim);
}

static int sim_open(const char *spec, struct loom_dev **dev)
{
	struct loom_sim_config config;
	struct sim_dev *sim;
	int err;

	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return loom_fail(-ENOMEM, "out of memory");
	sim->timer = SIM_NEVER;
	err = parse(spec, &config, sim);
	if (!err)
		err = sim_mem_init(&sim->mem);
	if (err)
		goto close;
	err = loom_fail(-ENOMEM, "out of memory");
	sim->base.caps = config.caps;
	sim->ctxs = calloc(config.caps.max_contexts + 1ull, sizeof(*sim->ctxs));
	sim->hw_queues = calloc(config.caps.max_queues, sizeof(*sim->hw_queues));
	if (!sim->ctxs || !sim->hw_queues)
		goto close;
	sim->sim = loom_sim_new(&config, &sim_ops, sim);
	if (!sim->sim)
		goto close;
	err = boot(sim);
	if (err)
		goto close;
	*dev = &sim->base;
	return 0;

close:
	sim_close(&sim->base);
	return err;
}

static int sim_fd(const struct loom_dev *dev)
{
	return -1;
}

static int sim_ioctl(struct loom_dev *dev, unsigned long request, void *arg)
{
	struct sim_dev *sim = to_sim(dev);

	switch (request) {
	case DRM_IOCTL_LOOM_QUERY:
		return sim_query(sim, arg);
	case DRM_IOCTL_LOOM_BO_CREATE:
		return sim_bo_create(sim, arg);
	case DRM_IOCTL_GEM_CLOSE:
		return sim_bo_close(sim, ((struct drm_gem_close *)arg)->handle);
	case DRM_IOCTL_LOOM_VM_CREATE:
		return sim_vm_create(sim, arg);
	case DRM_IOCTL_LOOM_VM_DESTROY:
		return sim_vm_destroy(sim, arg);
	case DRM_IOCTL_LOOM_VM_BIND:
		return sim_vm_bind(sim, arg);
	case DRM_IOCTL_LOOM_QUEUE_CREATE:
		return sim_queue_create(sim, arg);
	case DRM_IOCTL_LOOM_QUEUE_DESTROY:
		return sim_queue_destroy(sim, arg);
	case DRM_IOCTL_LOOM_QUEUE_SET_VM:
		return sim_queue_set_vm(sim, arg);
	}
	return loom_fail(-ENOTTY, "sim: no such ioctl 0x%lx", request);
}

static void *sim_bo_map(struct loom_dev *dev, uint32_t handle, uint64_t size)
{
	struct sim_dev *sim = to_sim(dev);
	struct sim_bo *bo = sim_table_get(&sim->bos, handle);

	return bo ? sim_mem_at(&sim->mem, bo->bus, size) : NULL;
}

static void sim_bo_unmap(struct loom_dev *dev, void *map, uint64_t size)
{
}

static int sim_bo_import(struct loom_dev *dev, int memfd, uint64_t size, uint32_t *handle,
			 void **map)
{
	struct drm_loom_bo_create args = { .size = size };
	struct sim_dev *sim = to_sim(dev);
	struct sim_bo *bo;
	int err;

	err = sim_bo_create(sim, &args);
	if (err)
		return err;
	bo = sim_table_get(&sim->bos, args.handle);
	err = sim_mem_share(&sim->mem, bo->bus, size, memfd);
	if (err) {
		sim_bo_close(sim, args.handle);
		return err;
	}
	*handle = args.handle;
	*map = sim_mem_at(&sim->mem, bo->bus, size);
	return 0;
}

const struct loom_backend loom_backend_sim = {
	.open = sim_open,
	.close = sim_close,
	.fd = sim_fd,
	.ioctl = sim_ioctl,
	.bo_map = sim_bo_map,
	.bo_unmap = sim_bo_unmap,
	.bo_import = sim_bo_import,
	.submit_wait = sim_submit_wait,
	.ring_create = sim_ring_create,
};
