// SPDX-License-Identifier: MIT
/* The decoder alone: truncated and garbled messages, with fixed seeds. Also the fuzzers' way in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../loomd.h"

#define ROUNDS 200000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the number of descriptors. Whatever is refused is refused with a sentence. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_Alignas(8) char copy[LOOM_PROTO_REQUEST_MAX];
	struct proto_error error = { .status = 1 };
	size_t stored;
	int err;

	if (!size)
		return 0;
	stored = size - 1 < sizeof(copy) ? size - 1 : sizeof(copy);
	memcpy(copy, data + 1, stored);
	err = proto_check(copy, stored, size - 1, data[0] % 5, &error);
	if (err > 0 || (err && (error.status != err || !error.text[0])) ||
	    (!err && error.status != 1))
		abort();
	return 0;
}

static const size_t sizes[LOOM_MSG_COUNT] = {
	[LOOM_MSG_HELLO] = sizeof(struct loom_msg_hello),
	[LOOM_MSG_PING] = sizeof(struct loom_msg),
	[LOOM_MSG_BUFFER_ADD] = sizeof(struct loom_msg_buffer_add),
	[LOOM_MSG_BUFFER_REMOVE] = sizeof(struct loom_msg_buffer),
	[LOOM_MSG_MODEL] = sizeof(struct loom_msg_name),
	[LOOM_MSG_INFER] = sizeof(struct loom_msg_infer),
	[LOOM_MSG_CANCEL] = sizeof(struct loom_msg_cancel),
	[LOOM_MSG_LIST] = sizeof(struct loom_msg),
	[LOOM_MSG_STATS] = sizeof(struct loom_msg),
	[LOOM_MSG_LOAD] = sizeof(struct loom_msg_name),
	[LOOM_MSG_UNLOAD] = sizeof(struct loom_msg_name),
	[LOOM_MSG_POLICY] = sizeof(struct loom_msg_name),
	[LOOM_MSG_TRACE] = sizeof(struct loom_msg_trace),
	[LOOM_MSG_RECORD] = sizeof(struct loom_msg_record),
	[LOOM_MSG_RECORD_STOP] = sizeof(struct loom_msg),
	[LOOM_MSG_HOLD] = sizeof(struct loom_msg_hold),
};

static unsigned int fds_of(unsigned int type)
{
	return type == LOOM_MSG_BUFFER_ADD || type == LOOM_MSG_LOAD || type == LOOM_MSG_RECORD;
}

/* One byte of descriptors, and a good message. */
static size_t good(uint8_t *out, unsigned int type)
{
	struct loom_msg hdr;

	memset(out, 0, 1 + sizes[type]);
	out[0] = (uint8_t)fds_of(type);
	proto_header(&hdr, type, 1, sizes[type], 0);
	memcpy(out + 1, &hdr, sizeof(hdr));
	return 1 + sizes[type];
}

static void good_ones_pass(void **state)
{
	_Alignas(8) uint8_t data[LOOM_PROTO_REQUEST_MAX + 8];
	struct proto_error e;

	for (unsigned int type = 1; type < LOOM_MSG_COUNT; type++) {
		good(data + 7, type);
		assert_int_equal(proto_check(data + 8, sizes[type], sizes[type], fds_of(type), &e),
				 0);
	}
}

static void truncated_ones_do_not(void **state)
{
	_Alignas(8) uint8_t data[LOOM_PROTO_REQUEST_MAX + 8];
	struct proto_error e;
	uint32_t said;

	for (unsigned int type = 1; type < LOOM_MSG_COUNT; type++) {
		for (size_t size = 0; size < sizes[type]; size++) {
			good(data + 7, type);
			assert_int_equal(proto_check(data + 8, size, size, fds_of(type), &e), -71);
			/* ... even where the header tells of the shorter size. */
			said = (uint32_t)size;
			memcpy(data + 8 + offsetof(struct loom_msg, size), &said, sizeof(said));
			assert_int_equal(proto_check(data + 8, size, size, fds_of(type), &e), -71);
		}
	}
}

static uint64_t rng(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void garbled_ones_are_survived(void **state)
{
	uint8_t data[2 * LOOM_PROTO_REQUEST_MAX];
	uint64_t seed = 20261122;
	size_t size;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		size = good(data, 1 + (unsigned int)(rng(&seed) % (LOOM_MSG_COUNT - 1)));
		for (uint64_t flips = rng(&seed) % 6; flips--;)
			data[rng(&seed) % size] ^= (uint8_t)(1u << rng(&seed) % 8);
		LLVMFuzzerTestOneInput(data, rng(&seed) % 4 ? size : rng(&seed) % (size + 1));
	}
}

static void noise_is_survived(void **state)
{
	uint8_t data[2 * LOOM_PROTO_REQUEST_MAX];
	uint64_t seed = 4711;

	for (unsigned int i = 0; i < ROUNDS / 4; i++) {
		for (size_t k = 0; k < sizeof(data); k++)
			data[k] = (uint8_t)rng(&seed);
		LLVMFuzzerTestOneInput(data, rng(&seed) % sizeof(data));
	}
}

static void names(void **state)
{
	assert_true(proto_name_ok("PP-OCRv4_det+320.1"));
	assert_false(proto_name_ok(""));
	assert_false(proto_name_ok("."));
	assert_false(proto_name_ok(".hidden"));
	assert_false(proto_name_ok("a/b"));
	assert_false(proto_name_ok("a b"));
	assert_false(proto_name_ok("a\n"));
}

static void percentiles(void **state)
{
	static struct histogram h;

	assert_int_equal(histogram_percentile(&h, 50), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		histogram_add(&h, i);
	assert_in_range(histogram_percentile(&h, 50), 50000, 50000 * 17 / 16);
	assert_in_range(histogram_percentile(&h, 99), 99000, 100000);
	assert_int_equal(histogram_percentile(&h, 100), 100000);
	assert_int_equal(histogram_percentile(&h, 0), 1);
	histogram_add(&h, UINT64_MAX);
	histogram_add(&h, 0);
	assert_true(histogram_percentile(&h, 100) == UINT64_MAX);
	assert_int_equal(h.min, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_pass),
		cmocka_unit_test(truncated_ones_do_not),
		cmocka_unit_test(garbled_ones_are_survived),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(names),
		cmocka_unit_test(percentiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
