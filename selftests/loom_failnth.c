// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every call of the driver, with the first, the second, ... allocation or user copy in it failing,
 * until none is left to fail. Each time the call either succeeds anyway or fails with an errno that
 * the interface documents, jobs run, and another tenant has seen nothing. What would have been
 * leaked is for kmemleak. Needs a kernel with CONFIG_FAULT_INJECTION.
 */

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest.h"
#include "loom_test.h"

#define MAX_POINTS	400	/* no call has so many */
#define JOBS		4u

/* ---- what makes allocations fail ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Also where the caller may sleep, and without a word in the log. */
static bool inject_setup(void)
{
	return write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") &&
	       write_file("/sys/kernel/debug/failslab/verbose", "0") &&
	       write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N") &&
	       write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N") &&
	       write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0") &&
	       write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0") &&
	       write_file("/sys/kernel/debug/fail_usercopy/verbose", "0");
}

static int nth_fd;

static void inject_begin(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, len, 0) != len)
		abort();
}

/* Whether something failed. A reading that fails by itself says that nothing had until then. */
static bool inject_end(void)
{
	char text[16] = "";
	bool fired = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';

	while (pwrite(nth_fd, "0", 1, 0) != 1)
		;
	return fired;
}

/* ---- tenants ---- */

struct tenant {
	int fd;
	struct world w;
	__u32 queue;
	struct bo results;
	struct drm_loom_job jobs[JOBS];
	struct io_uring ring;
	__u32 syncobj, done;
};

static void tenant_open(struct tenant *t)
{
	unsigned int i;

	t->fd = loom_open();
	if (t->fd < 0 || world_create(t->fd, &t->w) || queue_create(t->fd, 8, 2, 0, &t->queue) ||
	    queue_set_vm(t->fd, t->queue, 0, t->w.vm) || bo_create(t->fd, PAGE, &t->results) ||
	    io_uring_queue_init(8, &t->ring, IORING_SETUP_SQE128))
		ksft_exit_fail_msg("no tenant: %s\n", strerror(errno));
	world_program(&t->w, 1);
	for (i = 0; i < JOBS; i++)
		t->jobs[i] = world_job(&t->w, 0, i);
	t->syncobj = syncobj_create(t->fd);
	t->done = syncobj_create(t->fd);
	/* A fence that has been signalled, to wait for. */
	submit_and_wait(t->fd, t->queue, t->jobs, 1, NULL);
	if (syncobj_timeline_signal(t->fd, t->done, 1))
		ksft_exit_fail_msg("no fence: %s\n", strerror(errno));
}

static bool tenant_works(struct tenant *t)
{
	return !submit_and_wait(t->fd, t->queue, t->jobs, JOBS, &t->results) &&
	       world_done(&t->w, 1);
}

/* ---- the calls ---- */

struct scene {
	struct tenant *t;
	__u32 id;
	int fd;
	void *map;
	struct drm_loom_shared shared[2];
};

struct call {
	const char *name;
	const char *of;			/* for failnth-rows.sh */
	int (*before)(struct scene *s);	/* or NULL */
	int (*call)(struct scene *s);	/* 0 or -errno */
	void (*undo)(struct scene *s);	/* after success, or NULL */
	void (*unmake)(struct scene *s);	/* what before() made, after failure, or NULL */
	bool certain;			/* fails of nothing but its arguments' copy */
};

static int call_open(struct scene *s)
{
	s->fd = open("/dev/accel/accel0", O_RDWR);
	return s->fd < 0 ? -errno : 0;
}

static void undo_open(struct scene *s)
{
	close(s->fd);
}

static int query(struct scene *s, __u32 type, __u32 index)
{
	char answer[1024];
	struct drm_loom_query args = {
		.type = type,
		.index = index,
		.size = sizeof(answer),
		.data = (__u64)(uintptr_t)answer,
	};

	return loom_call(s->t->fd, DRM_IOCTL_LOOM_QUERY, &args);
}

static int call_query_device(struct scene *s) { return query(s, DRM_LOOM_QUERY_DEVICE, 0); }
static int call_query_counters(struct scene *s) { return query(s, DRM_LOOM_QUERY_COUNTERS, 0); }
static int call_query_time(struct scene *s) { return query(s, DRM_LOOM_QUERY_TIME, 0); }
static int call_query_vm(struct scene *s) { return query(s, DRM_LOOM_QUERY_VM, s->t->w.vm); }
static int call_query_recoveries(struct scene *s)
{
	return query(s, DRM_LOOM_QUERY_RECOVERIES, 0);
}

