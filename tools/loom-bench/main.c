// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "experiment.h"
#include "qos.h"
#include "replay.h"
#include "scenario.h"
#include "simulator.h"
#include "submit.h"
#include "sweep.h"

static const char help[] =
"usage: loom-bench run [OPTION...] MODEL...     measure\n"
"       loom-bench report [OPTION...] DIR       table, results.json, trace.json, timeline.png\n"
"       loom-bench scenario [OPTION...] MODEL... MLPerf's scenarios, by loomd or without a VM\n"
"       loom-bench agree [OPTION...] DIR DIR    do two runs give the same order of slices and figures?\n"
"       loom-bench replay [OPTION...] FILE      what loomd recorded of its scheduler, told to another one\n"
"       loom-bench qos [OPTION...]              load that policies carry within deadlines, without a VM\n"
"       loom-bench pairs [OPTION...]            the papers' pairs under every policy, without a VM\n"
"       loom-bench mixes [OPTION...]            four networks at a time\n"
"       loom-bench sweep [OPTION...] DIR...      the pairs against SRAM, bandwidth and batch\n"
"       loom-bench optimum [OPTION...]          small cases, beside the best order there is\n"
"       loom-bench overhead [OPTION...]         what a scheduling decision costs\n"
"       loom-bench submit [OPTION...]           boot the VM, count what a submission costs\n"
"       loom-bench simulator [OPTION...]        how fast the simulator is itself\n"
"Each has a --help; loom-bench(1) says what is measured and how.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", bench_run }, { "report", bench_report }, { "scenario", bench_scenario }, { "agree", bench_agree }, { "replay", bench_replay },
	{ "qos", bench_qos }, { "pairs", bench_pairs }, { "mixes", bench_mixes }, { "sweep", bench_sweep }, { "optimum", bench_optimum },
	{ "overhead", bench_overhead }, { "submit", bench_submit }, { "simulator", bench_simulator },
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "--help")) {
		fputs(help, stdout);
		return 0;
	}
	fputs(help, stderr);
	return EXIT_USAGE;
}
