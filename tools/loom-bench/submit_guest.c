// SPDX-License-Identifier: MIT
/*
 * In the guest. Commands go through a sliding window: `depth` are under way, three quarters of them are
 * waited for, and as many are submitted again; so the device has work while the guest reaps. Counters are
 * read before and after, and include everything that the guest executes: system calls, interrupts, kernel
 * threads, the way into idleness and out of it.
 *
 * At depth 1 the command is as short as can be, and its submitter does something else for a while before it
 * waits, so that it need not sleep: falling asleep and waking up costs as much as a whole command, and whether
 * the emulated peer is done before depends on the host. Samples in which somebody slept are left out. At
 * depth 32 the slices take the device some 15 us, and all samples count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "submit.h"

#define MAX_DEPTH	32
#define SAMPLES		256
#define WORK_TURNS	1000	/* of some 5 instructions */

/* ---- the rig ---- */

#define SLICE_COMMANDS	300	/* the firmware takes its time for each: some 15 us */
#define PROGRAM_BYTES	8192
#define RIG_BYTES	(2 * PROGRAM_BYTES)

/* The job of a command buffer of that many NOPs at an offset into the rig's buffer. */
static struct drm_loom_job write_program(struct loom_bo *bo, unsigned int offset, unsigned int num)
{
	struct loom_cmdbuf *header = (void *)((char *)loom_bo_map(bo) + offset);
	struct loom_cmd *cmd = (struct loom_cmd *)(header + 1);

	*header = (struct loom_cmdbuf){
		.magic = LOOM_CMDBUF_MAGIC,
		.isa_version = LOOM_ISA_VERSION,
		.size = sizeof(*header) + num * sizeof(*cmd),
		.num_cmds = num,
	};
	for (unsigned int i = 0; i < num; i++)
		cmd[i] = (struct loom_cmd){ .opcode = LOOM_OP_NOP, .size = sizeof(*cmd) };
	return (struct drm_loom_job){ .cmd_va = SUBMIT_VA + offset, .cmd_size = header->size };
}

int submit_rig_open(struct submit_rig *rig)
{
	int ret;

	ret = loom_dev_open(NULL, &rig->dev);
	if (!ret)
		ret = loom_vm_create(rig->dev, 0, &rig->vm);
	if (!ret)
		ret = loom_bo_create(rig->dev, RIG_BYTES, &rig->program);
	if (!ret)
		ret = loom_bo_map(rig->program) ? 0 : -errno;
	if (ret)
		return ret;

	rig->instant = write_program(rig->program, 0, 1);
	rig->slice = write_program(rig->program, PROGRAM_BYTES, SLICE_COMMANDS);
	return loom_vm_map(rig->vm, rig->program, SUBMIT_VA, 0);
}

int submit_rig_queue(struct submit_rig *rig, unsigned int depth, struct loom_queue **queue)
{
	struct drm_loom_queue_create args = {
		.entries = 64,
		.vm_slots = 1,
		.irq_batch = 3 * depth / 4,
	};
	int ret = loom_queue_create(rig->dev, &args, queue);

	return ret ? ret : loom_queue_set_vm(*queue, 0, rig->vm);
}

/* ---- counters ---- */

struct counters {
	struct drm_loom_time time;
	uint64_t interrupts, ticks, sleeps;
};

