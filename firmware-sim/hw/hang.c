/* SPDX-License-Identifier: MIT */
/*
 * An engine that hangs takes no further step and keeps hold of the job it was working for: that
 * job does not end, dead or alive, before the core is reset.
 */
#include "device.h"

/* Does the engine, about to take a step for this job, hang instead? */
bool engine_hangs(struct core *core, enum engine engine, struct job *job)
{
	if (core->hung[engine] && !core->held[engine])
		core->held[engine] = job;
	return core->hung[engine];
}

bool engines_hold(const struct core *core, const struct job *job)
{
	for (int engine = 0; engine < ENGINE_COUNT; engine++)
		if (core->held[engine] == job)
			return true;
	return false;
}
