/* SPDX-License-Identifier: MIT */
/*
 * device.h - what the parts of the device know of each other.
 *
 * fw/ is what runs on the control processor, hw/ is what it controls, and both act only in events:
 * a handler changes state at an exact picosecond, and then sim_progress() lets every part look
 * whether it can go on. So no part calls another one back, and a cause and its effect have the
 * same time.
 */
#ifndef LOOM_DEVICE_H
#define LOOM_DEVICE_H

#include "hw/scratch.h"
#include "hw/workers.h"
#include "loom_sim.h"
#include "timing/passes.h"

#define PS_PER_NS	1000ull
#define NEVER		UINT64_MAX

#define MAX_CORES	1	/* the structures know many, the DRAM arbiter does not yet */
#define MAX_RESIDENT	64	/* jobs between dispatch and completion, each core */
#define MAX_OUTSTANDING	64	/* DRAM bursts between request and arrival, each core */
#define MAX_ADMIN	256	/* entries of the admin rings */
#define TLB_ENTRIES	1024
#define TLB_REGIONS	256

enum engine { ENGINE_FETCH, ENGINE_DMA, ENGINE_COMPUTE, ENGINE_COUNT };

/*
 * Events due at the same picosecond happen in this order: data arrives before anyone looks for it,
 * and the firmware acts on the state after.
 */
enum event_id {
	EVENT_BOOT,
	EVENT_ARRIVAL,		/* a DRAM burst is there */
	EVENT_CHANNEL,		/* the DRAM channel has transferred a burst */
	EVENT_COMPUTE,		/* a pass ends */
	EVENT_WATCHDOG,
	EVENT_FIRMWARE,		/* the firmware has finished what it does */
	EVENT_COUNT
};

struct event {
	uint64_t at;		/* ps, or NEVER */
	uint64_t slack;		/* ps that the host may be late unnoticed; see event.c */
	void (*handle)(struct loom_sim *sim);
};

struct context {
	bool used;
	bool dying;		/* a CTX_DESTROY waits for its jobs */
	uint32_t id;
	uint32_t dead;		/* enum loom_fault with which further jobs complete; 0 = alive */
	uint64_t pt_root;
	uint32_t lease_base, lease_size;
};

struct queue {
	bool used;
	bool dying;		/* a QUEUE_DESTROY waits for its jobs */
	struct loom_admin_queue desc;
	uint32_t entries;
	uint32_t sq_head, sq_tail, cq_tail;
	uint32_t unannounced;	/* completions since the last interrupt */
	uint64_t share;		/* ps of device time it has had; fw/band.c */
};

/* A command in one engine's stream. */
struct command {
	const struct loom_cmd *cmd;
	uint32_t number;	/* in the buffer */
	uint64_t ps;		/* compute: what it takes to execute */
};

struct job {
	struct queue *queue;
	struct context *ctx;	/* NULL after LOOM_FAULT_BAD_SLOT */
	struct loom_hw_job desc;
	struct loom_hw_cqe cqe;	/* filled as things happen */
	bool dead;		/* cqe.fault says why; the engines skip what is left */

	void *buffer;		/* the private copy of the command buffer */
	uint32_t num_cmds;
	struct command *stream[ENGINE_COUNT];
	uint32_t count[ENGINE_COUNT];
	uint32_t issued[ENGINE_COUNT];	/* commands of which everything was requested */
	uint32_t done[ENGINE_COUNT];
	bool ordered[ENGINE_COUNT];	/* earlier jobs of the context no longer hold it up */
	uint64_t moved[ENGINE_COUNT];	/* bytes requested of the first command not issued */
	uint32_t in_flight;	/* bursts requested and not arrived */
	uint64_t busy[ENGINE_COUNT];	/* ps of DRAM time (fetch, dma) */
	uint64_t mac_busy, vector_busy;
	uint64_t wait_weights, wait_dma;
	uint64_t compute_left;	/* ps that its commands not done will execute */
	uint64_t dram_time;	/* ps of the channel that all its commands take */

	/*
	 * Its part of the weight FIFO, as offsets into its own stream:
	 * freed <= release, freed <= arrived <= reserved <= weight_bytes.
	 */
	uint64_t weight_bytes, reserved, arrived, release, freed;
	/*
	 * Its weights, linear. The FIFO only accounts for the room: the maths of a command happens
	 * when it ends, when the FIFO may have passed on the room of its first tiles.
	 */
	uint8_t *weights;
};