static int call_bo_create(struct scene *s)
{
	struct drm_loom_bo_create args = { .size = 16 * PAGE };
	int ret = loom_call(s->t->fd, DRM_IOCTL_LOOM_BO_CREATE, &args);

	s->id = args.handle;
	return ret;
}

static void undo_bo(struct scene *s)
{
	struct drm_gem_close args = { .handle = s->id };

	loom_call(s->t->fd, DRM_IOCTL_GEM_CLOSE, &args);
}

static int call_bo_mmap(struct scene *s)
{
	struct drm_loom_bo_mmap args = { .handle = s->id };

	return loom_call(s->t->fd, DRM_IOCTL_LOOM_BO_MMAP, &args);
}

static int before_map(struct scene *s)
{
	int ret = call_bo_create(s);

	return ret ? ret : call_bo_mmap(s);
}

static int call_map(struct scene *s)
{
	struct drm_loom_bo_mmap args = { .handle = s->id };

	if (loom_call(s->t->fd, DRM_IOCTL_LOOM_BO_MMAP, &args))
		return -errno;
	s->map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      s->t->fd, args.offset);
	return s->map == MAP_FAILED ? -errno : 0;
}

static void undo_map(struct scene *s)
{
	munmap(s->map, 16 * PAGE);
	undo_bo(s);
}

static int call_vm_create(struct scene *s) { return vm_create(s->t->fd, 4096, &s->id); }
static void undo_vm(struct scene *s) { vm_destroy(s->t->fd, s->id); }
static int call_vm_destroy(struct scene *s) { return vm_destroy(s->t->fd, s->id); }

#define BIND_VA (1ull << 40)

/* Far from all else, so that every level of the tables is made. */
static int call_bind(struct scene *s)
{
	struct bo bo = { .handle = s->id };

	return vm_map(s->t->fd, s->t->w.vm, &bo, BIND_VA, 0, 16 * PAGE, DRM_LOOM_MAP_WRITE);
}

static void undo_bind(struct scene *s)
{
	vm_unmap(s->t->fd, s->t->w.vm, BIND_VA, 16 * PAGE);
	undo_bo(s);
}

static int before_unbind(struct scene *s)
{
	int ret = call_bo_create(s);

	return ret ? ret : call_bind(s);
}

static int call_unbind(struct scene *s)
{
	return vm_unmap(s->t->fd, s->t->w.vm, BIND_VA, 16 * PAGE);
}

static int call_queue_create(struct scene *s)
{
	return queue_create(s->t->fd, 64, 4, 0, &s->id);
}

static int call_user_queue_create(struct scene *s)
{
	struct drm_loom_queue_create args = {
		.flags = DRM_LOOM_QUEUE_USER,
		.entries = 64,
		.vm_slots = 4,
	};
	int ret = loom_call(s->t->fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	s->id = args.queue_id;
	return ret;
}

/* Its completions are past this already, so nobody waits. */
static int call_queue_wait(struct scene *s)
{
	struct drm_loom_queue_wait args = { .queue_id = s->id, .cq_tail = 1 };

	return loom_call(s->t->fd, DRM_IOCTL_LOOM_QUEUE_WAIT, &args);
}

static void undo_queue(struct scene *s) { queue_destroy(s->t->fd, s->id); }
static int call_queue_destroy(struct scene *s) { return queue_destroy(s->t->fd, s->id); }

static int call_set_vm(struct scene *s)
{
	return queue_set_vm(s->t->fd, s->t->queue, 1, s->t->w.vm);
}

static void undo_set_vm(struct scene *s) { queue_set_vm(s->t->fd, s->t->queue, 1, 0); }

/* With all that a submission can have: results, a fence before it and one after it. */
static int call_submit(struct scene *s)
{
	struct submission sub;

	submission_init(&sub, s->t->queue, s->t->jobs, JOBS, &s->t->results);
	submission_wait_for(&sub, s->t->done, 1);
	submission_signal(&sub, s->t->syncobj, 0);
	return submission_run(s->t->fd, &sub);
}

/* Buffers that somebody else may be waiting for. */
static void scene_share(struct scene *s, struct drm_loom_submit *args)
{
	s->shared[0] = (struct drm_loom_shared){ s->t->results.handle, DRM_LOOM_SHARED_WRITE };
	s->shared[1] = (struct drm_loom_shared){ s->t->w.bo.handle };
	args->num_shared = 2;
	args->shared = (__u64)(uintptr_t)s->shared;
}

static int call_submit_shared(struct scene *s)
{
	struct submission sub;

	submission_init(&sub, s->t->queue, s->t->jobs, JOBS, NULL);
	scene_share(s, &sub.args);
	submission_signal(&sub, s->t->syncobj, 0);
	return submission_run(s->t->fd, &sub);
}

static void undo_submit(struct scene *s) { syncobj_wait(s->t->fd, s->t->syncobj); }

static int uring(struct scene *s, __u32 cmd_op, const void *args, size_t size)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&s->t->ring);
	struct io_uring_cqe *cqe;
	int ret;

	if (!sqe)
		return -ENOSPC;
	memset(sqe, 0, 2 * sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = s->t->fd;
	sqe->cmd_op = cmd_op;
	memcpy(sqe->cmd, args, size);
	/* io_uring may have failed before it took the entry: then it is there still. */
	do {
		ret = io_uring_submit_and_wait(&s->t->ring, 1);
	} while (ret == -EINTR || ret == -ENOMEM || ret == -EAGAIN || ret == -EFAULT);
	if (ret < 0)
		return ret;
	ret = io_uring_wait_cqe(&s->t->ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&s->t->ring, cqe);
	return ret;
}

