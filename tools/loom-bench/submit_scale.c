// SPDX-License-Identifier: MIT
/* What many clients, buffers and address spaces cost, each compared with few. */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "submit.h"

#define JOBS_PER_QUEUE	8
#define ROUNDS		8

static uint64_t instructions(struct submit_rig *rig)
{
	struct drm_loom_time time = {};

	loom_dev_time(rig->dev, &time);
	return time.instructions;
}

/* ---- clients: files of their own, each with a VM, queues and a ring ---- */

struct client {
	struct submit_rig rig;
	struct loom_queue **queues;
	struct loom_ring *ring;
};

static int client_open(struct client *c, unsigned int queues)
{
	int ret = submit_rig_open(&c->rig);

	c->queues = calloc(queues, sizeof(*c->queues));
	for (unsigned int q = 0; !ret && q < queues; q++)
		ret = submit_rig_queue(&c->rig, JOBS_PER_QUEUE, &c->queues[q]);
	return ret ? ret : loom_ring_create(c->rig.dev, queues * JOBS_PER_QUEUE, &c->ring);
}

static void client_close(struct client *c)
{
	loom_ring_destroy(c->ring);
	loom_dev_close(c->rig.dev); /* takes the queues and VMs with it */
	free(c->queues);
}

static int client_submit(struct client *c, unsigned int queues)
{
	int ret = 0;

	for (unsigned int q = 0; !ret && q < queues; q++)
		for (unsigned int i = 0; !ret && i < JOBS_PER_QUEUE; i++)
			ret = loom_ring_prep(c->ring, c->queues[q], &c->rig.slice, 1, NULL, 0, i);
	return ret ? ret : loom_ring_enter(c->ring, 0, 0);
}

static int client_reap(struct client *c, unsigned int num)
{
	struct loom_ring_cqe cqe;
	int ret;

	while (num) {
		if (loom_ring_reap(c->ring, &cqe)) {
			if (cqe.res)
				return cqe.res;
			num--;
			continue;
		}
		ret = loom_ring_enter(c->ring, num, UINT64_MAX);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int clients_round(struct client *c, unsigned int num, unsigned int queues)
{
	int ret = 0;

	for (unsigned int i = 0; ret >= 0 && i < num; i++)
		ret = client_submit(&c[i], queues);
	for (unsigned int i = 0; ret >= 0 && i < num; i++)
		ret = client_reap(&c[i], queues * JOBS_PER_QUEUE);
	return ret < 0 ? ret : 0;
}

int submit_scale_clients(struct submit_rig *rig, unsigned int num, unsigned int queues, json_t **row)
{
	struct client *clients = calloc(num, sizeof(*clients));
	uint64_t start;
	int ret = 0;

	for (unsigned int i = 0; !ret && i < num; i++)
		ret = client_open(&clients[i], queues);
	if (!ret)
		ret = clients_round(clients, num, queues);
	start = instructions(rig);
	for (unsigned int i = 0; !ret && i < ROUNDS; i++)
		ret = clients_round(clients, num, queues);
	if (ret)
		return ret;
	*row = json_pack("{s:i, s:i, s:f}", "clients", num, "queues", num * queues, "instructions",
			 (double)(instructions(rig) - start) / (ROUNDS * num * queues * JOBS_PER_QUEUE));
	for (unsigned int i = 0; i < num; i++)
		client_close(&clients[i]);
	free(clients);
	return 0;
}

/* ---- objects: the first and the last hundredth ---- */

static json_t *creation_row(const char *what, unsigned int num, unsigned int part, const uint64_t *marks)
{
	return json_pack("{s:i, s:f, s:f}", what, num, "first", (double)(marks[1] - marks[0]) / part,
			 "last", (double)(marks[3] - marks[2]) / part);
}

static void mark(struct submit_rig *rig, unsigned int i, unsigned int num, unsigned int part, uint64_t *marks)
{
	if (i == 0)
		marks[0] = instructions(rig);
	else if (i == part)
		marks[1] = instructions(rig);
	else if (i == num - part)
		marks[2] = instructions(rig);
	else if (i == num)
		marks[3] = instructions(rig);
}

int submit_scale_buffers(struct submit_rig *rig, unsigned int num, json_t **row)
{
	struct loom_bo **bos = calloc(num, sizeof(*bos));
	unsigned int part = num / 100, i;
	uint64_t marks[4];
	int ret = 0;

	for (i = 0; !ret && i < num; i++) {
		mark(rig, i, num, part, marks);
		ret = loom_bo_create(rig->dev, 4096, &bos[i]);
	}
	mark(rig, i, num, part, marks);
	while (i--)
		loom_bo_destroy(bos[i]);
	free(bos);
	if (!ret)
		*row = creation_row("buffers", num, part, marks);
	return ret;
}

int submit_scale_vms(struct submit_rig *rig, unsigned int num, json_t **row)
{
	struct loom_vm **vms = calloc(num, sizeof(*vms));
	unsigned int part = num / 100, i;
	uint64_t marks[4];
	int ret = 0;

	for (i = 0; !ret && i < num; i++) {
		mark(rig, i, num, part, marks);
		ret = loom_vm_create(rig->dev, 0, &vms[i]);
	}
	mark(rig, i, num, part, marks);
	while (i--)
		loom_vm_destroy(vms[i]);
	free(vms);
	if (!ret)
		*row = creation_row("vms", num, part, marks);
	return ret;
}