/* Bursts of one command, one after the other: hw/transfer.c. */
struct transfer {
	struct job *job;
	enum engine engine;
	uint32_t index;		/* of the command in its stream */
	uint64_t bytes;
	uint64_t offset;	/* of its first byte in the command */
	uint64_t stream_offset;	/* fetch: in the slice's weights */
	bool last;		/* it ends its command */
	bool watched;		/* each burst's arrival is an event */
	uint32_t burst;		/* bytes of each but the last */
	uint32_t count, begun, arrived;		/* bursts */
	uint64_t start, end;	/* ps, on the channel */
	uint64_t bandwidth, remainder;
};

/* What happened to some bursts of a transfer. */
struct progress {
	uint32_t bursts;
	uint64_t offset, bytes;		/* from the transfer's first byte */
	uint64_t ps;			/* of the channel */
	uint64_t at;			/* when the last one arrived */
};

struct dram {
	bool busy;
	enum engine turn;	/* who goes first when both want it */
	uint64_t remainder;	/* fraction of a ps carried from burst to burst */
	struct transfer flight[MAX_OUTSTANDING];	/* if busy, the last is on the channel */
	uint32_t flight_head, flight_tail;
	uint32_t in_flight[ENGINE_COUNT];	/* bursts on the channel or on their way */
};

/* What an engine does or waits for; each is a counter. */
enum fetch_state { FETCH_IDLE, FETCH_BUSY, FETCH_BLOCKED, FETCH_WAIT_DRAM };
enum dma_state { DMA_IDLE, DMA_BUSY, DMA_WAIT_COMPUTE, DMA_WAIT_DRAM };
enum compute_state {
	COMPUTE_IDLE, COMPUTE_MAC, COMPUTE_VECTOR, COMPUTE_WAIT_WEIGHTS, COMPUTE_WAIT_DMA
};

enum dry_state { NOT_DRY, DRY };

#define GAUGE_STATES	5

struct gauge {
	unsigned int state;
	uint64_t since;			/* ns */
	uint64_t ns[GAUGE_STATES];	/* of what is over */
};

enum stall { STALL_NONE, STALL_WEIGHTS, STALL_DMA };

struct compute {
	struct job *job;	/* the pass under way is of its first command not done */
	struct loom_pass pass;
	uint64_t index;		/* of the pass */
	struct passes passes;
	uint64_t cycles;	/* of the command's earlier passes */
	uint64_t started;	/* ps */
	uint64_t executed;	/* ps of its earlier passes, for the watchdog */
	enum stall stall;
	struct job *stalled;
	uint64_t stalled_since;
	struct gauge gauge;	/* enum compute_state */
};

struct act_sram {
	uint8_t *bytes;
	bool *used;		/* of each LOOM_LEASE_ALIGN unit: may differ from zero */
};

struct core {
	struct job *job[MAX_RESIDENT];	/* in dispatch order */
	uint32_t num_jobs;
	/* of all of them: ps of compute, bytes not yet requested by fetch */
	uint64_t compute_left, fetch_left;
	/* fetch, dma: commands of the living; job_issuing() was this one, or NULL */
	uint32_t unissued[ENGINE_COMPUTE];
	struct job *issuing[ENGINE_COMPUTE];
	bool hung[ENGINE_COUNT];	/* hw/hang.c */
	struct job *held[ENGINE_COUNT];
	bool ended;		/* something did; jobs_complete() looks whether a job has */
	uint32_t outstanding;	/* jobs in its queues' rings and resident */
	struct dram dram;
	struct compute compute;
	uint64_t weight_used;	/* bytes of the weight FIFO */
	struct act_sram act_sram;
	struct pool weight_pool;
	struct gauge fetch, dma, dry;
	uint64_t since;		/* ns: when the counters began */
	uint64_t sram_bytes, macs_8bit;	/* for the energy */
	struct loom_hw_counters counters;	/* without the times, which are the gauges' */
};

enum firmware_task { FW_IDLE, FW_ADMIN, FW_LEASE_COPY, FW_TAKE, FW_DISPATCH };

struct band {
	uint64_t quantum;	/* ps; 0: lower bands wait for ever */
	uint64_t share;		/* of the queue in service, when it got its last job */
	uint64_t waiting_since;
	uint32_t in_rings;
};