static int call_uring_submit(struct scene *s)
{
	struct drm_loom_submit args = {
		.queue_id = s->t->queue,
		.num_jobs = JOBS,
		.results_handle = s->t->results.handle,
		.jobs = (__u64)(uintptr_t)s->t->jobs,
	};

	return uring(s, LOOM_URING_SUBMIT, &args, sizeof(args));
}

static int call_uring_submit_shared(struct scene *s)
{
	struct drm_loom_submit args = {
		.queue_id = s->t->queue,
		.num_jobs = JOBS,
		.jobs = (__u64)(uintptr_t)s->t->jobs,
	};

	scene_share(s, &args);
	return uring(s, LOOM_URING_SUBMIT, &args, sizeof(args));
}

static int call_uring_job(struct scene *s)
{
	struct drm_loom_uring_job args = { .queue_id = s->t->queue, .job = s->t->jobs[0] };

	return uring(s, LOOM_URING_JOB, &args, sizeof(args));
}

/* With results and a fence before it, which is another way through the driver. */
static int call_uring_long_job(struct scene *s)
{
	struct drm_loom_sync in = { .handle = s->t->done, .point = 1 };
	struct drm_loom_uring_job args = {
		.queue_id = s->t->queue,
		.results_handle = s->t->results.handle,
		.num_in_syncs = 1,
		.in_syncs = (__u64)(uintptr_t)&in,
		.job = s->t->jobs[0],
	};

	return uring(s, LOOM_URING_JOB, &args, sizeof(args));
}

