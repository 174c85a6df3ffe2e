// SPDX-License-Identifier: MIT
/*
 * Operators on the host CPU, beside the loop, so that the device works on other models' slices
 * meanwhile. A step runs on private copies of its inputs (loom.h): a client that changes its buffer
 * while one runs hurts only itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "loomd.h"

static struct host_job *to_job(struct work *work)
{
	return (struct host_job *)work;
}

static void run(struct loomd *d, struct work *work)
{
	struct host_job *job = to_job(work);

	job->status = loom_model_run_host_step(job->model, job->step, job->io);
	if (job->status)
		snprintf(job->text, sizeof(job->text), "%s", loom_error());
}

static void done(struct loomd *d, struct work *work)
{
	request_host_done(d, to_job(work));
}

static void drop(struct loomd *d, struct work *work)
{
	free(to_job(work));
}

int host_submit(struct loomd *d, struct request *r, unsigned int step, uint64_t tag)
{
	struct host_job *job = malloc(sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->work = (struct work) { .run = run, .done = done, .drop = drop };
	job->request = r;
	job->model = r->model->loom;
	job->io = loom_instance_io(r->model->instance.loom, (unsigned int)r->io);
	job->step = r->model->steps[step].index;
	job->tag = tag;
	job->text[0] = '\0';
	worker_submit(d, WORKER_HOST_STEPS, &job->work);
	return 0;
}
