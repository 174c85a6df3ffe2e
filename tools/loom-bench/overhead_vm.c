// SPDX-License-Identifier: MIT
/* loom-bench overhead --vm: the same question of a guest, in its instructions. A script boots it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "overhead.h"
#include "submit.h"

int overhead_in_vm(char **argv)
{
	if (bench_enter_tree())
		return 1;
	argv[0] = (char *)"tools/run/overhead";
	execv(argv[0], argv);
	bench_fail(-errno, "%s: %s", argv[0], strerror(errno));
	return 1;
}
