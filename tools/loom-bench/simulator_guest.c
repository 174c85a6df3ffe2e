// SPDX-License-Identifier: MIT
/* loom-bench simulator in the VM: inferences, which who booted it times. */
#include <stdlib.h>

#include "bench.h"
#include "simulator.h"

int bench_simulator_guest(int argc, char **argv)
{
	struct bench_sim *sim;
	int err;

	if (argc != 3)
		return bench_fail(EXIT_USAGE, "usage: loom-bench simulator MODEL.loom TIMES");
	err = bench_sim_open("drm:/dev/accel/accel0", argv[1], &sim);
	if (err)
		return 1;
	err = bench_sim_infer(sim, strtoull(argv[2], NULL, 0));
	bench_sim_close(sim);
	return err ? 1 : 0;
}