/* The sum of the lines of /proc/interrupts that have the name in them. */
static uint64_t count_interrupts(const char *name)
{
	FILE *f = fopen("/proc/interrupts", "r");
	uint64_t sum = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char *count = strchr(line, ':');

		if (count && strstr(line, name))
			sum += strtoull(count + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

static uint64_t count_sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* What costs instructions itself stands outside of what is measured, but for the reading of the time. */
static int read_before(struct submit_rig *rig, const struct submit_path *path, struct counters *c)
{
	c->interrupts = count_interrupts(path->interrupt);
	c->ticks = count_interrupts("LOC:");
	c->sleeps = count_sleeps();
	return loom_dev_time(rig->dev, &c->time);
}

static int read_after(struct submit_rig *rig, const struct submit_path *path, struct counters *c)
{
	int ret = loom_dev_time(rig->dev, &c->time);

	c->sleeps = count_sleeps();
	c->ticks = count_interrupts("LOC:");
	c->interrupts = count_interrupts(path->interrupt);
	return ret;
}

/* ---- a measurement ---- */

/* Something else for a while. */
static void work(void)
{
	for (volatile unsigned int i = 0; i < WORK_TURNS; i++)
		;
}

static int one_by_one(const struct submit_path *path, void *state, unsigned int commands)
{
	int ret = 0;

	for (unsigned int i = 0; ret >= 0 && i < commands; i++) {
		ret = path->turn(state, 1, 0);
		work();
		if (!ret)
			ret = path->turn(state, 0, 1);
	}
	return ret < 0 ? ret : 0;
}

static int slide(const struct submit_path *path, void *state, unsigned int depth, unsigned int commands)
{
	unsigned int submitted = 0, done = 0, wait = 3 * depth / 4;

	if (depth == 1)
		return one_by_one(path, state, commands);
	while (done < commands) {
		unsigned int room = depth - (submitted - done), left = commands - submitted;
		unsigned int num = room < left ? room : left;
		int ret;

		submitted += num;
		ret = path->turn(state, num, submitted - done < wait ? submitted - done : wait);
		if (ret < 0)
			return ret;
		done += ret;
	}
	return 0;
}

struct sample {
	double instructions, interrupts, sleeps, device_ns;
};

/*
 * While the guest idles and the host works, QEMU lets guest time jump, by the host's pace; timer ticks that
 * fall into it are nobody's cost, and a sample with one is left out.
 */
static bool make_sample(const struct counters *from, const struct counters *to, unsigned int depth,
			struct sample *s)
{
	*s = (struct sample){
		.instructions = to->time.instructions - from->time.instructions,
		.interrupts = to->interrupts - from->interrupts,
		.sleeps = to->sleeps - from->sleeps,
		.device_ns = to->time.device_ns - from->time.device_ns,
	};
	return from->ticks == to->ticks && (depth > 1 || from->sleeps == to->sleeps);
}

static int by_instructions(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return (x->instructions > y->instructions) - (x->instructions < y->instructions);
}

/* A path that does nothing: what reading the counters costs. */
static int nothing(void *state, unsigned int num, unsigned int wait)
{
	return wait;
}

static const struct submit_path path_nothing = { .name = "nothing", .interrupt = "loom", .turn = nothing };

static int take_sample(struct submit_rig *rig, const struct submit_path *path, void *state, unsigned int depth,
		       unsigned int commands, struct counters *from, struct counters *to)
{
	int ret = read_before(rig, path, from);

	if (!ret)
		ret = slide(path, state, depth, commands);
	return ret ? ret : read_after(rig, path, to);
}

/* The median of all samples that count. */
static int take_samples(struct submit_rig *rig, const struct submit_path *path, void *state, unsigned int depth,
			unsigned int commands, struct sample *median)
{
	int ret = slide(path, state, depth, 4 * commands);
	struct sample samples[SAMPLES];
	struct counters from, to;
	unsigned int num = 0;

	for (unsigned int i = 0; !ret && i < SAMPLES; i++) {
		ret = take_sample(rig, path, state, depth, commands, &from, &to);
		num += !ret && make_sample(&from, &to, depth, &samples[num]);
	}
	if (ret || !num)
		return ret ? ret : -EAGAIN;
	qsort(samples, num, sizeof(*samples), by_instructions);
	*median = samples[num / 2];
	return num;
}

/* The half of it that submits one command: system calls, but no interrupt and no wait. */
static int measure_submit(struct submit_rig *rig, const struct submit_path *path, void *state, double *median)
{
	struct sample samples[SAMPLES];
	struct counters from, to;
	unsigned int num = 0;
	int ret = 0;

	for (unsigned int i = 0; ret >= 0 && i < SAMPLES; i++) {
		read_before(rig, path, &from);
		ret = path->turn(state, 1, 0);
		read_after(rig, path, &to);
		if (!ret)
			ret = path->turn(state, 0, 1);
		num += ret >= 0 && make_sample(&from, &to, 1, &samples[num]);
	}
	if (ret < 0 || !num)
		return ret < 0 ? ret : -EAGAIN;
	qsort(samples, num, sizeof(*samples), by_instructions);
	*median = samples[num / 2].instructions;
	return 0;
}

int submit_measure(struct submit_rig *rig, const struct submit_path *path, unsigned int depth,
		   unsigned int commands, json_t **row)
{
	void *state = path->open(rig, depth);
	double submit = 0, reading = 0;
	struct sample none, s;
	int ret;

	if (!state)
		return -errno;
	ret = take_samples(rig, &path_nothing, NULL, depth, commands, &none);
	if (ret >= 0)
		ret = take_samples(rig, path, state, depth, commands, &s);
	if (ret > 0 && (measure_submit(rig, path, state, &submit) ||
			measure_submit(rig, &path_nothing, NULL, &reading)))
		ret = -EAGAIN;
	path->close(state);
	if (ret < 0)
		return ret;
	*row = json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:i}", "path", path->name, "depth", depth,
			 "instructions", (s.instructions - none.instructions) / commands,
			 "interrupts", s.interrupts / commands, "sleeps", s.sleeps / commands,
			 "device_ns", (s.device_ns - none.device_ns) / commands, "submit",
			 submit - reading, "samples", ret);
	return 0;
}

