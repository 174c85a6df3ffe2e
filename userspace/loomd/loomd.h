/* SPDX-License-Identifier: MIT */
/*
 * loomd.h - what the files of the daemon share.
 *
 * One thread, one loop (loop.c): drain the scheduler, submit, sleep, take completions, read
 * clients.
 *
 *   server.c -> client_conn.c -> proto.c (is it well formed?) -> commands.c -> requests.c, models.c
 *   requests.c -> feed.c <-> sched (what next?) -> pump.c -> device.c (batches) -> libloom
 *   libloom -> device.c -> completions.c -> feed.c, and recovery.c if something went wrong
 *
 * Everything that one inference needs is allocated before: requests, batches and results come from
 * pools, so the way of an inference has no malloc, no ioctl and no lookup by name in it.
 */
#ifndef LOOMD_H
#define LOOMD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "loom.h"
#include "loom_proto.h"
#include "sched/sched.h"

#define LOOMD_MAX_CLIENTS 256
#define LOOMD_MAX_WATCHES (LOOMD_MAX_CLIENTS + 3)	/* and the listener, signals, host steps */
#define LOOMD_MAX_BUFFERS 256
#define LOOMD_MAX_MODELS 128
#define LOOMD_MAX_SLOTS 256	/* VM slots of a queue: one a lease */
#define LOOMD_MAX_JOBS 256
#define LOOMD_MAX_INFLIGHT 16
#define LOOMD_MAX_BINDINGS 64	/* a client's buffers times the models it uses them with */
#define LOOMD_NEVER UINT64_MAX
#define LOOMD_HANGUP (1ull << 32)	/* what SIGHUP adds to loomd.signals; others add 1 */

/* ---- options.c ---- */

struct loomd_options {
	const char *device;		/* of loom_dev_open() */
	const char *listen;		/* NULL: the default, unless a socket was passed */
	const char *policy;		/* NULL: the remembered one, or the default */
	const char *record;		/* NULL: none is made from the start */
	const char *state;		/* NULL: nothing is remembered */
	const char *preload[LOOMD_MAX_MODELS];
	unsigned int num_preload;
	bool drop_late;
	bool copy;			/* never bind clients' memory */
	uint64_t window_us;
	unsigned int max_jobs;
	/* Requests of a model that have begun, and I/O regions for those whose buffers are copied. */
	unsigned int inflight;
	unsigned int leases;		/* of a model, if there is room */
	unsigned int max_clients;
	unsigned int max_models;
	unsigned int max_requests;	/* a client's, not replied to yet */
	unsigned int max_buffers;	/* a client's */
	uint64_t max_bytes;		/* a client's */
	unsigned int trace_slices;
};

/* 0 go on, 1 --help or --version was printed, or -EINVAL after saying why. */
int options_parse(int argc, char **argv, struct loomd_options *options);

/* ---- log.c: stderr, with the journal's <priority> prefix ---- */

#define LOG_ERROR 3
#define LOG_WARNING 4
#define LOG_INFO 6

__attribute__((format(printf, 2, 3))) void log_text(int priority, const char *format, ...);

/* ---- notify.c: systemd's protocols, without its library ---- */

int notify_listen_fd(void);		/* the passed socket, or -ENOENT */
__attribute__((format(printf, 1, 2))) void notify(const char *format, ...);
uint64_t notify_watchdog_ns(void);	/* how often WATCHDOG=1 is due; 0 = never */

/* ---- proto.c ---- */

struct proto_error {
	int status;
	char text[LOOM_PROTO_TEXT_MAX];
};

/*
 * Is this packet a well-formed request? size is that of the packet, which may exceed what was
 * stored (stored bytes are in data). 0, or a negative errno with error filled.
 */
int proto_check(const void *data, size_t stored, size_t size, unsigned int num_fds,
		struct proto_error *error);
