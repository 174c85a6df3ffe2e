// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "qos.h"
#include "simulator.h"
#include "submit.h"

static const char help[] =
"usage: loom-bench run [OPTION...] MODEL...     measure\n"
"       loom-bench report [OPTION...] DIR       table, results.json, trace.json, timeline.png\n"
"       loom-bench qos [OPTION...]              load that policies carry within deadlines, without a VM\n"
"       loom-bench pairs [OPTION...]            the papers' pairs under every policy, without a VM\n"
"       loom-bench mixes [OPTION...]            four networks at a time\n"
"       loom-bench optimum [OPTION...]          small cases, beside the best order there is\n"
"       loom-bench overhead [OPTION...]         what a scheduling decision costs\n"
"       loom-bench submit [OPTION...]           boot the VM, count what a submission costs\n"
"       loom-bench simulator [OPTION...]        how fast the simulator is itself\n"
"Each has a --help; loom-bench(1) says what is measured and how.\n";

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "run"))
		return bench_run(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "report"))
		return bench_report(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "qos"))
		return bench_qos(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "overhead"))
		return bench_overhead(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "mixes"))
		return bench_mixes(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "optimum"))
		return bench_optimum(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "pairs"))
		return bench_pairs(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "submit"))
		return bench_submit(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "simulator"))
		return bench_simulator(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return 0;
	}
	fputs(help, stderr);
	return EXIT_USAGE;
}
