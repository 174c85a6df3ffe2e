// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring, with the test as the device: jobs go on it and come off, also where 32-bit indices
 * wrap. And what is refused before anything is queued. Included by loom_job.c.
 */

#include <kunit/test.h>
#include <linux/workqueue.h>

#include "loom_isa.h"
#include "../loom_vm.h"

#define JOB_TEST_ENTRIES	8u
#define JOB_TEST_JOBS		20u
#define JOB_TEST_SLOTS		4u

struct job_test {
	struct loom_device ldev;
	struct loom_file lfile;
	struct loom_vm vm;
	struct loom_queue queue;
	struct loom_slot slots[JOB_TEST_SLOTS];
	struct loom_hw_job sq[JOB_TEST_ENTRIES];
	struct loom_job *jobs[JOB_TEST_ENTRIES];
	u16 free_tags[JOB_TEST_ENTRIES];
	u32 doorbell;
	struct loom_submission *sub;
	struct loom_finished finished;
};

static void job_test_work(struct work_struct *work)
{
}

static void job_test_init_queue(struct job_test *t)
{
	struct loom_queue *queue = &t->queue;
	unsigned int i;

	queue->ldev = &t->ldev;
	queue->lfile = &t->lfile;
	queue->entries = JOB_TEST_ENTRIES;
	queue->vm_slots = JOB_TEST_SLOTS;
	queue->sq = t->sq;
	queue->jobs = t->jobs;
	queue->slots = t->slots;
	queue->free_tags = t->free_tags;
	queue->doorbell = (void __iomem *)&t->doorbell;
	for (i = 0; i < JOB_TEST_ENTRIES; i++)
		queue->free_tags[i] = i;
	queue->num_free_tags = JOB_TEST_ENTRIES;
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->pending);
	queue->asked = &queue->pending;
	INIT_LIST_HEAD(&queue->parked);
}

static int job_test_init(struct kunit *test)
{
	struct job_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->ldev.wq = system_wq;
	INIT_DELAYED_WORK(&t->ldev.hang_work, job_test_work);
	kref_init(&t->vm.ref);
	spin_lock_init(&t->vm.fault_lock);
	job_test_init_queue(t);
	t->finished.last = &t->finished.first;

	t->sub = kunit_kzalloc(test, struct_size(t->sub, jobs, JOB_TEST_JOBS), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->sub);
	t->sub->queue = &t->queue;
	t->sub->num_jobs = JOB_TEST_JOBS;
	for (i = 0; i < JOB_TEST_JOBS; i++) {
		t->sub->jobs[i].sub = t->sub;
		t->sub->jobs[i].vm = &t->vm;
		t->sub->jobs[i].user_data = 100 + i;
		t->slots[0].jobs++;
	}
	kref_get(&t->vm.ref); /* the slot's, for all of them */
	test->priv = t;
	return 0;
}

static void job_test_exit(struct kunit *test)
{
	struct job_test *t = test->priv;

	if (t)
		cancel_delayed_work_sync(&t->ldev.hang_work);
}

/* ---- the ring ---- */

static void job_test_push(struct job_test *t)
{
	spin_lock_irq(&t->queue.lock);
	loom_queue_push(&t->queue);
	spin_unlock_irq(&t->queue.lock);
}

static bool job_test_complete(struct job_test *t, u32 cookie, u32 seq, u32 fault)
{
	struct loom_hw_cqe cqe = {
		.cookie = cookie, .seq = seq, .fault = fault, .end = 1000 + seq,
	};
	bool ret;

	spin_lock_irq(&t->queue.lock);
	ret = loom_job_complete(&t->queue, &cqe, &t->finished);
	spin_unlock_irq(&t->queue.lock);
	return ret;
}