const char *proto_type_name(unsigned int type);
void proto_header(struct loom_msg *hdr, unsigned int type, uint64_t id, size_t size, int status);
__attribute__((format(printf, 3, 4)))
int proto_fail(struct proto_error *error, int status, const char *format, ...);
bool proto_name_ok(const char *name);	/* as a model's name, and a file's */

/* ---- shared structures ---- */

struct loomd;
struct client;
struct model;
struct share;				/* regions.c */
struct binding;

/* A client's memfd, mapped. */
struct buffer {
	void *map;			/* NULL: free */
	uint64_t bytes;
	struct share *share;		/* its pages as the device sees them; NULL: copied */
	bool busy;			/* named by a request that has no reply yet */
};

struct client_stats {
	uint64_t requests, replies, errors, late;
	uint64_t bytes_in, bytes_out;
};

struct client {
	int fd;				/* -1: free */
	unsigned int index;
	uint32_t generation;		/* recognises a late poll event of a predecessor */
	bool ready;			/* may have something to read */
	bool greeted;			/* HELLO came */
	bool doomed;			/* close it when the loop is back in server.c */
	bool holds;			/* counted in loomd.num_holds */
	pid_t pid;
	uid_t uid;
	char identity[LOOM_PROTO_NAME_MAX];
	struct buffer *buffers;		/* options.max_buffers */
	uint64_t buffer_bytes;
	unsigned int num_bindings;
	unsigned int num_requests;
	struct request *requests;	/* doubly linked */
	struct client_stats stats;
};

/* A loom_instance at its slots of the queue's VM table. */
struct instance {
	struct loom_instance *loom;
	struct binding *bindings;
	unsigned int slot[LOOM_INSTANCE_LEASES];
	unsigned int num_leases;	/* that requests take in turns */
	unsigned int turn;		/* of the next request that begins */
	unsigned int io_used;		/* bit mask of its own regions */
	unsigned int at_device;		/* slices */
	bool dead;			/* a VM of it faulted: rebuild when at_device is 0 */
};

/* Log-linear: 16 steps to each power of two, so a percentile is right to 1/16. */
#define HISTOGRAM_STEPS 16
#define HISTOGRAM_SIZE ((64 - 3) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count, sum, min, max;
	uint32_t buckets[HISTOGRAM_SIZE];
};

struct model_stats {
	uint64_t requests, served, failed, dropped, cancelled, lost, late;
	uint64_t slices, host_steps, rebuilds, revived;
	struct histogram latency;	/* arrival to reply */
	struct histogram device;	/* first engine start to last completion, device time */
};

struct model {
	char name[LOOM_PROTO_NAME_MAX];
	uint32_t handle;		/* index and generation; 0 = free */
	unsigned int index;
	int sched;			/* its number there; -1 once removed */
	bool remembered;		/* lies in the state directory */
	char broken[LOOM_PROTO_TEXT_MAX]; /* not empty: why it cannot run */
	size_t size;			/* of its file */
	struct loom_model *loom;
	struct model_step *steps;	/* what the scheduler calls slices */
	struct sched_slice *profile;	/* of the steps, as the scheduler was told */
	unsigned int num_steps;
	int sched_next;			/* its number in a scheduler that is being made */
	struct instance instance;
	unsigned int num_requests;	/* that name it, of whatever state */
	unsigned int trace_name;
	struct model_stats stats;
};

struct request {
	uint64_t key;			/* for sched: index and generation; 0 = free */
	unsigned int index;
	struct request *prev, *next;	/* of the client; next also links the free ones */
	struct client *client;		/* NULL: gone, or answered */
	struct model *model;
	struct buffer *buffer;
	uint64_t id;			/* the client's */
	uint64_t deadline;
	uint64_t arrived;
	int io;				/* I/O region, -1 = none */
	unsigned int lease;		/* of the instance, once it has begun */
	struct binding *binding;	/* that region is the buffer; NULL: it is copied */
	unsigned int at_device;		/* slices */
	bool started;
	bool ended;			/* sched will not name it again */
	bool computed;			/* its outputs lie in its I/O region */
	bool finishing;			/* in loomd.finishing: they are to be copied */
	bool lost;			/* its VM died under it, or what it submitted was refused */
	unsigned int revivals;
	unsigned int good;		/* steps that went well */
	unsigned int fault_step;	/* if fault is not 0 */
	uint32_t fault;
	char text[LOOM_PROTO_TEXT_MAX];	/* why it failed */
	uint64_t device_start, device_end;
};

