/* SPDX-License-Identifier: MIT */
/*
 * The firmware's log: a ring of text behind LOOM_REG_LOG. It outlives a reset, so that what led to
 * one can be read after it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "device.h"

static void put(struct log *log, const char *text)
{
	for (; *text; text++)
		log->bytes[log->head++ % LOOM_LOG_BYTES] = *text;
}

void log_line(struct loom_sim *sim, const char *format, ...)
{
	uint64_t us = sim->now / (1000 * PS_PER_NS);
	char stamp[32], line[160];
	va_list args;

	snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ", (unsigned long long)us / 1000000,
		 (unsigned long long)us % 1000000);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put(&sim->log, stamp);
	put(&sim->log, line);
	put(&sim->log, "\n");
}