/* Run the whole submission from a given index on, completing what is oldest. */
static void job_test_run(struct kunit *test, u32 start)
{
	struct job_test *t = test->priv;
	struct loom_queue *queue = &t->queue;
	u32 i;

	queue->sq_tail = start;
	list_add_tail(&t->sub->node, &queue->pending);
	job_test_push(t);
	KUNIT_ASSERT_EQ(test, t->doorbell, start + JOB_TEST_ENTRIES);

	for (i = 0; i < JOB_TEST_JOBS; i++) {
		struct loom_hw_job *desc = &t->sq[(start + i) % JOB_TEST_ENTRIES];

		KUNIT_ASSERT_EQ(test, desc->seq, start + i);
		KUNIT_ASSERT_PTR_EQ(test, t->jobs[desc->cookie], &t->sub->jobs[i]);
		KUNIT_ASSERT_NULL(test, t->finished.first);
		KUNIT_ASSERT_TRUE(test, job_test_complete(t, desc->cookie, desc->seq, 0));
		job_test_push(t);
		KUNIT_ASSERT_EQ(test, t->doorbell,
				start + min(i + 1 + JOB_TEST_ENTRIES, JOB_TEST_JOBS));
	}
	KUNIT_EXPECT_EQ(test, queue->num_free_tags, JOB_TEST_ENTRIES);
	KUNIT_EXPECT_PTR_EQ(test, t->finished.first, t->sub);
	KUNIT_EXPECT_PTR_EQ(test, t->finished.last, &t->sub->next);
	KUNIT_EXPECT_EQ(test, t->sub->status, 0);
	KUNIT_EXPECT_EQ(test, t->slots[0].jobs, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&t->vm.ref), 1);
}

static void job_test_ring(struct kunit *test)
{
	job_test_run(test, 0);
}

static void job_test_ring_wraps(struct kunit *test)
{
	job_test_run(test, U32_MAX - 10);
}

/* The device ends jobs of different VMs in another order than it got them. */
static void job_test_out_of_order(struct kunit *test)
{
	static const u32 order[JOB_TEST_ENTRIES] = { 3, 0, 7, 1, 2, 6, 5, 4 };
	struct job_test *t = test->priv;
	u32 cookies[JOB_TEST_ENTRIES], i;

	list_add_tail(&t->sub->node, &t->queue.pending);
	job_test_push(t);
	for (i = 0; i < JOB_TEST_ENTRIES; i++)
		cookies[i] = t->sq[i].cookie;
	for (i = 0; i < JOB_TEST_ENTRIES; i++)
		KUNIT_ASSERT_TRUE(test, job_test_complete(t, cookies[order[i]], order[i], 0));
	KUNIT_EXPECT_EQ(test, t->queue.num_free_tags, JOB_TEST_ENTRIES);
	KUNIT_EXPECT_EQ(test, t->sub->num_done, JOB_TEST_ENTRIES);
}

/* A device that writes nonsense gets nothing completed by it. */
static void job_test_nonsense(struct kunit *test)
{
	struct job_test *t = test->priv;
	u32 cookie;

	list_add_tail(&t->sub->node, &t->queue.pending);
	job_test_push(t);
	cookie = t->sq[0].cookie;
	KUNIT_EXPECT_FALSE(test, job_test_complete(t, JOB_TEST_ENTRIES, 0, 0));
	KUNIT_EXPECT_FALSE(test, job_test_complete(t, U32_MAX, 0, 0));
	KUNIT_EXPECT_FALSE(test, job_test_complete(t, cookie, 1, 0));
	KUNIT_EXPECT_TRUE(test, job_test_complete(t, cookie, 0, 0));
	KUNIT_EXPECT_FALSE_MSG(test, job_test_complete(t, cookie, 0, 0), "the same once more");
	KUNIT_EXPECT_EQ(test, t->sub->num_done, 1);
}

/* The status is that of the first job that failed, not of the first that came back. */
static void job_test_first_failure(struct kunit *test)
{
	struct job_test *t = test->priv;
	u32 cookies[3], i;

	list_add_tail(&t->sub->node, &t->queue.pending);
	job_test_push(t);
	for (i = 0; i < 3; i++)
		cookies[i] = t->sq[i].cookie;
	WRITE_ONCE(t->vm.destroyed, true);
	job_test_complete(t, cookies[2], 2, LOOM_FAULT_CANCELLED);
	KUNIT_EXPECT_EQ(test, t->sub->status, -ECANCELED);
	KUNIT_EXPECT_EQ(test, t->sub->first_failed, 2);
	job_test_complete(t, cookies[0], 0, 0);
	job_test_complete(t, cookies[1], 1, LOOM_FAULT_CANCELLED);
	KUNIT_EXPECT_EQ(test, t->sub->first_failed, 1);
	KUNIT_EXPECT_EQ(test, t->sub->end, 1002);
}