/* One array submission: one SQE, one CQE. */
struct batch_job {
	struct request *request;
	unsigned int slice;
	unsigned int step;		/* of the model */
	uint64_t tag;			/* of sched */
};

struct batch {
	unsigned int index;
	unsigned int num;
	uint64_t ps;			/* device time that its slices are believed to take */
	uint64_t serial;
	struct drm_loom_result *results; /* BATCH_JOBS of them, in device.results */
	struct batch_job *jobs;
	struct drm_loom_job *descriptors;
};

struct device_stats {
	uint64_t batches, batch_jobs, completions, errors;
	uint64_t stalls;		/* the ring was full */
	uint64_t admin_ioctls;		/* the loop's, for statistics and repairs, not for serving */
};

struct device {
	struct loom_dev *dev;
	struct loom_queue *queue;
	struct loom_ring *ring;
	struct loom_bo *results;
	struct batch *batches;
	unsigned int num_batches, batch_jobs;
	uint64_t batch_ps;
	unsigned int *free_batches;
	unsigned int num_free;
	struct batch *open;		/* being filled */
	unsigned int in_flight;		/* batches */
	unsigned int not_entered;	/* of those, in the ring and not told to the kernel */
	uint64_t serial;
	bool slot_used[LOOMD_MAX_SLOTS];
	unsigned int num_slots;
	bool gone;
	uint64_t submitted_ps;		/* of the batches in flight */
	uint64_t window_ps;
	bool real_time;			/* device time runs with CLOCK_MONOTONIC: not for sim */
	uint64_t clock_offset;		/* CLOCK_MONOTONIC - device time */
	struct device_stats stats;
};

/* ---- worker.c: a thread for what would hold up the loop ---- */

struct worker;

struct work {
	struct work *next;
	void (*run)(struct loomd *d, struct work *work);	/* in the thread */
	void (*done)(struct loomd *d, struct work *work);	/* in the loop; frees it */
	void (*drop)(struct loomd *d, struct work *work);	/* instead, at the end; frees it */
};

/* ---- host.c's: a step of a request, on its way to the thread and back ---- */

struct host_job {
	struct work work;
	struct request *request;
	const struct loom_model *model;
	void *io;
	unsigned int step;		/* of the model's host steps */
	uint64_t tag;			/* of sched */
	int status;
	char text[LOOM_PROTO_TEXT_MAX];	/* what is wrong, if something is */
};

/* What a request goes through, in order. */
struct model_step {
	bool host;
	unsigned int index;		/* of the slice, or of the host step */
};

/* A step that waits until its model is rebuilt. */
struct parked {
	struct request *request;
	unsigned int step;
	uint64_t tag;
};

struct trace_record {
	uint64_t request;		/* number of the request, counted from 1 by the daemon */
	uint32_t model;			/* in trace.names */
	uint32_t client;
	uint32_t slice;
	struct drm_loom_result result;
};

struct trace {
	bool on;
	struct trace_record *records;
	unsigned int size;
	uint64_t count;			/* ever recorded; the ring holds the last `size` */
	uint64_t started;
	char (*names)[LOOM_PROTO_NAME_MAX];
	unsigned int num_names;
};

/* For back ends whose ring cannot poll descriptors. */
struct watches {
	struct pollfd fds[LOOMD_MAX_WATCHES];
	uint64_t tags[LOOMD_MAX_WATCHES];
	unsigned int num;
};

