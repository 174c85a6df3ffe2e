/* SPDX-License-Identifier: MIT */
/* loomctl.h - what the files of loomctl share. */
#ifndef LOOMCTL_H
#define LOOMCTL_H

#include <stdbool.h>

#include "loom.h"
#include "loom_client.h"

/* Exit codes: loomctl(1). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_REFUSED = 1,	/* the daemon said no, or a file could not be read or written */
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
	EXIT_AGAIN = 4,		/* lost through no fault of its own */
	EXIT_LATE = 5,		/* past its deadline and dropped */
};

struct context {
	struct loom_client *client;
	const char *socket;
	bool json, retry;
};

/* Say loom_error() and turn err into an exit code. */
int complain(int err);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* infer.c */
int command_infer(struct context *c, int argc, char **argv);
/* show.c: print a JSON text of the daemon for people. */
int show_list(const char *json);
int show_stats(const char *json);

#endif /* LOOMCTL_H */
