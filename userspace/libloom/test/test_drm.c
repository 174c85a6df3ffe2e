// SPDX-License-Identifier: MIT
/*
 * The library on the driver, in the VM: by io_uring, and again as where that is forbidden.
 */
#include <poll.h>
#include <unistd.h>

#include "fixture.h"
#include "loom_isa.h"
#include "loom_user_queue.h"

static const struct make_model small = { .name = "small", .n = 64, .slices = 3, .seed = 1 };

static struct loom_ring *open_ring(struct loom_dev *dev)
{
	struct loom_ring *ring = NULL;

	must_work(loom_ring_create(dev, 8, &ring));
	return ring;
}

static void expect(struct loom_ring *ring, uint64_t tag, int res)
{
	struct loom_ring_cqe cqe;

	must_work(loom_ring_enter(ring, 1, 1000000000));
	assert_int_equal(loom_ring_reap(ring, &cqe), 1);
	assert_int_equal(cqe.tag, tag);
	assert_int_equal(cqe.res, res);
}

/* Each time the descriptor becomes ready there is one completion, until it is removed. */
static void test_poll(void **data)
{
	struct loom_dev *dev = open_device(NULL);
	struct loom_ring *ring = open_ring(dev);
	struct loom_ring_cqe cqe;
	int fds[2], i;
	char c;

	assert_int_equal(pipe(fds), 0);
	must_work(loom_ring_poll(ring, fds[0], 50));
	must_work(loom_ring_enter(ring, 0, 0));
	for (i = 0; i < 3; i++) {
		assert_int_equal(loom_ring_reap(ring, &cqe), 0);
		assert_int_equal(write(fds[1], "x", 1), 1);
		expect(ring, 50, POLLIN);
		assert_int_equal(read(fds[0], &c, 1), 1);
	}
	assert_int_equal(loom_ring_poll_remove(ring, 51), -ENOENT);
	must_work(loom_ring_poll_remove(ring, 50));
	assert_int_equal(write(fds[1], "x", 1), 1);
	/* The removal itself may wake us once, but there is nothing to take. */
	if (!loom_ring_enter(ring, 1, 1000000))
		assert_int_equal(loom_ring_reap(ring, &cqe), 0);
	assert_int_equal(loom_ring_enter(ring, 1, 1000000), -ETIME);
	assert_int_equal(loom_ring_reap(ring, &cqe), 0);
	loom_ring_destroy(ring);
	close(fds[0]);
	close(fds[1]);
	loom_dev_close(dev);
}

/* Completions and readiness in one place to sleep; the ring itself can be slept on, too. */
static void test_one_sleep(void **data)
{
	struct loom_dev *dev = open_device(NULL);
	struct loom_queue *queue = open_queue(dev, 1);
	struct loom_ring *ring = open_ring(dev);
	struct pollfd pollfd = { .fd = loom_ring_fd(ring), .events = POLLIN };
	struct drm_loom_job job;
	struct loaded a;
	int fds[2];

	load(&a, dev, queue, 0, small, 1);
	assert_int_equal(pipe(fds), 0);
	must_work(loom_ring_poll(ring, fds[0], 1));
	loom_instance_job(a.instance, 0, 0, 0, &job);
	must_work(loom_ring_prep(ring, queue, &job, 1, NULL, 0, 2));
	expect(ring, 2, 0);
	must_work(loom_ring_prep(ring, queue, &job, 1, NULL, 0, 3));
	must_work(loom_ring_enter(ring, 0, 0));
	assert_int_equal(poll(&pollfd, 1, 1000), 1);
	expect(ring, 3, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	expect(ring, 1, POLLIN);
	loom_ring_destroy(ring);
	unload(&a);
	loom_queue_destroy(queue);
	loom_dev_close(dev);
	close(fds[0]);
	close(fds[1]);
}

/* Wrong nodes are refused by name. */
static void test_nodes(void **data)
{
	struct loom_dev *dev;

	assert_int_equal(loom_dev_open("/dev/null", &dev), -ENODEV);
	assert_non_null(strstr(loom_error(), "not a Loom device"));
	assert_int_equal(loom_dev_open("drm:/dev/nonexistent", &dev), -ENOENT);
	assert_int_equal(loom_dev_open("sim:tiny", &dev), -ENODEV);
	dev = open_device("drm:/dev/accel/accel0");
	assert_true(loom_dev_fd(dev) >= 0);
	loom_dev_close(dev);
}

/* All slices of a model through rings of our own, twice, with waiting and without. */
static void test_user_queue(void **data)
{
	struct loom_dev *dev = open_device(NULL);
	struct loom_queue *queue = open_queue(dev, 1);
	struct loom_user_queue *user;
	struct drm_loom_job job;
	struct loom_hw_cqe cqe;
	struct loaded a;
	uint32_t i;

	load(&a, dev, queue, 0, small, 1);
	must_work(loom_user_queue_create(dev, 8, 1, 1, &user));
	must_work(loom_user_queue_set_vm(user, 0, loom_instance_vm(a.instance)));
	fill_input(&a, 0, 5);
	for (i = 0; i < 2 * small.slices; i++) {
		loom_instance_job(a.instance, 0, i % small.slices, 0, &job);
		job.user_data = 100 + i;
		assert_int_equal(loom_user_queue_submit(user, &job, 0), 0);
		while (!loom_user_queue_reap(user, &cqe))
			if (i % 2)
				must_work(loom_user_queue_wait(user, 1000000000));
		assert_int_equal(cqe.fault, LOOM_FAULT_NONE);
		assert_int_equal(cqe.cookie, 100 + i);
	}
	check_output(&a, 0, 5);

	for (i = 0; i < 8; i++)
		assert_int_equal(loom_user_queue_submit(user, &job, 0), 0);
	assert_int_equal(loom_user_queue_submit(user, &job, 0), -EAGAIN);
	for (i = 0; i < 8; i++)
		while (!loom_user_queue_reap(user, &cqe))
			must_work(loom_user_queue_wait(user, 1000000000));
	assert_int_equal(loom_user_queue_wait(user, 1000), -ETIME);
	assert_int_equal(loom_user_queue_create(dev, 7, 1, 1, &user), -EINVAL);
	loom_user_queue_destroy(user);
	unload(&a);
	loom_queue_destroy(queue);
	loom_dev_close(dev);
}

static int run_ring_tests(const char *title)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_poll),
		cmocka_unit_test(test_one_sleep),
		cmocka_unit_test(test_user_queue),
	};

	return cmocka_run_group_tests_name(title, tests, NULL, NULL);
}

static bool forbid_uring(const char *value)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "we");
	bool good = file && fputs(value, file) >= 0;

	return file && !fclose(file) && good;
}

int main(void)
{
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = run_device_tests(NULL, "libloom, io_uring", false);
	failed += run_ring_tests("rings, io_uring");
	if (!forbid_uring("2"))
		return 1;
	failed += run_device_tests(NULL, "libloom, io_uring forbidden", true);
	failed += run_ring_tests("rings, io_uring forbidden");
	forbid_uring("0");
	return failed;
}