struct deferred {
	uint16_t tag;
	uint16_t opcode;
	uint32_t id;
};

struct firmware {
	enum firmware_task task;
	bool hung;
	uint32_t heartbeat;	/* the last one, if hung */
	uint64_t ready_since;
	uint32_t next_queue;	/* of queues with the same share */
	uint32_t in_rings;	/* jobs that wait there to be taken */
	struct band band[LOOM_BAND_COUNT];
	struct queue *queue;	/* FW_TAKE */
	struct job *job;	/* FW_DISPATCH */
	struct loom_admin_cmd copy;	/* FW_LEASE_COPY */
	uint64_t admin_sq, admin_cq;
	uint32_t admin_entries, admin_head, admin_tail, admin_cq_tail;
	struct deferred deferred[MAX_ADMIN];
	uint32_t num_deferred;
};

struct tlb_entry {
	uint32_t ctx;		/* 0: empty */
	bool large;		/* of a region: one page */
	bool writable;
	uint64_t page;
	uint64_t addr;
};

/* The one after `left` others. */
struct countdown {
	bool armed;
	uint32_t left;
};

/* Faults on demand: in force, or waiting for the firmware to run. */
struct inject {
	uint32_t register_arg;
	uint32_t lose_irqs;
	uint32_t dram_percent;	/* of the bandwidth */
	struct countdown dma_abort, bad_cqe;
	bool bad_bit[LOOM_MEMORY_FIRMWARE];
	bool waits[LOOM_INJECT_COUNT];
	uint32_t arg[LOOM_INJECT_COUNT];
};

struct log {
	uint32_t head;		/* free-running */
	char bytes[LOOM_LOG_BYTES];
};

struct loom_sim {
	struct loom_sim_config config;
	const struct loom_sim_ops *ops;
	void *opaque;
	struct workers *workers;
	uint64_t now;		/* ps */
	enum loom_state state;
	enum loom_boot_error error;
	bool removed;
	uint64_t interrupts;
	struct inject inject;
	struct log log;
	struct event event[EVENT_COUNT];
	struct firmware fw;
	struct context *context;	/* max_contexts + 1; number 0 is nobody */
	struct queue *queue;
	struct core core[MAX_CORES];
	struct tlb_entry tlb[TLB_ENTRIES], tlb_regions[TLB_REGIONS];
};

static inline bool functional(const struct loom_sim *sim)
{
	return sim->config.functional == LOOM_SIM_FUNCTIONAL_ON;
}

/* sim.c */
void sim_progress(struct loom_sim *sim);
void sim_irq(struct loom_sim *sim, unsigned int vector);

/* event.c */
void events_init(struct loom_sim *sim);
void event_set(struct loom_sim *sim, enum event_id id, uint64_t at);
void events_run(struct loom_sim *sim, uint64_t now);
uint64_t events_next(const struct loom_sim *sim);

/* hw/gauge.c */
void gauge_start(struct gauge *gauge, unsigned int state, uint64_t now);
void gauge_set(struct gauge *gauge, unsigned int state, uint64_t now);
void core_gauges_start(struct core *core, uint64_t now);
void core_gauges_set(struct loom_sim *sim, struct core *core);
void core_gauges_read(const struct core *core, uint64_t now, struct loom_hw_counters *out);

/* hw/energy.c */
void core_energy_read(const struct loom_sim *sim, const struct core *core,
		      struct loom_hw_counters *out);

/* fw/registers.c */
uint64_t registers_read(struct loom_sim *sim, uint64_t offset, unsigned int size);
void registers_write(struct loom_sim *sim, uint64_t offset, uint32_t value);

/* fw/boot.c */
void boot_start(struct loom_sim *sim);
void boot_finish(struct loom_sim *sim);
void boot_reset(struct loom_sim *sim);
void boot_crash(struct loom_sim *sim, enum loom_boot_error error);

/* fw/firmware.c */
void firmware_kick(struct loom_sim *sim);
void firmware_done(struct loom_sim *sim);
void firmware_begin(struct loom_sim *sim, enum firmware_task task, uint64_t ns);
uint32_t firmware_heartbeat(const struct loom_sim *sim);

/* fw/log.c */
__attribute__((format(printf, 2, 3)))
void log_line(struct loom_sim *sim, const char *format, ...);

