// SPDX-License-Identifier: MIT
/* Log lines as journald takes them from stderr: "<6>text". */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "loomd.h"

void log_text(int priority, const char *format, ...)
{
	char line[1024];
	va_list ap;
	int n, m;

	n = snprintf(line, sizeof(line), "<%d>loomd: ", priority);
	va_start(ap, format);
	m = vsnprintf(line + n, sizeof(line) - n - 1, format, ap);
	va_end(ap);
	n = n + m < (int)sizeof(line) - 1 ? n + m : (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix. Nobody to tell if it fails. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
