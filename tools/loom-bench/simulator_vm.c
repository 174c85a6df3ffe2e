// SPDX-License-Identifier: MIT
/*
 * The simulator in the VM: the guest runs so many inferences, and then more; what the second boot takes
 * longer of the host's processors is theirs, guest, driver and QEMU included.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulator.h"
#include "submit.h"

#define OUT "build/bench-simulator"

static int write_script(uint64_t times)
{
	FILE *f = fopen(OUT ".sh", "w");

	if (!f)
		return bench_fail(1, "cannot write " OUT ".sh");
	fprintf(f, "exec loom-bench simulator /payload/model.loom %llu\n", (unsigned long long)times);
	return fclose(f);
}

static void exec_vm(const char *device, const char *loom_file)
{
	char file[4200];
	const char *argv[] = {
		"tools/vm/run", "--script", OUT ".sh", "--out", OUT, "--file", file,
		"--program", "build/bin/loom-bench-vm:/usr/bin/loom-bench", "--timeout", "1200",
		"--device-opt", device, NULL,
	};

	snprintf(file, sizeof(file), "%s:/payload/model.loom", loom_file);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(argv[0], (char **)argv);
	_exit(127);
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1000000;
}

/* Processor time of a boot with so many inferences; negative: it failed. */
static double boot(const char *device, const char *loom_file, uint64_t times)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (write_script(times))
		return -1;
	pid = fork();
	if (!pid)
		exec_vm(device, loom_file);
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || status) {
		bench_fail(1, "tools/vm/run failed; its output is above and in " OUT);
		return -1;
	}
	return seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
}

/* Boots differ by some tenths of a second; so many inferences take seconds. */
#define TIMES_OFF	2000
#define TIMES_ON	40

static int measure(const char *device, const char *loom_file, uint64_t times, double *ms)
{
	double few = boot(device, loom_file, 1), many = few < 0 ? -1 : boot(device, loom_file, 1 + times);

	*ms = (many - few) / (double)times * 1000;
	return many < 0 ? -1 : 0;
}

int bench_simulator_vm(const char *loom_file, double *off_ms, double *on_ms)
{
	char path[4096];

	if (!realpath(loom_file, path))
		return bench_fail(1, "%s: %m", loom_file);
	if (bench_enter_tree())
		return -1;
	if (measure("functional=off", path, TIMES_OFF, off_ms))
		return -1;
	return measure("functional=on", path, TIMES_ON, on_ms);
}
