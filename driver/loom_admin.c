// SPDX-License-Identifier: GPL-2.0-only
/*
 * The admin queue: one command at a time, which the caller waits for. Commands are few (objects
 * come and go, pages are unmapped), so what counts is that a command which the device never
 * answers has one certain end: the device is put in reset, and then does no DMA either.
 */

#include <linux/dma-mapping.h>

#include <drm/drm_print.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_reset.h"

#define LOOM_ADMIN_ENTRIES	16
#define LOOM_ADMIN_TIMEOUT_MS	4000
#define LOOM_ADMIN_LOOK_MS	50

static_assert(sizeof(struct loom_admin_cmd) == 64);
static_assert(sizeof(struct loom_admin_cqe) == 16);

int loom_admin_init(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;
	struct loom_admin *admin = &ldev->admin;

	init_completion(&admin->done);

	admin->sq = dma_alloc_coherent(dev, LOOM_ADMIN_ENTRIES * sizeof(*admin->sq),
				       &admin->sq_dma, GFP_KERNEL);
	if (!admin->sq)
		return -ENOMEM;

	admin->cq = dma_alloc_coherent(dev, LOOM_ADMIN_ENTRIES * sizeof(*admin->cq),
				       &admin->cq_dma, GFP_KERNEL);
	if (!admin->cq)
		goto err_free_sq;
	return 0;

err_free_sq:
	dma_free_coherent(dev, LOOM_ADMIN_ENTRIES * sizeof(*admin->sq), admin->sq, admin->sq_dma);
	return -ENOMEM;
}

void loom_admin_fini(struct loom_device *ldev)
{
	struct device *dev = ldev->drm.dev;
	struct loom_admin *admin = &ldev->admin;

	dma_free_coherent(dev, LOOM_ADMIN_ENTRIES * sizeof(*admin->cq), admin->cq, admin->cq_dma);
	dma_free_coherent(dev, LOOM_ADMIN_ENTRIES * sizeof(*admin->sq), admin->sq, admin->sq_dma);
}

/* Point the device, which is in reset, to the rings. */
void loom_admin_program(struct loom_device *ldev)
{
	struct loom_admin *admin = &ldev->admin;

	lockdep_assert_held(&ldev->fw_lock);

	admin->tail = 0;
	admin->cq_head = 0;
	loom_write(ldev, LOOM_REG_ADMIN_SQ_LO, lower_32_bits(admin->sq_dma));
	loom_write(ldev, LOOM_REG_ADMIN_SQ_HI, upper_32_bits(admin->sq_dma));
	loom_write(ldev, LOOM_REG_ADMIN_CQ_LO, lower_32_bits(admin->cq_dma));
	loom_write(ldev, LOOM_REG_ADMIN_CQ_HI, upper_32_bits(admin->cq_dma));
	loom_write(ldev, LOOM_REG_ADMIN_ENTRIES, LOOM_ADMIN_ENTRIES);
}

void loom_admin_irq(struct loom_device *ldev)
{
	complete(&ldev->admin.done);
}

static u32 loom_admin_send(struct loom_device *ldev, struct loom_admin_cmd *cmd)
{
	struct loom_admin *admin = &ldev->admin;
	u32 slot = admin->tail++ % LOOM_ADMIN_ENTRIES;

	cmd->tag = slot;
	admin->sq[slot] = *cmd;
	loom_write(ldev, LOOM_REG_ADMIN_TAIL, admin->tail);
	return slot;
}

/*
 * Vector 0 speaks of the device's state too, and its message may be lost, so look every so often.
 * Firmware whose heart does not beat between two looks will not answer.
 */
static bool loom_admin_wait(struct loom_device *ldev, unsigned int ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(ms);
	unsigned long step = msecs_to_jiffies(LOOM_ADMIN_LOOK_MS);

	loom_device_beats(ldev);
	while (loom_read(ldev, LOOM_REG_ADMIN_CQ_TAIL) != ldev->admin.tail) {
		if (time_after_eq(jiffies, deadline))
			return false;
		if (!wait_for_completion_timeout(&ldev->admin.done, step) &&
		    !loom_device_beats(ldev))
			return false;
	}
	return true;
}

/* Answers come in any order, and those nobody waits for any more are among them. */
static bool loom_admin_find(struct loom_device *ldev, u32 tag, struct loom_admin_cqe *cqe)
{
	struct loom_admin *admin = &ldev->admin;
	bool found = false;

	dma_rmb(); /* the entries were written before the tail counted them */
	for (; admin->cq_head != admin->tail; admin->cq_head++) {
		struct loom_admin_cqe *entry = &admin->cq[admin->cq_head % LOOM_ADMIN_ENTRIES];

		if (entry->tag != tag)
			continue;
		*cqe = *entry;
		found = true;
	}
	return found;
}

/**
 * loom_admin_try() - Run an admin command that the device may be unable to answer
 * @ldev: the device
 * @cmd: the command; its tag is filled in
 * @ms: how long to wait
 *
 * Return: 0; -ENODEV if the device is in reset; -ETIMEDOUT if it did not answer, and may yet;
 * -EIO if it refused.
 */
int loom_admin_try(struct loom_device *ldev, struct loom_admin_cmd *cmd, unsigned int ms)
{
	struct loom_admin_cqe cqe;
	u32 tag;

	lockdep_assert_held(&ldev->fw_lock);

	if (ldev->halted)
		return -ENODEV;

	reinit_completion(&ldev->admin.done);
	tag = loom_admin_send(ldev, cmd);
	if (!loom_admin_wait(ldev, ms)) {
		drm_err(&ldev->drm, "admin command %u: no answer, device state %u\n", cmd->opcode,
			loom_read(ldev, LOOM_REG_STATE));
		return -ETIMEDOUT;
	}
	if (loom_admin_find(ldev, tag, &cqe) && cqe.status == LOOM_ADMIN_OK)
		return 0;

	/* The driver allocates ids and leases, so the two are out of step. */
	drm_err(&ldev->drm, "admin command %u refused: status %u\n", cmd->opcode, cqe.status);
	return -EIO;
}

/* The device cannot be reasoned with: stop it, and have the rest mended from a worker. */
static void loom_admin_give_up(struct loom_device *ldev, const char *why)
{
	loom_device_halt(ldev);
	loom_reset_request(ldev, why);
}

/**
 * loom_admin_exec() - Run one admin command
 * @ldev: the device
 * @cmd: the command; its tag is filled in
 *
 * Return: 0; -ENODEV if the device is in reset, for good or until the work that mends it has run;
 * -EIO if the device refuses.
 */
int loom_admin_exec(struct loom_device *ldev, struct loom_admin_cmd *cmd)
{
	int ret = loom_admin_try(ldev, cmd, LOOM_ADMIN_TIMEOUT_MS);

	if (ret != -ETIMEDOUT)
		return ret;
	loom_admin_give_up(ldev, "the firmware does not answer");
	return -ENODEV;
}

/**
 * loom_admin_revoke() - Run an admin command that takes memory away from the device
 * @ldev: the device
 * @cmd: the command
 *
 * There is no failing: when this returns, the device does not reach the memory any more, if need be
 * because it is in reset.
 */
void loom_admin_revoke(struct loom_device *ldev, struct loom_admin_cmd *cmd)
{
	if (loom_admin_exec(ldev, cmd) == -EIO)
		loom_admin_give_up(ldev, "the firmware refuses");
}