static void job_test_stopped(struct kunit *test)
{
	struct job_test *t = test->priv;

	list_add_tail(&t->sub->node, &t->queue.pending);
	t->queue.stopped = true;
	job_test_push(t);
	KUNIT_EXPECT_EQ(test, t->queue.num_free_tags, JOB_TEST_ENTRIES);
	t->queue.stopped = false;
	atomic_set(&t->sub->num_waits, 1);
	job_test_push(t);
	KUNIT_EXPECT_EQ_MSG(test, t->queue.num_free_tags, JOB_TEST_ENTRIES, "it waits for a fence");
	atomic_set(&t->sub->num_waits, 0);
	job_test_push(t);
	KUNIT_EXPECT_EQ(test, t->queue.num_free_tags, 0);
}

/* ---- what is refused ---- */

struct job_test_desc {
	const char *name;
	struct drm_loom_job desc;
	int want;
};

static const struct job_test_desc job_test_descs[] = {
	{ "good", { .cmd_va = 4096, .cmd_size = 64 } },
	{ "last address", { .cmd_va = BIT_ULL(LOOM_VA_BITS) - 8, .cmd_size = 8 } },
	{ "release layer", { .cmd_size = 8, .flags = DRM_LOOM_JOB_RELEASE_LAYER } },
	{ "last slot", { .cmd_size = 8, .vm_slot = JOB_TEST_SLOTS - 1 } },
	{ "cmd_va not aligned", { .cmd_va = 4, .cmd_size = 8 }, -EINVAL },
	{ "cmd_va beyond the end", { .cmd_va = BIT_ULL(LOOM_VA_BITS), .cmd_size = 8 }, -EINVAL },
	{ "cmd_size not aligned", { .cmd_size = 12 }, -EINVAL },
	{ "vm_slot", { .cmd_size = 8, .vm_slot = JOB_TEST_SLOTS }, -EINVAL },
	{ "flags", { .cmd_size = 8, .flags = 1 << 15 }, -EINVAL },
	{ "pad", { .cmd_size = 8, .pad = 1 }, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(job_test_desc, job_test_descs, name);

static void job_test_check(struct kunit *test)
{
	const struct job_test_desc *param = test->param_value;
	struct job_test *t = test->priv;
	struct loom_job job = {};

	KUNIT_EXPECT_EQ(test, loom_job_init(&job, t->sub, &param->desc), param->want);
}

struct job_test_submit {
	const char *name;
	struct drm_loom_submit args;
	int want;
};

static const struct job_test_submit job_test_submits[] = {
	{ "one", { .num_jobs = 1 } },
	{ "most", { .num_jobs = DRM_LOOM_SUBMIT_MAX_JOBS,
		    .num_in_syncs = DRM_LOOM_SUBMIT_MAX_SYNCS,
		    .num_out_syncs = DRM_LOOM_SUBMIT_MAX_SYNCS,
		    .num_shared = DRM_LOOM_SUBMIT_MAX_SHARED } },
	{ "none", { .num_jobs = 0 }, -EINVAL },
	{ "too many", { .num_jobs = DRM_LOOM_SUBMIT_MAX_JOBS + 1 }, -EINVAL },
	{ "flags", { .num_jobs = 1, .flags = 1u << 31 }, -EINVAL },
	{ "pad", { .num_jobs = 1, .pad = 1 }, -EINVAL },
	{ "in_syncs", { .num_jobs = 1, .num_in_syncs = DRM_LOOM_SUBMIT_MAX_SYNCS + 1 }, -EINVAL },
	{ "out_syncs", { .num_jobs = 1, .num_out_syncs = U32_MAX }, -EINVAL },
	{ "shared", { .num_jobs = 1, .num_shared = DRM_LOOM_SUBMIT_MAX_SHARED + 1 }, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(job_test_submit, job_test_submits, name);

static void job_test_check_submit(struct kunit *test)
{
	const struct job_test_submit *param = test->param_value;

	KUNIT_EXPECT_EQ(test, loom_submit_check(NULL, &param->args), param->want);
}

static struct kunit_case loom_job_cases[] = {
	KUNIT_CASE(job_test_ring),
	KUNIT_CASE(job_test_ring_wraps),
	KUNIT_CASE(job_test_out_of_order),
	KUNIT_CASE(job_test_nonsense),
	KUNIT_CASE(job_test_first_failure),
	KUNIT_CASE(job_test_stopped),
	KUNIT_CASE_PARAM(job_test_check, job_test_desc_gen_params),
	KUNIT_CASE_PARAM(job_test_check_submit, job_test_submit_gen_params),
	{ }
};

static struct kunit_suite loom_job_suite = {
	.name = "loom_job",
	.init = job_test_init,
	.exit = job_test_exit,
	.test_cases = loom_job_cases,
};

kunit_test_suite(loom_job_suite);
