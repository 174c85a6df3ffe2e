// SPDX-License-Identifier: MIT
/*
 * loom-run: one inference of a compiled model, or of several woven together.
 */
#include <stdio.h>

#include "loom_run.h"

static int load(struct run *run, struct task *task)
{
	int err;

	err = loom_model_open(task->path, &task->model);
	if (!err)
		err = loom_instance_create(run->dev, task->model, 1, &task->instance);
	if (!err)
		err = read_inputs(run, task);
	return err;
}

static int run_all(struct run *run)
{
	unsigned int i;
	int err;

	err = loom_dev_open(run->options.device, &run->dev);
	for (i = 0; !err && i < run->num_tasks; i++)
		err = load(run, &run->task[i]);
	if (!err)
		err = run_slices(run);
	for (i = 0; !err && i < run->num_tasks; i++)
		err = write_outputs(&run->task[i]);
	if (!err)
		print_report(run);
	return err;
}

static void clean_up(struct run *run)
{
	unsigned int i;

	for (i = 0; i < run->num_tasks; i++) {
		loom_instance_destroy(run->task[i].instance);
		loom_model_close(run->task[i].model);
	}
	loom_queue_destroy(run->queue);
	loom_bo_destroy(run->results);
	loom_dev_close(run->dev);
}

int main(int argc, char **argv)
{
	static struct run run;
	bool done = false;
	int status = parse_args(argc, argv, &run, &done);

	if (status || done)
		return status;
	if (run_all(&run)) {
		fprintf(stderr, "loom-run: %s\n", loom_error());
		status = 1;
	}
	clean_up(&run);
	return status;
}
