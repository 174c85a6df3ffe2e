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

#define LOOM_ADMIN_ENTRIES	16
#define LOOM_ADMIN_TIMEOUT_MS	4000

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

/* Vector 0 speaks of the device's state too, so look whether it was this that it meant. */
static bool loom_admin_wait(struct loom_device *ldev)
{
	unsigned long left = msecs_to_jiffies(LOOM_ADMIN_TIMEOUT_MS);

	while (loom_read(ldev, LOOM_REG_ADMIN_CQ_TAIL) != ldev->admin.tail) {
		if (!left || loom_device_is_gone(ldev))
			return false;
		left = wait_for_completion_timeout(&ldev->admin.done, left);
	}
	return true;
}

/* The device cannot be reasoned with: stop it, and have the rest mended from a worker. */
static void loom_admin_give_up(struct loom_device *ldev)
{
	loom_device_halt(ldev);
	queue_work(ldev->wq, &ldev->reset_work);
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
	struct loom_admin_cqe cqe;
	u32 slot;

	lockdep_assert_held(&ldev->fw_lock);

	if (ldev->halted)
		return -ENODEV;

	reinit_completion(&ldev->admin.done);
	slot = loom_admin_send(ldev, cmd);
	if (!loom_admin_wait(ldev)) {
		drm_err(&ldev->drm, "admin command %u: no answer, device state %u\n", cmd->opcode,
			loom_read(ldev, LOOM_REG_STATE));
		loom_admin_give_up(ldev);
		return -ENODEV;
	}

	dma_rmb(); /* the entry was written before the tail counted it */
	cqe = ldev->admin.cq[slot];
	if (cqe.tag == slot && cqe.status == LOOM_ADMIN_OK)
		return 0;

	/* The driver allocates ids and leases, so the two are out of step. */
	drm_err(&ldev->drm, "admin command %u (tag %u) refused: status %u, tag %u\n", cmd->opcode,
		slot, cqe.status, cqe.tag);
	return -EIO;
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
		loom_admin_give_up(ldev);
}