/* fw/inject.c */
const char *inject(struct loom_sim *sim, enum loom_inject kind, uint32_t arg);
void inject_waiting(struct loom_sim *sim);
void inject_end(struct loom_sim *sim);
bool inject_loses_irq(struct loom_sim *sim);
bool inject_spoils_cqe(struct loom_sim *sim);
bool inject_spoils_memory(const struct loom_sim *sim);
enum loom_fault inject_read(struct loom_sim *sim, struct core *core, enum loom_memory memory);
bool inject_watches_bursts(const struct loom_sim *sim);
enum loom_fault inject_burst(struct loom_sim *sim, struct core *core, bool writes);

/* fw/core.c */
uint16_t core_reset(struct loom_sim *sim, const struct loom_admin_core *desc);

/* fw/lease.c */
uint16_t lease_check(struct loom_sim *sim, const struct loom_admin_lease *desc);
uint64_t lease_copy_ns(const struct loom_sim *sim, const struct loom_admin_lease *desc);
uint16_t lease_copy(struct loom_sim *sim, const struct loom_admin_lease *desc, bool save);

/* fw/band.c */
void bands_init(struct loom_sim *sim);
uint16_t band_set(struct loom_sim *sim, const struct loom_admin_band *desc);
void band_arrived(struct loom_sim *sim, struct queue *queue, uint32_t jobs);
void band_left(struct loom_sim *sim, struct queue *queue);
void band_charge(struct loom_sim *sim, struct queue *queue, uint64_t ps);
struct queue *band_next(struct loom_sim *sim);
uint64_t band_fetch_enough(const struct loom_sim *sim);

/* fw/admin.c */
void admin_execute(struct loom_sim *sim);
void admin_lease_copied(struct loom_sim *sim);
void admin_finish_deferred(struct loom_sim *sim);

/* fw/context.c */
uint16_t context_create(struct loom_sim *sim, const struct loom_admin_ctx *desc);
uint16_t context_kill(struct loom_sim *sim, uint32_t id);
uint16_t context_resume(struct loom_sim *sim, uint32_t id);
uint16_t context_invalidate(struct loom_sim *sim, const struct loom_admin_ctx *desc);
struct context *context_get(struct loom_sim *sim, uint32_t id);
bool context_idle(struct loom_sim *sim, const struct context *ctx);

/* fw/queue.c */
uint16_t queue_create(struct loom_sim *sim, const struct loom_admin_queue *desc);
struct queue *queue_get(struct loom_sim *sim, uint32_t id);
bool queue_idle(struct loom_sim *sim, const struct queue *queue);
void queue_cancel(struct loom_sim *sim, struct queue *queue);
void queue_drop_ring(struct loom_sim *sim, struct queue *queue);
void queue_doorbell(struct loom_sim *sim, uint32_t id, uint32_t tail);
uint64_t queue_take_slot(struct loom_sim *sim, struct queue *queue);
struct core *queue_core(struct loom_sim *sim, const struct queue *queue);
void queue_write_state(struct loom_sim *sim, struct queue *queue);
void queue_complete(struct loom_sim *sim, struct queue *queue, struct loom_hw_cqe *cqe,
		    bool irq_now);

/* fw/job.c */
struct job *job_take(struct loom_sim *sim, struct queue *queue);
void job_dispatch(struct loom_sim *sim, struct job *job);
void job_free(struct core *core, struct job *job);
/* Its engines have nothing left to do for it: it is done, or dead. */
void job_forget_left(struct core *core, struct job *job);
bool job_has_left(const struct job *job, enum engine engine);
bool job_may_run(struct core *core, struct job *job, enum engine engine);
/* The engine's work now is in this job: the oldest one with commands not issued, or NULL. */
struct job *job_issuing(struct core *core, enum engine engine);
/* All of its next command was requested; or not all of it, after all. */
void job_issued(struct core *core, struct job *job, enum engine engine);
void job_unissue(struct core *core, struct job *job, enum engine engine);
void jobs_complete(struct loom_sim *sim, struct core *core);

/* fw/fault.c */
void job_fault(struct loom_sim *sim, struct job *job, enum loom_fault fault, uint32_t cmd,
	       uint64_t addr);
void job_kill(struct loom_sim *sim, struct job *job, enum loom_fault fault);
void watchdog_expire(struct loom_sim *sim);

/* fw/validate.c */
struct verdict {
	enum loom_fault fault;
	uint32_t cmd;		/* number of the offender, or LOOM_NO_CMD */
	uint64_t addr;
};