/* ---- all of them ---- */

static const struct submit_path *const paths[] = {
	&submit_path_uring, &submit_path_ioctl, &submit_path_array, &submit_path_user, &submit_path_nvme,
};

static const unsigned int depths[] = { 1, MAX_DEPTH };

static int measure_path(struct submit_rig *rig, const struct submit_path *path, unsigned int depth, json_t *rows)
{
	json_t *row;
	int ret = submit_measure(rig, path, depth, depth > 1 ? 2 * depth : 1, &row);

	if (ret)
		return bench_fail(ret, "%s at depth %u: %s", path->name, depth, strerror(-ret));
	return json_array_append_new(rows, row);
}

/* only: the name of one path, or NULL */
static int measure_paths(struct submit_rig *rig, const char *only, json_t *rows)
{
	int ret = 0;

	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (only && strcmp(only, paths[i]->name))
			continue;
		for (unsigned int d = 0; !ret && d < sizeof(depths) / sizeof(depths[0]); d++)
			ret = measure_path(rig, paths[i], depths[d], rows);
	}
	if (only && !json_array_size(rows))
		return bench_fail(1, "there is no path %s", only);
	return ret;
}

static int measure_scale(struct submit_rig *rig, json_t *rows)
{
	json_t *row;
	int ret;

	for (unsigned int clients = 1; clients <= 64; clients *= 8) {
		ret = submit_scale_clients(rig, clients, 4, &row);
		if (ret)
			return bench_fail(ret, "%u clients: %s", clients, strerror(-ret));
		json_array_append_new(rows, row);
	}
	ret = submit_scale_buffers(rig, 10000, &row);
	if (ret)
		return bench_fail(ret, "10000 buffers: %s", strerror(-ret));
	json_array_append_new(rows, row);
	ret = submit_scale_vms(rig, 1000, &row);
	if (ret)
		return bench_fail(ret, "1000 VMs: %s", strerror(-ret));
	json_array_append_new(rows, row);
	return 0;
}

int bench_submit_guest(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	json_t *rows = json_array(), *scale = json_array(), *all;
	struct submit_rig rig;
	int ret;

	ret = submit_rig_open(&rig);
	if (ret)
		return bench_fail(1, "%s", loom_error());
	ret = measure_paths(&rig, only, rows);
	if (!ret && !only)
		ret = measure_scale(&rig, scale);
	all = json_pack("{s:o, s:o}", "rows", rows, "scale", scale);
	json_dump_file(all, "/out/submit.json", JSON_INDENT(1));
	json_decref(all);
	return ret ? 1 : 0;
}