struct loomd_stats {
	uint64_t started;
	uint64_t requests, replies, dropped, failed, lost, late;
	uint64_t accepted, refused, violations;
	uint64_t wakeups;
	uint64_t zero_copy, copied;	/* requests that began */
	uint64_t import_failures;
};

/* ---- feed.c ---- */

struct record;

struct feed {
	struct sched_config config;	/* .policy: loomd.policy */
	struct sched_stats before;	/* what schedulers before this one counted */
	struct record *record;		/* NULL: none is being made */
	uint64_t asked;			/* the time of the last ASK in it */
};

/* Apart, because a large model takes long to load and a step does not. */
enum worker_kind { WORKER_HOST_STEPS, WORKER_LOADS, NUM_WORKERS };

struct loomd {
	struct loomd_options options;
	struct device device;
	struct sched *sched;		/* feed.c's, who alone talks to it */
	struct feed feed;
	char policy[LOOM_PROTO_NAME_MAX]; /* the one in use, with its options */
	uint64_t policy_faults;		/* that were reported */
	char policy_fault[160];		/* the last: which policy, and what it did */
	unsigned int num_holds;		/* clients that have the scheduler wait */

	int listener;
	bool owns_listener;		/* made by --listen, removed at the end */
	int signals;
	struct client *clients;
	bool accept_ready;
	struct watches watches;

	struct model *models;
	uint32_t model_generation;

	struct request *requests;
	unsigned int num_requests;
	struct request *free_requests;
	unsigned int num_active;
	uint64_t request_serial;
	struct request **finishing;	/* as many as there are I/O regions */
	unsigned int num_finishing;
	struct parked *parked;
	unsigned int num_parked;
	struct worker *workers[NUM_WORKERS];	/* NULL: nothing has needed it */
	unsigned int num_loads;			/* under way */

	uint64_t timer;			/* of sched, CLOCK_MONOTONIC; LOOMD_NEVER */
	uint64_t watchdog_ns, watchdog_due;
	uint64_t stop_due;		/* SIGTERM came: give up then */
	bool stopping;
	int exit_code;			/* -1: go on */

	struct trace trace;
	struct loomd_stats stats;
};

uint64_t now_ns(void);

/* ---- loop.c ---- */

int loop_watch(struct loomd *d, int fd, uint64_t tag);
void loop_unwatch(struct loomd *d, uint64_t tag);
int loop_run(struct loomd *d);		/* exit code */
/* Something watched is ready (res > 0: the poll mask), or is watched no longer (res < 0). */
void loop_event(struct loomd *d, uint64_t tag, int res);

enum loop_kind {
	LOOP_BATCH,
	LOOP_LISTENER,
	LOOP_SIGNAL,
	LOOP_CLIENT,
	LOOP_WORKER,
};

static inline uint64_t loop_tag(enum loop_kind kind, uint32_t generation, unsigned int index)
{
	return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | index;
}

/* ---- server.c ---- */

int server_open(struct loomd *d);
void server_close(struct loomd *d);
void server_accept(struct loomd *d);
void server_event(struct loomd *d, uint64_t tag);
bool server_busy(const struct loomd *d);	/* something is left to read */
void server_service(struct loomd *d);

/* ---- client_conn.c ---- */

int client_open(struct loomd *d, struct client *c, int fd);
void client_close(struct loomd *d, struct client *c);
/* Close a socket so that the peer gets what was sent to it. */
void client_hang_up(int fd);
void client_service(struct loomd *d, struct client *c);
/* A reply; fd >= 0 goes with it. It cannot block: a client that does not read is closed. */
void client_send(struct loomd *d, struct client *c, const void *msg, size_t size,
		 const char *text, int fd);
void client_reply(struct loomd *d, struct client *c, const struct loom_msg *request, int status,
		  const char *text, int fd);

/* ---- commands.c ---- */

