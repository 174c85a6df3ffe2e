// SPDX-License-Identifier: MIT
/*
 * The library on a simulated device.
 */
#include "fixture.h"

/* ---- opening ---- */

static void test_specs(void **data)
{
	static const char *const bad[] = {
		"sim:", "sim:nothing", "sim:tiny,", "sim:tiny,functional=maybe", "sim:tiny,frob=1",
		"sim:tiny,dram_mbps=x", "sim:tiny,dram_mbps=-1", "sim:tiny,dram_mbps=99999999999",
		"sim:tiny,array_rows=0", "/dev/null", "/nonexistent",
	};
	struct loom_dev *dev;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (loom_dev_open(bad[i], &dev) >= 0)
			fail_msg("%s was accepted", bad[i]);
	dev = open_device("sim:memory-centric,functional=off,dram-mbps=1000");
	assert_int_equal(loom_dev_caps(dev)->dram_mbps, 1000);
	assert_int_equal(loom_dev_fd(dev), -1);
	loom_dev_close(dev);
}

static void test_hash(void **data)
{
	struct loom_dev *dev = open_device("sim:memory-centric");
	struct loom_hw_caps caps = *loom_dev_caps(dev);
	uint64_t hash = loom_caps_hash(&caps);

	loom_dev_close(dev);
	memset(caps.preset, 'x', sizeof(caps.preset));
	caps.max_queues++;
	caps.flags ^= LOOM_CAP_FUNCTIONAL;
	assert_true(loom_caps_hash(&caps) == hash);
	caps.dram_mbps++;
	assert_true(loom_caps_hash(&caps) != hash);
}

static const struct make_model small = { .name = "small", .n = 64, .slices = 3, .seed = 1 };
static const struct make_model other = { .name = "other", .n = 96, .slices = 5, .seed = 2 };

/* A lease of another size is another VM: a model for another device is refused by name. */
static void test_other_device(void **data)
{
	struct loom_dev *tiny = open_device("sim:tiny"), *dev = open_device("sim:compute-centric");
	struct make_model args = small;
	struct loom_instance *instance;
	struct loom_model *model;
	size_t size;
	void *file;

	args.caps = loom_dev_caps(dev);
	file = make_model(&args, &size);
	must_work(loom_model_open_memory(file, size, &model));
	assert_int_equal(loom_instance_create(tiny, model, 1, &instance), -EXDEV);
	assert_non_null(strstr(loom_error(), "compute-centric"));
	assert_non_null(strstr(loom_error(), "tiny"));
	assert_int_equal(loom_instance_create(dev, model, 257, &instance), -EINVAL);
	loom_model_close(model);
	free(file);
	loom_dev_close(dev);
	loom_dev_close(tiny);
}

static int refused(const char *device, const struct make_model *args)
{
	struct loom_dev *dev = open_device(device);
	struct make_model made = *args;
	struct loom_instance *instance;
	struct loom_model *model;
	size_t size;
	void *file;
	int err;

	made.caps = loom_dev_caps(dev);
	file = make_model(&made, &size);
	must_work(loom_model_open_memory(file, size, &model));
	err = loom_instance_create(dev, model, 1, &instance);
	if (!err)
		loom_instance_destroy(instance);
	loom_model_close(model);
	free(file);
	loom_dev_close(dev);
	return err;
}

/* A device of a later minor version runs a file; one that has not its commands does not, and both are named. */
static void test_versions(void **data)
{
	struct make_model args = small;

	assert_int_equal(refused("sim:tiny", &args), 0);
	assert_int_equal(refused("sim:tiny,isa-version=0x20005", &args), 0);
	args.needs = LOOM_CAP_INT8;
	assert_int_equal(refused("sim:tiny", &args), 0);
	assert_int_equal(refused("sim:tiny,int8=off", &args), -EOPNOTSUPP);
	assert_non_null(strstr(loom_error(), "capabilities 0x8, this one has 0x1"));
	args.needs = 1ull << 40;
	assert_int_equal(refused("sim:tiny", &args), -EOPNOTSUPP);
}

static void refuse_device(const char *spec, const char *text)
{
	struct loom_dev *dev;

	assert_int_equal(loom_dev_open(spec, &dev), -EPROTO);
	assert_non_null(strstr(loom_error(), text));
}

static void test_device_versions(void **data)
{
	struct loom_dev *dev = open_device("sim:tiny,hw-version=0x10063");

	loom_dev_close(dev);
	refuse_device("sim:tiny,hw-version=0x20003", "hardware interface 2.3, this library 1.1");
	refuse_device("sim:tiny,isa-version=0x50000", "instruction set 5.0, this library knows 2.");
	refuse_device("sim:tiny,isa-version=0x10002", "instruction set 1.2, this library knows 2.");
}

/* Same calls, same times. */
static void test_deterministic(void **data)
{
	uint64_t ends[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct loom_dev *dev = open_device("sim:memory-centric,call_ns=500");
		struct loom_queue *queue = open_queue(dev, 2);
		struct drm_loom_result results[5];
		struct loaded a;

		load(&a, dev, queue, 0, other, 1);
		must_work(run(&a, queue, 0, results));
		ends[i] = results[4].end;
		unload(&a);
		loom_queue_destroy(queue);
		loom_dev_close(dev);
	}
	assert_true(ends[0] == ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_other_device),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_device_versions),
		cmocka_unit_test(test_deterministic),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL) +
	       run_device_tests("sim:tiny", "libloom on sim", false);
}
