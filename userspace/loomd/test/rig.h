/* SPDX-License-Identifier: MIT */
/*
 * rig.h - loomd-sim in a child process, started as systemd would: the listening socket is made
 * here, passed as descriptor 3, and kept across restarts.
 */
#ifndef LOOMD_RIG_H
#define LOOMD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/types.h>

#include "libloom/test/make_model.h"
#include "loom_client.h"
#include "loom_proto.h"

#define RIG_N 1024		/* elements of the models */

/* A model that takes some milliseconds; set by rig_setup(), because devices differ. */
extern struct make_model slow;

/* A slice's time and the daemon's are not those of whatever host this is: simulated, or counted. */
bool rig_times_are_ours(void);

struct rig {
	char dir[64];
	char socket[96];
	char state[96];
	const char *leases;	/* of a model, as of loomd's option; NULL: its default */
	const char *program;	/* the daemon, beside the test; NULL: the usual one */
	int listener;
	pid_t daemon;
};

/* cmocka's fixture functions: a directory and a socket, no daemon. */
int rig_setup(void **state);
int rig_setup_two_leases(void **state);
int rig_teardown(void **state);

/* More options for the daemon, NULL-terminated; returns when it serves. */
void rig_start(struct rig *rig, const char *const *options);
/* The path of a program that was built: relative to the folder of the tests. */
void rig_program(char *path, size_t size, const char *relative);
void rig_kill(struct rig *rig);			/* SIGKILL */
int rig_stop(struct rig *rig);			/* SIGTERM; the exit code */

struct loom_client *rig_connect(struct rig *rig, const char *identity, unsigned int flags);

/* NAME.loom in the rig's directory; n 0: RIG_N. */
void rig_model(struct rig *rig, const char *name, struct make_model args);
/* ... and loaded */
void rig_load(struct rig *rig, struct loom_client *client, const char *name,
	      struct make_model args);

/* Input number `number` for a model of n elements, and the output that it must give. */
int rig_input(uint32_t number, uint32_t i);
void rig_fill(void *map, uint32_t n, uint32_t number);
void rig_check(const void *map, const struct make_model *args, uint32_t number);

/* One inference, from submit to a checked output. */
int rig_infer(struct loom_client *client, struct loom_client_buffer *buffer, const char *name,
	      uint64_t id);

/* stats, and one number of it by path "submission.jobs". */
json_t *rig_stats(struct loom_client *client);
long long rig_number(const json_t *json, const char *path);
long long rig_stat(struct loom_client *client, const char *path);
json_t *rig_model_stats(const json_t *stats, const char *name);

/* ---- below the library ---- */

int raw_connect(struct rig *rig);
void raw_header(struct loom_msg *hdr, unsigned int type, size_t size);
void raw_hello(int fd);
void raw_send(int fd, const void *data, size_t size, const int *fds, unsigned int num_fds);

struct raw_reply {
	union {
		struct loom_msg hdr;
		struct loom_msg_model model;
		struct loom_msg_buffer buffer;
		struct loom_msg_done done;
		char bytes[LOOM_PROTO_REPLY_MAX];
	};
	size_t size;
	char text[LOOM_PROTO_TEXT_MAX];
};

/* Bytes received; 0: the daemon closed. */
size_t raw_receive(int fd, struct raw_reply *reply);
bool raw_closed(int fd);

#endif /* LOOMD_RIG_H */
