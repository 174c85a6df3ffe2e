// SPDX-License-Identifier: MIT
/* Two leases a model: requests take them in turns; and what happens if there is room for one. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS 24u

static const struct make_model small = { .n = RIG_N, .slices = 12, .seed = 3 };
/* More than half of the activation SRAM of a tiny device (on which it does not run). */
static const struct make_model large = { .n = 300000, .slices = 2, .seed = 4 };

static long long leases(struct loom_client *c, const char *model)
{
	json_t *list, *m;
	long long num = -1;
	size_t i;
	char *text;

	assert_int_equal(loom_client_list(c, &text), 0);
	list = json_loads(text, 0, NULL);
	assert_non_null(list);
	json_array_foreach(json_object_get(list, "models"), i, m)
		if (!strcmp(json_string_value(json_object_get(m, "name")), model))
			num = json_integer_value(json_object_get(m, "leases"));
	json_decref(list);
	free(text);
	return num;
}

static struct loom_client_buffer *new_buffer(struct loom_client *c, uint32_t number)
{
	struct loom_client_buffer *b;
	struct loom_client_model m;

	assert_int_equal(loom_client_model(c, "small", &m), 0);
	assert_int_equal(loom_client_buffer_create(c, m.io_bytes, &b), 0);
	rig_fill(loom_client_buffer_map(b), RIG_N, number);
	return b;
}

/* So many at once, each with its own input: what one leaves in a lease is nobody else's. */
static void serve(struct loom_client *c)
{
	struct loom_client_buffer *b[REQUESTS];
	struct loom_client_reply reply;
	uint32_t i;

	for (i = 0; i < REQUESTS; i++) {
		b[i] = new_buffer(c, i);
		assert_int_equal(loom_client_submit(c, "small", b[i], UINT64_MAX, i), 0);
	}
	for (i = 0; i < REQUESTS; i++) {
		assert_int_equal(loom_client_wait(c, UINT64_MAX, &reply), 0);
		assert_int_equal(reply.status, 0);
		rig_check(loom_client_buffer_map(b[reply.id]), &small, (uint32_t)reply.id);
	}
}

static void in_turns(void **state)
{
	static const char *const options[] = { "--leases", "2", NULL };
	struct rig *rig = *state;
	struct loom_client *c;

	rig_start(rig, options);
	c = rig_connect(rig, "turns", 0);
	rig_load(rig, c, "small", small);
	assert_int_equal(leases(c, "small"), 2);
	serve(c);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
	/* One is what there is without the option. */
	rig_start(rig, NULL);
	c = rig_connect(rig, "one", 0);
	assert_int_equal(leases(c, "small"), 1);
	serve(c);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

/* A record has what the scheduler was told of it: replayed, it says the same. */
static void recorded(void **state)
{
	static const char *const options[] = { "--leases", "2", NULL };
	struct rig *rig = *state;
	char path[128], command[512];
	struct loom_client *c;

	rig_start(rig, options);
	c = rig_connect(rig, "recorded", 0);
	rig_load(rig, c, "small", small);
	snprintf(path, sizeof(path), "%s/record", rig->dir);
	assert_int_equal(loom_client_record(c, path, 0), 0);
	serve(c);
	assert_int_equal(loom_client_record_stop(c), 0);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
	rig_program(command, sizeof(command), "../bin/loom-bench");
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " replay %s >/dev/null", path);
	assert_int_equal(system(command), 0);
}

static void no_room(void **state)
{
	static const char *const options[] = { "--leases", "2", NULL };
	struct rig *rig = *state;
	struct loom_client *c;

	rig_start(rig, options);
	c = rig_connect(rig, "room", 0);
	rig_load(rig, c, "large", large);
	assert_int_equal(leases(c, "large"), 1);
	/* The rest of the SRAM is there for others, and what is given back can be had again. */
	rig_load(rig, c, "small", small);
	assert_int_equal(leases(c, "small"), 2);
	serve(c);
	assert_int_equal(loom_client_unload(c, "large"), 0);
	rig_load(rig, c, "large", large);
	assert_int_equal(leases(c, "large"), 1);
	loom_client_close(c);
	assert_int_equal(rig_stop(rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_turns, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(recorded, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(no_room, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("loomd: leases", tests, NULL, NULL);
}
