// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "qos.h"

static const char help[] =
"usage: loom-bench qos [OPTION...]\n"
"The largest load at which at most 1 % of the requests are late, for every policy, on mixes of\n"
"Poisson streams; in units of what one at a time could do, and against the first policy.\n\n"
"  --networks DIR     compiled by tools/loom-bench/networks.sh, which names the device too\n"
"                     (default build/networks/memory-centric)\n"
"  --batch N          (default 1)\n"
"  --mix NAME         this mix only; see loom-bench(1)\n"
"  --policy NAME      may be repeated; the first is the baseline (default fifo, edf,\n"
"                     layerweaver-plus, loom)\n"
"  --count N          arrivals of a run at least; it also spans 200 of the longest deadlines\n"
"                     (default 4000)\n"
"  --seed N           may be repeated (default 1, 2, 3)\n"
"  --window-us N      how much work is at the device at most (default: that of the scheduler)\n"
"  --late serve|drop  what becomes of a request past its bound that has not begun (serve)\n"
"  --engine device|model\n"
"                     firmware-sim, or the two streams of the scheduler's equations (model)\n"
"  --curve FILE.svg   of one --mix: draw late requests and the load in time over load, instead\n"
"  --json FILE\n"
"  --help\n\n"
"Exit status: 0 done; 1 it cannot be run; 2 wrong usage.\n";

static int parse_own(struct qos *q, const char *option, const char *value)
{
	char *end;
	uint64_t n = strtoull(value, &end, 10);

	if (!strcmp(option, "--mix")) {
		q->mix = qos_mix_find(value);
		return q->mix ? 0 : bench_fail(-EINVAL, "--mix %s: there is no such mix", value);
	}
	if (!strcmp(option, "--late")) {
		q->drop_late = !strcmp(value, "drop");
		return q->drop_late || !strcmp(value, "serve") ? 0 :
		       bench_fail(-EINVAL, "--late %s: must be serve or drop", value);
	}
	if (!strcmp(option, "--curve")) {
		q->curve = value;
		return 0;
	}
	if (end == value || *end || *value == '-')
		return bench_fail(-EINVAL, "%s %s: must be a number", option, value);
	if (!strcmp(option, "--window-us"))
		q->window_us = n;
	else if (!strcmp(option, "--count"))
		q->count = (unsigned int)n;
	else if (q->num_seeds < QOS_MAX_SEEDS)
		q->seeds[q->num_seeds++] = n;
	return 0;
}

static bool is_own(const char *option)
{
	static const char *const own[] = {
		"--mix", "--late", "--window-us", "--count", "--seed", "--curve",
	};
	unsigned int i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(option, own[i]))
			return true;
	return false;
}

/* Takes our options out of argv; what is left is the grid's. */
static int take_own(struct qos *q, int *argc, char **argv)
{
	int i, n = 1, err = 0;

	for (i = 1; !err && i < *argc; i++) {
		if (!is_own(argv[i])) {
			argv[n++] = argv[i];
			continue;
		}
		if (i + 1 == *argc)
			return bench_fail(-EINVAL, "%s: needs a value", argv[i]);
		err = parse_own(q, argv[i], argv[i + 1]);
		i++;
	}
	*argc = n;
	return err;
}

static const struct grid_defaults open_loop = {
	&engine_model, { "fifo", "edf", "layerweaver-plus", "loom" },
};

static int parse(struct qos *q, int argc, char **argv)
{
	int err;

	*q = (struct qos) { .count = 4000 };
	err = take_own(q, &argc, argv);
	if (err)
		return err;
	err = grid_parse_as(&q->grid, argc, argv, help, &open_loop);
	if (!err && q->curve && !q->mix)
		return bench_fail(-EINVAL, "--curve: say which --mix");
	return err;
}

static int prepare(struct qos *q)
{
	const char *names[QOS_MAX_MODELS];
	const struct qos_mix *all = qos_mix_find("eight-5x");
	unsigned int i;

	if (!q->num_seeds)
		for (; q->num_seeds < 3; q->num_seeds++)
			q->seeds[q->num_seeds] = q->num_seeds + 1;
	for (i = 0; i < all->num; i++)
		names[i] = all->parts[i].network;
	q->rows = calloc(qos_num_mixes * GRID_MAX_POLICIES, sizeof(*q->rows));
	if (!q->rows)
		return bench_fail(-ENOMEM, "out of memory");
	return grid_open(&q->grid, names, all->num);
}

int bench_qos(int argc, char **argv)
{
	struct qos q;
	int err = parse(&q, argc, argv);

	if (err)
		return err > 0 ? 0 : EXIT_USAGE;
	err = prepare(&q);
	if (!err)
		err = q.curve ? qos_draw_curves(&q) : qos_run(&q);
	if (!err && q.grid.json && !q.curve)
		err = qos_json(&q);
	grid_close(&q.grid);
	free(q.rows);
	return err ? 1 : 0;
}