struct verdict validate(const struct loom_sim_config *config, const void *buffer, uint32_t size,
			uint32_t lease_size, bool layer_release);
enum engine opcode_engine(uint16_t opcode);

/* hw/mmu.c */
enum loom_fault mmu_read(struct loom_sim *sim, const struct context *ctx, uint64_t va, void *buf,
			 uint64_t len, uint64_t *fault_va);
enum loom_fault mmu_write(struct loom_sim *sim, const struct context *ctx, uint64_t va,
			  const void *buf, uint64_t len, uint64_t *fault_va);
/* Translate only: buf of mmu_read or mmu_write is NULL. */
uint64_t mmu_readable(struct loom_sim *sim, const struct context *ctx, uint64_t va, uint64_t len);
void mmu_invalidate(struct loom_sim *sim, uint32_t ctx, uint64_t va, uint64_t size);

/* hw/dram.c */
void dram_kick(struct loom_sim *sim, struct core *core);
void dram_channel_free(struct loom_sim *sim);
void dram_arrival(struct loom_sim *sim);
bool dram_serves(const struct core *core, enum engine engine);
bool dram_quiet(struct loom_sim *sim, struct core *core);
void dram_settle(struct loom_sim *sim, struct core *core, bool strictly);
void dram_await(struct loom_sim *sim, struct core *core);
void dram_cut(struct loom_sim *sim, struct core *core);
void dram_watch(struct loom_sim *sim, struct core *core);
uint64_t dram_planned(const struct core *core);
/* Bursts under way never arrive. */
void dram_drop(struct loom_sim *sim, struct core *core);

/* hw/transfer.c */
void transfer_start(const struct loom_sim *sim, struct transfer *t, uint64_t *remainder);
uint64_t transfer_cut(struct transfer *t, uint64_t *remainder);
struct progress transfer_begin(struct transfer *t, uint64_t at, bool strictly);
struct progress transfer_arrive(struct transfer *t, uint64_t at, uint64_t latency);
uint64_t transfer_arrival(const struct transfer *t, uint64_t byte, uint64_t latency);
uint64_t transfer_depth(const struct loom_sim *sim);

/* hw/hang.c */
bool engine_hangs(struct core *core, enum engine engine, struct job *job);
bool engines_hold(const struct core *core, const struct job *job);

/* hw/fetch.c */
bool fetch_next(struct loom_sim *sim, struct core *core, struct transfer *t);
void fetch_take_back(struct core *core, struct transfer *t, uint64_t bytes);
enum fetch_state fetch_state(struct loom_sim *sim, struct core *core);
void fetch_arrived(struct loom_sim *sim, struct core *core, const struct transfer *t,
		   const struct progress *p);

/* hw/dma.c */
bool dma_next(struct loom_sim *sim, struct core *core, struct transfer *t);
bool dma_wants(struct core *core);
enum dma_state dma_state(struct core *core);
void dma_arrived(struct loom_sim *sim, struct core *core, const struct transfer *t);

/* hw/weight_sram.c */
uint64_t weight_room(const struct loom_sim *sim, const struct core *core);
void weight_reserve(struct core *core, struct job *job, uint64_t bytes);
void weight_give_back(struct core *core, struct job *job, uint64_t bytes);
void weight_release(struct job *job, uint64_t offset);
void weight_reclaim(struct core *core);

/* hw/act_sram.c */
void act_sram_init(struct act_sram *act, uint32_t bytes);
void act_sram_free(struct act_sram *act);
void act_sram_lease(struct act_sram *act, uint32_t base, uint32_t size);
uint8_t *act_sram_of(const struct core *core, const struct context *ctx);

/* hw/compute.c */
void compute_kick(struct loom_sim *sim, struct core *core);
void compute_pass_done(struct loom_sim *sim);
void compute_abort(struct loom_sim *sim, struct core *core, struct job *job);
enum compute_state compute_state(const struct loom_sim *sim, const struct core *core);
void compute_stall(struct loom_sim *sim, struct core *core, enum stall stall, struct job *job);

/* hw/execute.c: what a compute command does to the SRAM (hw/execute.h) */
void execute(const struct loom_hw_caps *caps, struct workers *workers,
	     const struct loom_cmd *cmd, uint8_t *lease, const uint8_t *weights);

#endif /* LOOM_DEVICE_H */
