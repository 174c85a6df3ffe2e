// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts. Completions are taken off in the hard handler: it is a bounded walk over coherent
 * memory (never more entries than the ring has), and a thread would put a context switch between
 * the device and the one who refills its ring.
 */

#include <linux/interrupt.h>
#include <linux/rculist.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "loom_admin.h"
#include "loom_device.h"
#include "loom_irq.h"
#include "loom_job.h"
#include "loom_queue.h"
#include "loom_reset.h"

static irqreturn_t loom_irq_queues(int irq, void *data)
{
	struct loom_vector *vector = data;
	struct loom_queue *queue;

	rcu_read_lock();
	list_for_each_entry_rcu(queue, &vector->queues, vector_node)
		loom_queue_drain(queue);
	rcu_read_unlock();
	return IRQ_HANDLED;
}

static irqreturn_t loom_irq_admin(int irq, void *data)
{
	struct loom_vector *vector = data;
	struct loom_device *ldev = vector->ldev;

	loom_admin_irq(ldev);
	if (loom_read(ldev, LOOM_REG_STATE) == LOOM_STATE_CRASHED)
		loom_reset_request(ldev, "the firmware crashed");

	/* A device with a single vector uses it for its queues too. */
	return loom_irq_queues(irq, data);
}

static int loom_irq_request(struct loom_device *ldev, unsigned int i)
{
	struct loom_vector *vector = &ldev->vectors[i];

	vector->ldev = ldev;
	INIT_LIST_HEAD(&vector->queues);
	vector->irq = pci_irq_vector(to_pci_dev(ldev->drm.dev), i);
	return request_irq(vector->irq, i ? loom_irq_queues : loom_irq_admin, 0, "loom", vector);
}

static void loom_irq_free(struct loom_device *ldev, unsigned int num)
{
	while (num--)
		free_irq(ldev->vectors[num].irq, &ldev->vectors[num]);
	pci_free_irq_vectors(to_pci_dev(ldev->drm.dev));
}

int loom_irq_init(struct loom_device *ldev)
{
	struct pci_dev *pdev = to_pci_dev(ldev->drm.dev);
	unsigned int max = min(ldev->caps.num_vectors, ldev->caps.max_queues + 1);
	unsigned int i;
	int ret;

	ret = pci_alloc_irq_vectors(pdev, 1, max, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	ldev->num_vectors = ret;

	ldev->vectors = drmm_kcalloc(&ldev->drm, ldev->num_vectors, sizeof(*ldev->vectors),
				     GFP_KERNEL);
	if (!ldev->vectors) {
		loom_irq_free(ldev, 0);
		return -ENOMEM;
	}

	for (i = 0; i < ldev->num_vectors; i++) {
		ret = loom_irq_request(ldev, i);
		if (ret) {
			loom_irq_free(ldev, i);
			return ret;
		}
	}
	return 0;
}

void loom_irq_fini(struct loom_device *ldev)
{
	loom_irq_free(ldev, ldev->num_vectors);
}

/* Wait for handlers under way; with the device in reset none comes after. */
void loom_irq_synchronize(struct loom_device *ldev)
{
	unsigned int i;

	for (i = 0; i < ldev->num_vectors; i++)
		synchronize_irq(ldev->vectors[i].irq);
}

unsigned int loom_irq_vector_of(struct loom_device *ldev, unsigned int queue)
{
	return ldev->num_vectors == 1 ? 0 : 1 + queue % (ldev->num_vectors - 1);
}

void loom_irq_add_queue(struct loom_queue *queue)
{
	lockdep_assert_held(&queue->ldev->fw_lock);
	list_add_tail_rcu(&queue->vector_node, &queue->vector->queues);
}

void loom_irq_del_queue(struct loom_queue *queue)
{
	lockdep_assert_held(&queue->ldev->fw_lock);
	list_del_rcu(&queue->vector_node);
	synchronize_irq(queue->vector->irq);
}