static int call_export(struct scene *s)
{
	struct drm_prime_handle args = { .handle = s->id, .flags = O_RDWR | O_CLOEXEC };
	int ret = loom_call(s->t->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	s->fd = args.fd;
	return ret;
}

static void undo_export(struct scene *s)
{
	close(s->fd);
	undo_bo(s);
}

/* A buffer of another tenant, so that it is more than a look-up. */
static int before_import(struct scene *s)
{
	int ret = call_bo_create(s);

	return ret ? ret : call_export(s);
}

static int other_fd;

static int call_import(struct scene *s)
{
	struct drm_prime_handle args = { .fd = s->fd };
	struct drm_gem_close close_args;
	int ret = loom_call(other_fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	close_args = (struct drm_gem_close){ .handle = args.handle };
	if (!ret)
		loom_call(other_fd, DRM_IOCTL_GEM_CLOSE, &close_args);
	return ret;
}

static int call_fdinfo(struct scene *s)
{
	char path[64], text[4096];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", s->t->fd);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	ret = read(fd, text, sizeof(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

#define ROW(name, of, ...) { name, #of, __VA_ARGS__ }

static const struct call calls[] = {
	ROW("open", open, NULL, call_open, undo_open),
	ROW("query device", DRM_LOOM_QUERY_DEVICE, NULL, call_query_device),
	ROW("query counters", DRM_LOOM_QUERY_COUNTERS, NULL, call_query_counters),
	ROW("query time", DRM_LOOM_QUERY_TIME, NULL, call_query_time),
	ROW("query vm", DRM_LOOM_QUERY_VM, NULL, call_query_vm),
	ROW("query recoveries", DRM_LOOM_QUERY_RECOVERIES, NULL, call_query_recoveries),
	ROW("bo create", DRM_LOOM_BO_CREATE, NULL, call_bo_create, undo_bo),
	ROW("bo mmap", DRM_LOOM_BO_MMAP, call_bo_create, call_bo_mmap, undo_bo, undo_bo),
	ROW("mmap", mmap, before_map, call_map, undo_map, undo_bo),
	ROW("vm create", DRM_LOOM_VM_CREATE, NULL, call_vm_create, undo_vm),
	ROW("vm destroy", DRM_LOOM_VM_DESTROY, call_vm_create, call_vm_destroy, NULL, undo_vm,
	    true),
	ROW("vm map", DRM_LOOM_VM_BIND, call_bo_create, call_bind, undo_bind, undo_bo),
	ROW("vm unmap", DRM_LOOM_VM_BIND, before_unbind, call_unbind, undo_bo, undo_bind, true),
	ROW("queue create", DRM_LOOM_QUEUE_CREATE, NULL, call_queue_create, undo_queue),
	ROW("queue create, user mode", DRM_LOOM_QUEUE_CREATE, NULL, call_user_queue_create,
	    undo_queue),
	ROW("queue wait", DRM_LOOM_QUEUE_WAIT, call_user_queue_create, call_queue_wait, undo_queue,
	    undo_queue, true),
	ROW("queue destroy", DRM_LOOM_QUEUE_DESTROY, call_queue_create, call_queue_destroy, NULL,
	    undo_queue, true),
	ROW("queue set vm", DRM_LOOM_QUEUE_SET_VM, NULL, call_set_vm, undo_set_vm, NULL, true),
	ROW("submit", DRM_LOOM_SUBMIT, NULL, call_submit, undo_submit),
	ROW("submit, shared buffers", DRM_LOOM_SUBMIT, NULL, call_submit_shared, undo_submit),
	ROW("io_uring submit", LOOM_URING_SUBMIT, NULL, call_uring_submit),
	ROW("io_uring submit, shared buffers", LOOM_URING_SUBMIT, NULL, call_uring_submit_shared),
	ROW("io_uring job", LOOM_URING_JOB, NULL, call_uring_job),
	ROW("io_uring job, with results", LOOM_URING_JOB, NULL, call_uring_long_job),
	ROW("prime export", PRIME, call_bo_create, call_export, undo_export, undo_bo),
	ROW("prime import", PRIME, before_import, call_import, undo_export, undo_export),
	ROW("fdinfo", fdinfo, NULL, call_fdinfo),
};

/* ---- the sweep ---- */

struct tally {
	unsigned int points, tolerated, nomem, fault, other;
};

static bool count(struct tally *tally, int ret, bool certain)
{
	tally->points++;
	switch (ret) {
	case 0:
		tally->tolerated++;
		return true;
	case -EFAULT:
		tally->fault++;
		return true;
	case -ENOMEM:
	case -ENOSPC: /* shmem says so when it has no inode */
		tally->nomem++;
		return !certain;
	default:
		tally->other++;
		return false;
	}
}

/* Returns whether something failed in the call; *ok becomes false when that had effects. */
static bool run_point(const struct call *call, struct tenant *t, struct tenant *other,
		      unsigned int nth, struct tally *tally, bool *ok)
{
	struct scene s = { .t = t };
	bool fired;
	int ret;

	if (call->before && call->before(&s))
		ksft_exit_fail_msg("%s: cannot be prepared\n", call->name);
	inject_begin(nth);
	ret = call->call(&s);
	fired = inject_end();

	if (!ret && call->undo)
		call->undo(&s);
	if (ret && call->unmake)
		call->unmake(&s);
	if (!fired) {
		*ok &= !ret;
	} else if (!count(tally, ret, call->certain)) {
		ksft_print_msg("%s: point %u: %s\n", call->name, nth, strerror(-ret));
		*ok = false;
	}
	*ok &= tenant_works(t) && tenant_works(other);
	return fired;
}

static void sweep(const struct call *call, struct tenant *t, struct tenant *other)
{
	struct tally tally = {};
	unsigned int nth = 1;
	bool ok = true;

	while (nth < MAX_POINTS && run_point(call, t, other, nth, &tally, &ok))
		nth++;
	ksft_print_msg("matrix | %s | %s | %u | ENOMEM %u, EFAULT %u, none %u, other %u | %s\n",
		       call->name, call->certain ? "-EFAULT" : "-ENOMEM, -EFAULT", tally.points,
		       tally.nomem, tally.fault, tally.tolerated, tally.other,
		       ok ? "nothing" : "FAILED");
	ksft_test_result(ok && nth < MAX_POINTS, "%s: %u points\n", call->name, tally.points);
}

/* ---- what is queued needs nothing more ---- */

#define LONG_JOBS 256u	/* of three milliseconds, through a ring of 8 */

/* For all of the kernel, in interrupts too. */
static bool fail_everything(const int *fds, bool on)
{
	const char *percent = on ? "100" : "0";

	return write(fds[0], percent, strlen(percent)) > 0 &&
	       write(fds[1], percent, strlen(percent)) > 0;
}

/*
 * A long submission, and one on another queue that waits for its fence: they go through the ring,
 * are completed and signal with every allocation of the kernel failing. So it is waited for by
 * looking at results only.
 */
static bool runs_without_memory(struct tenant *t, const int *fds)
{
	static struct drm_loom_job jobs[LONG_JOBS];
	volatile struct drm_loom_result *last;
	struct submission first, second;
	__u32 queue, done = syncobj_create(t->fd);
	struct bo slow_bo, results;
	bool on, off;
	__u32 i;

	if (bo_create(t->fd, (LONG_JOBS + 1) * sizeof(*last), &results) ||
	    slow_create(&t->w, 0, &slow_bo, &jobs[0]) || queue_create(t->fd, 8, 1, 0, &queue) ||
	    queue_set_vm(t->fd, queue, 0, t->w.vm))
		return false;
	for (i = 1; i < LONG_JOBS; i++)
		jobs[i] = jobs[0];
	memset(results.map, 0xff, results.size);
	last = (struct drm_loom_result *)results.map + LONG_JOBS;
	submission_init(&first, t->queue, jobs, LONG_JOBS, &results);
	submission_signal(&first, t->syncobj, 0);
	submission_init(&second, queue, t->jobs, 1, &results);
	second.args.results_offset = LONG_JOBS * sizeof(*last);
	submission_wait_for(&second, t->syncobj, 0);
	submission_signal(&second, done, 0);
	if (submission_run(t->fd, &first) || submission_run(t->fd, &second))
		return false;

	on = fail_everything(fds, true) && last->status == -1;
	on &= open("/dev/null", O_RDONLY) < 0 && errno == ENOMEM; /* it does fail */
	while (on && last->status == -1)
		;
	off = fail_everything(fds, false);
	for (i = 0; i < LONG_JOBS; i++)
		on &= !((struct drm_loom_result *)results.map)[i].status;
	return on && off && !last->status && !syncobj_wait(t->fd, done);
}

static void check_memory(struct tenant *t, struct tenant *other)
{
	int fds[] = {
		open("/sys/kernel/debug/failslab/probability", O_RDWR),
		open("/sys/kernel/debug/fail_page_alloc/probability", O_RDWR),
	};
	bool ok = write_file("/sys/kernel/debug/failslab/times", "-1") &&
		  write_file("/sys/kernel/debug/fail_page_alloc/times", "-1");

	ok = ok && runs_without_memory(t, fds) && tenant_works(t) && tenant_works(other);
	ksft_test_result(ok, "jobs run to their end with every allocation failing\n");
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	struct tenant t = {}, other = {};
	unsigned int i;

	ksft_print_header();
	nth_fd = open("/proc/self/fail-nth", O_RDWR);
	if (nth_fd < 0 || !inject_setup())
		ksft_exit_skip("no fault injection in this kernel\n");
	ksft_set_plan(ARRAY_SIZE(calls) + 1);
	tenant_open(&t);
	tenant_open(&other);
	other_fd = other.fd;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		sweep(&calls[i], &t, &other);
	check_memory(&t, &other);
	ksft_finished();
}
