/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __LOOM_IRQ_H__
#define __LOOM_IRQ_H__

struct loom_device;
struct loom_queue;

int loom_irq_init(struct loom_device *ldev);
void loom_irq_fini(struct loom_device *ldev);
void loom_irq_synchronize(struct loom_device *ldev);

unsigned int loom_irq_vector_of(struct loom_device *ldev, unsigned int queue);
void loom_irq_add_queue(struct loom_queue *queue);
void loom_irq_del_queue(struct loom_queue *queue);

#endif
