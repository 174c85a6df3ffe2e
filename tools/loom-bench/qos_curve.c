// SPDX-License-Identifier: MIT
/* Violations and goodput of a mix over load, for every policy. */
#include <stdlib.h>

#include "bench.h"
#include "open_loop.h"
#include "qos.h"

#define POINTS 20

static int measure(const struct qos *q, const struct qos_streams *s, const char *policy,
		   struct qos_point *p)
{
	struct open_figures f;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < q->num_seeds; i++) {
		err = qos_run_at(q, s, policy, q->seeds[i], p->load, true, &f);
		p->violations += (double)f.violations / s->num_arrivals / q->num_seeds;
		p->mean_latency += f.mean_latency / q->num_seeds;
	}
	p->goodput = p->load * (1 - p->violations);
	return err;
}

static int one_curve(const struct qos *q, const struct qos_streams *s, const char *policy,
		     struct qos_curve *c)
{
	double most = 1.1 * s->bound;
	int err = 0;

	*c = (struct qos_curve) { .policy = policy };
	while (!err && c->num < POINTS) {
		struct qos_point *p = &c->points[c->num++];

		p->load = most * c->num / POINTS;
		err = measure(q, s, policy, p);
		printf("%-18s %8.3f %8.2f %8.3f %10.3f\n", policy, p->load, 100 * p->violations,
		       p->goodput, 1e3 * p->mean_latency);
	}
	return err;
}

int qos_draw_curves(struct qos *q)
{
	static struct qos_curve curves[GRID_MAX_POLICIES];
	struct qos_streams s;
	char title[400];
	unsigned int i;
	int err = qos_streams(q, q->mix, &s);

	printf("%-18s %8s %8s %8s %10s\n", "policy", "load", "late %", "in time", "latency ms");
	for (i = 0; !err && i < q->grid.num_policies; i++)
		err = one_curve(q, &s, q->grid.policies[i], &curves[i]);
	free(s.arrivals);
	snprintf(title, sizeof(title), "%s on %s, batch %u", q->mix->name, q->grid.machine.spec,
		 q->grid.batch);
	return err ? err : qos_picture(q, title, curves, q->grid.num_policies);
}
