/* SPDX-License-Identifier: MIT */
#include "device.h"

void meter_set(struct meter *meter, bool on, uint64_t now)
{
	if (meter->on == on)
		return;
	if (meter->on)
		meter->total += now - meter->since;
	meter->on = on;
	meter->since = now;
}

uint64_t meter_read(const struct meter *meter, uint64_t now)
{
	return meter->total + (meter->on ? now - meter->since : 0);
}