/* A checked message. Descriptors that it keeps are set to -1. */
void command_run(struct loomd *d, struct client *c, const struct loom_msg *msg, int *fds);
/* The client leaves: what it held goes on. */
void command_let_go(struct loomd *d, struct client *c);

/* ---- buffers.c ---- */

int buffer_add(struct loomd *d, struct client *c, int fd, uint64_t bytes, uint32_t *handle,
	       struct proto_error *error);
int buffer_remove(struct loomd *d, struct client *c, uint32_t handle, struct proto_error *error);
struct buffer *buffer_find(struct loomd *d, struct client *c, uint32_t handle);
void buffer_drop_all(struct loomd *d, struct client *c);

/* ---- regions.c ---- */

/* A buffer is registered: have the device see its memfd, if that can be done. And it goes. */
void region_share(struct loomd *d, struct client *c, struct buffer *b, int fd);
void region_unshare(struct loomd *d, struct buffer *b);
/*
 * The device still writes, for somebody who was answered, where a request of this model would read.
 */
bool region_busy(const struct buffer *b, const struct model *m);
/* Give the request its client's buffer as I/O region; false: it has to be copied. */
bool region_bind(struct loomd *d, struct request *r);
/* Its outputs are in its client's buffer: count them. */
void region_written(struct request *r);
/* Of either kind. */
void region_put(struct loomd *d, struct request *r);
/* The instance is about to be destroyed, and every binding of it with it. */
void region_forget(struct instance *in);

/* ---- models.c ---- */

int models_init(struct loomd *d);
void models_fini(struct loomd *d);
/* A model that was made, under this name (empty: the file's own); then its instance is the model's. */
int model_add(struct loomd *d, struct loom_model *loom, struct loom_instance *instance, size_t size,
	      const char *name, struct model **model, struct proto_error *error);
bool models_full(const struct loomd *d);
/* With as many leases as the options say, or as there is room for. */
int model_instance(struct loomd *d, const struct loom_model *loom, struct loom_instance **out);
int model_unload(struct loomd *d, const char *name, struct proto_error *error);
struct model *model_find(struct loomd *d, const char *name);
struct model *model_by_handle(struct loomd *d, uint32_t handle);
void model_put(struct loomd *d, struct model *m);	/* one request less names it */
int model_rebuild(struct loomd *d, struct model *m);	/* a new VM after a fault */
void model_preload(struct loomd *d);
json_t *models_list(struct loomd *d);

/* ---- worker.c ---- */

int worker_start(struct loomd *d, enum worker_kind kind);	/* 0 too if it is there */
void worker_submit(struct loomd *d, enum worker_kind kind, struct work *work);
void worker_reap(struct loomd *d, enum worker_kind kind);	/* what is done */
void workers_stop(struct loomd *d);

/* ---- load.c ---- */

/* The file is read, and the model brought to the device, beside the loop; the client is told when it is done. */
int load_for_client(struct loomd *d, struct client *c, const struct loom_msg_name *msg, int fd,
		    struct proto_error *error);
/* At once: before there are clients. */
int load_path(struct loomd *d, const char *path, const char *name, bool remembered,
	      struct proto_error *error);

/* ---- host.c ---- */

int host_submit(struct loomd *d, struct request *r, unsigned int step, uint64_t tag);
void request_host_done(struct loomd *d, struct host_job *job);	/* completions.c */

/* ---- state.c ---- */

int write_all(int fd, const void *data, size_t size);
int state_save(struct loomd *d, const char *name, const void *data, size_t size);
void state_remove(struct loomd *d, const char *name);
void state_restore(struct loomd *d);
int state_save_policy(struct loomd *d);
bool state_policy(struct loomd *d, char *policy, size_t size);	/* is one remembered? */
/* Call fn for each *.loom in a directory, in order of name. */
int state_each(const char *dir, void (*fn)(struct loomd *d, const char *path, const char *name),
	       struct loomd *d);

