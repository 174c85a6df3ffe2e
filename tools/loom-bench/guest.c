// SPDX-License-Identifier: MIT
/* loom-bench as it is in the VM: it measures, and draws nothing. */
#include <stdio.h>
#include <string.h>

#include "replay.h"
#include "scenario.h"
#include "simulator.h"
#include "submit.h"

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run"))
		return bench_run(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "submit"))
		return bench_submit_guest(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "simulator"))
		return bench_simulator_guest(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "replay"))
		return bench_replay(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "scenario"))
		return bench_scenario(argc - 1, argv + 1);
	fputs("usage: loom-bench run [OPTION...] MODEL...\n       loom-bench scenario [OPTION...] MODEL...\n       loom-bench submit [PATH]\n"
	      "       loom-bench replay [OPTION...] FILE\n"
	      "       loom-bench simulator MODEL.loom TIMES\n", stderr);
	return EXIT_USAGE;
}
