/* SPDX-License-Identifier: MIT */
/*
 * Rings in a program's hands: whatever it writes into them, and whenever, another tenant gets its
 * own bytes, and what was read once is what counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "rig.h"

#define USER	1
#define OTHER	2
#define LOG2	5

static struct host *h;
static struct rig user, other;

static int start(void **state)
{
	uint32_t *vms;

	h = host_new("tiny", NULL);
	host_boot(h);
	assert_int_equal(host_queue_in(h, 0, LOG2, 1, LOOM_BAND_NORMAL, LOOM_QUEUE_USER),
			 LOOM_ADMIN_OK);
	assert_int_equal(host_queue(h, 1, LOG2, 1), LOOM_ADMIN_OK);
	rig_context(&user, h, USER);
	rig_context(&other, h, OTHER);
	rig_fill(&other, 2, 1.0f);
	/* the driver's table lets the program name its own VM only */
	vms = host_ptr(h, h->queue[0].vm_table);
	memset(vms, 0, HOST_CONTEXTS * sizeof(*vms));
	vms[USER] = USER;
	return 0;
}

static int stop(void **state)
{
	host_free(h);
	return 0;
}

static void copy_job(struct stream *s, const struct rig *r)
{
	stream_begin(s, RIG_LEASE);
	stream_move(s, LOOM_OP_LOAD, r->in_va, 0, RIG_LEASE, 0);
	stream_move(s, LOOM_OP_STORE, r->out_va, 0, RIG_LEASE, 0);
	stream_end(s);
}

static void check_other(void)
{
	uint32_t number = h->queue[1].tail;
	struct stream s;

	memset(other.out, 0, RIG_LEASE);
	copy_job(&s, &other);
	host_submit(h, 1, OTHER, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 1, number)->fault, LOOM_FAULT_NONE);
	assert_memory_equal(other.out, other.in, RIG_LEASE);
	assert_int_equal(h->sim->core[0].num_jobs, 0);
	assert_int_equal(h->sim->fw.in_rings, 0);
	assert_int_equal(h->sim->core[0].outstanding, 0);
}

/* Descriptors of random bytes, and of nearly right ones; tails of any value. */
static void test_garbage(void **state)
{
	struct loom_hw_job *ring = host_ptr(h, h->queue[0].sq);
	uint64_t seed = 7;

	for (int round = 0; round < 200; round++) {
		uint8_t *bytes = (void *)ring;

		for (size_t i = 0; i < sizeof(*ring) << LOG2; i++)
			bytes[i] = rig_random(&seed) % 4 ? 0 : rig_random(&seed);
		for (int i = 0; i < 1 << LOG2; i++)
			if (rig_random(&seed) % 2)
				ring[i].vm_slot = rig_random(&seed) % HOST_CONTEXTS;
		loom_sim_doorbell(h->sim, h->now, 0,
				  h->sim->queue[0].sq_head + rig_random(&seed) % 40);
		loom_sim_doorbell(h->sim, h->now, 0, rig_random(&seed));
		check_other();
		if (h->sim->context[USER].dead) {
			host_context_op(h, LOOM_ADMIN_CTX_DESTROY, USER);
			host_context(h, USER, 0, RIG_LEASE);
		}
	}
	assert_true(host_completions(h, 0) > 1000);
}

/* It may name the other tenant's context number; its table does not have it. */
static void test_not_my_vm(void **state)
{
	struct stream s;

	copy_job(&s, &other);
	host_submit(h, 0, OTHER, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 0, 0)->fault, LOOM_FAULT_BAD_SLOT);
	check_other();
}

/* Descriptor and commands turn into something else as soon as they were read. */
static void test_read_once(void **state)
{
	uint32_t number = h->queue[0].tail;
	struct stream s;

	rig_fill(&user, 3, 1.0f);
	copy_job(&s, &user);
	h->fickle_first = h->queue[0].sq;
	h->fickle_end = h->queue[0].sq + (sizeof(struct loom_hw_job) << LOG2);
	host_submit(h, 0, USER, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 0, number)->fault, LOOM_FAULT_NONE);
	assert_int_equal(host_completion(h, 0, number)->seq, number);
	assert_memory_equal(user.out, user.in, RIG_LEASE);
	memset(user.out, 0, RIG_LEASE);
	number = h->queue[0].tail;
	h->fickle_first = HOST_BASE + h->used;	/* where the buffer will lie */
	h->fickle_end = h->fickle_first + 4096;
	host_submit(h, 0, USER, &s, 0);
	host_run(h);
	assert_int_equal(host_completion(h, 0, number)->fault, LOOM_FAULT_NONE);
	assert_memory_equal(user.out, user.in, RIG_LEASE);
	h->fickle_end = h->fickle_first;
	check_other();
}

/* It never looks at its completions; they go over each other, and nobody else's. */
static void test_never_reaps(void **state)
{
	struct stream s;

	copy_job(&s, &user);
	for (int i = 0; i < 5 << LOG2; i++) {
		host_submit(h, 0, USER, &s, 0);
		host_run(h);
	}
	assert_int_equal(host_completions(h, 0), 5 << LOG2);
	check_other();
}

/* The memory of its rings is gone. */
static void test_no_memory(void **state)
{
	h->broken_first = h->queue[0].sq;
	h->broken_end = h->queue[0].state + sizeof(struct loom_hw_queue_state);
	loom_sim_doorbell(h->sim, h->now, 0, 8);
	check_other();
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_ ## name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(garbage),
		TEST(not_my_vm),
		TEST(read_once),
		TEST(never_reaps),
		TEST(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