/* ---- requests.c, pump.c, completions.c ---- */

int requests_init(struct loomd *d);
void requests_fini(struct loomd *d);
int request_arrive(struct loomd *d, struct client *c, const struct loom_msg_infer *msg,
		   struct proto_error *error);
unsigned int request_cancel(struct loomd *d, struct client *c, uint64_t id);
void request_drop_client(struct loomd *d, struct client *c);
/* Ask sched what to do until it has nothing more, and do it. */
void requests_pump(struct loomd *d);
/* Copy outputs and answer, for those that the last pump found done. */
void requests_finish(struct loomd *d);
/* One slice came back. */
void request_complete(struct loomd *d, const struct batch_job *job,
		      const struct drm_loom_result *result, int status);
/* Everything that is under way fails. */
void requests_fail_all(struct loomd *d, int status, const char *text);

int feed_open(struct loomd *d, const struct sched_config *config);
void feed_close(struct loomd *d);
void feed_stats(const struct loomd *d, struct sched_stats *stats);
/* The file is written and closed by the record, if this returns 0. No request may be under way. */
int feed_record_start(struct loomd *d, int fd, uint64_t seed);
int feed_record_stop(struct loomd *d);
int feed_model(struct loomd *d, const struct model *m);		/* its number */
void feed_remove_model(struct loomd *d, const struct model *m);
int feed_policy(struct loomd *d, const char *policy);
int feed_arrive(struct loomd *d, const struct request *r, uint64_t now);
void feed_cancel(struct loomd *d, uint64_t now, uint64_t key);
void feed_complete(struct loomd *d, uint64_t now, uint64_t tag, int status);
void feed_tick(struct loomd *d, uint64_t now);
bool feed_next(struct loomd *d, uint64_t now, struct sched_action *action);

/* ---- record.c ---- */

int record_open(int fd, const struct sched_config *config, const char *device, uint64_t seed,
		struct record **record);
void record_event(struct record *r, uint32_t type, uint32_t what, uint64_t a, uint64_t b,
		  uint64_t c);
void record_model(struct record *r, unsigned int model, const char *name, bool overlap,
		  const struct sched_slice *slices, unsigned int num, unsigned int max_inflight);
void record_policy(struct record *r, const char *policy);
int record_error(const struct record *r);	/* 0, or why it has to be given up */
int record_close(struct record *r);

/* ---- device.c ---- */

int device_open(struct loomd *d);
void device_close(struct loomd *d);
int device_slot_get(struct device *dev);
void device_slot_put(struct device *dev, unsigned int slot);
/* Put the slice of a step into the open batch, which goes into the ring when it is full or `last`. */
void device_submit(struct loomd *d, struct request *r, unsigned int step, uint64_t tag, bool last);
/* Put the open batch into the ring, if the device will need it soon. */
void device_flush(struct loomd *d);
/* All that there is goes to the device now, because the daemon will be busy with something else. */
void device_kick(struct loomd *d);
/* loom_ring_enter(). */
int device_enter(struct loomd *d, unsigned int wait, uint64_t timeout_ns);
void device_reap(struct loomd *d);

/* ---- histogram.c ---- */

void histogram_add(struct histogram *h, uint64_t value);
uint64_t histogram_percentile(const struct histogram *h, double p);

/* ---- stats.c ---- */

json_t *stats_json(struct loomd *d);

/* ---- trace.c ---- */

unsigned int trace_name(struct trace *t, const char *name);
int trace_start(struct loomd *d);
void trace_add(struct loomd *d, const struct request *r, unsigned int slice,
	       const struct drm_loom_result *result);
/* Stop and write: a sealed memfd, or a negative errno. */
int trace_stop(struct loomd *d);
void trace_fini(struct loomd *d);

/* ---- faults.c ---- */

const char *fault_name(uint32_t fault);

#endif /* LOOMD_H */
