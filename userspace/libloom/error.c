// SPDX-License-Identifier: MIT
/*
 * The last error, in words.
 */
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

static _Thread_local char error_text[512] = "no error";

const char *loom_error(void)
{
	return error_text;
}

int loom_fail(int err, const char *fmt, ...)
{
	char text[sizeof(error_text)];
	va_list args;

	/* Through a copy: loom_error() may be one of the arguments. */
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(error_text, sizeof(error_text), "%s", text);
	return err;
}
