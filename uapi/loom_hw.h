/* SPDX-License-Identifier: MIT */
/*
 * loom_hw.h - registers, rings and tables, between the driver and the device.
 *
 * BAR0: registers. A global window at 0, the capability block, and one window a core.
 * BAR2: doorbells. Queue q's page is at q * LOOM_DOORBELL_STRIDE; a 32-bit write at offset 0 is the
 *       new tail of its submission ring. A page a queue, so that one can be handed to a process.
 * BAR4: MSI-X. Vector 0 is the admin queue and device state; queues name theirs.
 *
 * Boot: the device comes up in LOOM_STATE_RESET. The driver reads ID, HW_VERSION and the
 * capabilities, refuses another major version, programs the admin rings, writes LOOM_CTRL_BOOT and
 * waits for LOOM_STATE_READY (vector 0 is raised too). Writing LOOM_CTRL_RESET goes back to
 * LOOM_STATE_RESET at once: every queue, context and job is forgotten, and no DMA happens after.
 *
 * Rings have a power-of-two number of entries and free-running 32-bit indices. All memory the
 * device is given is DMA-coherent; addresses in this header are bus addresses unless called va.
 * Little-endian; reserved fields are zero; structs have no implicit padding.
 */
#ifndef LOOM_HW_H
#define LOOM_HW_H

#include <linux/types.h>

#define LOOM_HW_MAJOR 1
#define LOOM_HW_MINOR 1
#define LOOM_HW_VERSION ((LOOM_HW_MAJOR << 16) | LOOM_HW_MINOR)

#define LOOM_PCI_VENDOR 0x1234
#define LOOM_PCI_DEVICE 0x4c4e
#define LOOM_PCI_CLASS  0x1200	/* processing accelerator */

#define LOOM_BAR_REGS		0
#define LOOM_BAR_DOORBELLS	2
#define LOOM_BAR_MSIX		4

#define LOOM_REGS_SIZE		0x40000
#define LOOM_DOORBELL_STRIDE	0x1000

/* ---- global window; 32-bit registers unless said ---- */
#define LOOM_REG_ID		0x000	/* ro: LOOM_ID */
#define LOOM_REG_HW_VERSION	0x004	/* ro: LOOM_HW_VERSION */
#define LOOM_REG_ISA_VERSION	0x008	/* ro */
#define LOOM_REG_STATE		0x00c	/* ro: enum loom_state */
#define LOOM_REG_CTRL		0x010	/* wo: LOOM_CTRL_* */
#define LOOM_REG_ERROR		0x014	/* ro: enum loom_boot_error, when STATE is CRASHED */
#define LOOM_REG_ADMIN_SQ_LO	0x020	/* rw, before boot: struct loom_admin_cmd[] */
#define LOOM_REG_ADMIN_SQ_HI	0x024
#define LOOM_REG_ADMIN_CQ_LO	0x028	/* rw, before boot: struct loom_admin_cqe[] */
#define LOOM_REG_ADMIN_CQ_HI	0x02c
#define LOOM_REG_ADMIN_ENTRIES	0x030	/* rw, before boot: of both rings, power of two <= 256 */
#define LOOM_REG_ADMIN_TAIL	0x034	/* rw: writing it rings the admin doorbell */
#define LOOM_REG_ADMIN_CQ_TAIL	0x038	/* ro: completions written so far */
#define LOOM_REG_TIME		0x040	/* ro, 64-bit: device time, ns */
#define LOOM_REG_INSTRUCTIONS	0x048	/* ro, 64-bit: guest instructions executed, or 0 */
#define LOOM_REG_INTERRUPTS	0x050	/* ro, 64-bit: MSI-X messages sent */
#define LOOM_REG_HEARTBEAT	0x058	/* ro: moves at least every ms while the firmware runs */
#define LOOM_REG_LOG_HEAD	0x05c	/* ro: bytes of log written since power on, free-running */
#define LOOM_REG_INJECT_ARG	0x060	/* wo, with LOOM_CAP_INJECT */
#define LOOM_REG_INJECT		0x064	/* wo: enum loom_inject; INJECT_ARG was written */
#define LOOM_REG_CAPS		0x400	/* ro: struct loom_hw_caps, 32-bit reads */
#define LOOM_REG_LOG		0x8000	/* ro: LOOM_LOG_BYTES ring of text; byte i at i % size */
#define LOOM_REG_CORE(n)	(0x10000 + (n) * 0x1000)	/* struct loom_hw_counters */

#define LOOM_LOG_BYTES		0x4000

#define LOOM_ID			0x4d4f4f4c	/* "LOOM" */

#define LOOM_CTRL_BOOT		(1u << 0)
#define LOOM_CTRL_RESET		(1u << 1)

enum loom_state {
	LOOM_STATE_RESET = 0,
	LOOM_STATE_BOOTING = 1,
	LOOM_STATE_READY = 2,
	LOOM_STATE_CRASHED = 3,
};

enum loom_boot_error {
	LOOM_BOOT_OK = 0,
	LOOM_BOOT_BAD_ADMIN_RING = 1,	/* address, alignment or entries */
	LOOM_BOOT_BUS = 2,		/* the admin rings cannot be read or written */
	LOOM_CRASH_ASSERT = 3,		/* the firmware found itself in a state that cannot be */
	LOOM_CRASH_MEMORY = 4,		/* an uncorrectable error in the firmware's own memory */
};

/*
 * Faults on demand (LOOM_CAP_INJECT: the device property inject=on). What a driver should see of
 * each: Documentation/accel/loom/device.rst. A fault injected while the firmware does not run
 * waits until it does; a reset ends every fault but REMOVE, which lasts until unplug.
 */
enum loom_inject {
	LOOM_INJECT_NONE = 0,
	/* the engine stops for good at its next step; CORE_RESET or a reset frees it; arg: core */
	LOOM_INJECT_HANG_FETCH = 1,
	LOOM_INJECT_HANG_DMA = 2,
	LOOM_INJECT_HANG_COMPUTE = 3,
	LOOM_INJECT_HANG_FIRMWARE = 4,	/* no job, no admin command, no heartbeat any more */
	/* STATE is CRASHED, ERROR is arg (LOOM_CRASH_*; 0 = ASSERT), vector 0 is raised */
	LOOM_INJECT_CRASH_FIRMWARE = 5,
	LOOM_INJECT_SLOW_DRAM = 6,	/* arg: percent of the bandwidth that is left, 1 .. 100 */
	LOOM_INJECT_LOSE_IRQ = 7,	/* arg: so many next messages are not sent */
	LOOM_INJECT_SPURIOUS_IRQ = 8,	/* arg: vector, raised once for nothing */
	LOOM_INJECT_DMA_ABORT = 9,	/* arg: this access by an engine fails, 0 = next */
	LOOM_INJECT_ECC_CORRECTED = 10,	/* arg: enum loom_memory; counted, nothing else */
	LOOM_INJECT_ECC_UNCORRECTED = 11, /* arg: enum loom_memory; the job that reads it faults */
	LOOM_INJECT_BAD_CQE = 12,	/* arg: this completion from now on has garbage, 0 = next */
	LOOM_INJECT_REMOVE = 13,	/* surprise removal: reads are ones, no DMA, no interrupt */
	LOOM_INJECT_COUNT
};

enum loom_memory {
	LOOM_MEMORY_WEIGHT_SRAM = 0,
	LOOM_MEMORY_ACT_SRAM = 1,
	LOOM_MEMORY_DRAM = 2,
	LOOM_MEMORY_FIRMWARE = 3,	/* uncorrectable: LOOM_CRASH_MEMORY */
};

enum loom_dataflow {
	LOOM_WEIGHT_STATIONARY = 0,
	LOOM_OUTPUT_STATIONARY = 1,
};

/* What the device is. The timing equations take all their sizes from here. */
struct loom_hw_caps {
	__u32 size;			/* of this struct, as the device knows it */
	__u32 hw_version;
	__u32 isa_version;
	__u32 num_cores;
	__u32 max_queues;
	__u32 max_contexts;
	__u32 max_ring_entries;
	__u32 num_vectors;
	/* each core */
	__u32 array_rows;		/* K of a weight tile */
	__u32 array_cols;		/* N of a weight tile */
	__u32 num_arrays;		/* arrays that work side by side on one command */
	__u32 clock_khz;
	__u32 acc_rows;			/* rows of an output block that the accumulators hold */
	__u32 wload_rows;		/* weight rows loaded into an array per cycle */
	__u32 vector_lanes;		/* elements per cycle */
	__u32 weight_sram_bytes;
	__u32 act_sram_bytes;		/* leased to contexts in LOOM_LEASE_ALIGN units */
	/* DRAM, shared by the cores */
	__u32 dram_mbps;		/* 10^6 bytes per second */
	__u32 dram_latency_ns;
	__u32 dram_burst_bytes;		/* unit of arbitration between fetch and dma */
	/* firmware */
	__u32 fw_job_ns;		/* to take one job from a ring */
	__u32 fw_cmd_ns;		/* to validate and dispatch one command */
	__u32 flags;			/* LOOM_CAP_* */
	__u32 num_links;		/* to other chiplets; 0 today */
	char preset[32];
	__u32 dataflow;			/* enum loom_dataflow, of CONV and MATMUL */
	__u32 reserved[7];
};

#define LOOM_CAP_FUNCTIONAL	(1u << 0)	/* commands act on real data */
#define LOOM_CAP_ICOUNT		(1u << 1)	/* LOOM_REG_INSTRUCTIONS counts */
#define LOOM_CAP_INJECT		(1u << 2)	/* LOOM_REG_INJECT works */
#define LOOM_CAP_INT8		(1u << 3)	/* the 8-bit commands of loom_isa.h */

#define LOOM_LEASE_ALIGN 4096

/* At LOOM_REG_CORE(n), 64-bit read-only, times in ns of device time since boot. */
struct loom_hw_counters {
	__u64 fetch_busy;	/* the fetch engine was moving bytes */
	__u64 fetch_blocked;	/* it had a command but no room in the weight SRAM */
	__u64 dma_busy;
	__u64 compute_busy;	/* a compute command was executing */
	__u64 mac_busy;		/* ... on the MAC array */
	__u64 vector_busy;	/* ... on the vector unit */
	__u64 compute_wait_weights;	/* next command waits for its weights */
	__u64 compute_wait_dma;		/* next command waits for DMA */
	__u64 dry;		/* no job anywhere on this core: nothing submitted */
	__u64 dram_busy;	/* the DRAM channel was transferring, for this core */
	__u64 dram_bytes;	/* bytes, not ns */
	__u64 weight_bytes;	/* bytes fetched */
	__u64 macs;		/* multiply-accumulates of useful work */
	__u64 jobs;
	__u64 commands;
	__u64 faults;
	/* since 1.1 */
	__u64 progress;		/* passes and bursts, not ns: moves as long as any engine does */
	__u64 fetch_idle;	/* nothing to fetch */
	__u64 fetch_wait_dram;	/* latency, or the channel serves the dma engine */
	__u64 dma_idle;
	__u64 dma_wait_dram;
	__u64 dma_wait_compute;	/* next command waits for compute, of its own or an earlier job */
	__u64 compute_idle;
	__u64 ecc_corrected;	/* errors, not ns */
	__u64 ecc_uncorrected;
	/* pJ, not ns; the model and its sources: Documentation/accel/loom/timing.rst */
	__u64 energy_mac, energy_sram, energy_dram, energy_static;
};

/* ---- admin queue ---- */

enum loom_admin_op {
	LOOM_ADMIN_CTX_CREATE = 1,
	LOOM_ADMIN_CTX_DESTROY = 2,	/* kills, then completes after the context's last DMA */
	/* forget translations of [va, va + size); completes when no DMA under way uses them */
	LOOM_ADMIN_CTX_INVALIDATE = 3,
	/* dispatched jobs of this context complete as CANCELLED, then this does; it stays dead */
	LOOM_ADMIN_CTX_KILL = 4,
	LOOM_ADMIN_QUEUE_CREATE = 5,
	/* jobs not finished are CANCELLED; no completion entry is written after this completes */
	LOOM_ADMIN_QUEUE_DESTROY = 6,
	/*
	 * since 1.1. Frees the engines of a core from whatever holds them: jobs dispatched to it
	 * complete as LOOM_FAULT_RESET, then this does; rings, contexts and leases stay. So that
	 * nothing overtakes the jobs it lost, a context that lost one is stopped: its further jobs
	 * complete as LOOM_FAULT_RESET without having run, until CTX_RESUME.
	 */
	LOOM_ADMIN_CORE_RESET = 7,
	/* Copy an idle context's lease to host pages and back; the device forgets it in D3 */
	LOOM_ADMIN_CTX_SAVE = 8,
	LOOM_ADMIN_CTX_RESTORE = 9,
	LOOM_ADMIN_BAND_SET = 10,
	LOOM_ADMIN_CTX_RESUME = 11,	/* after CORE_RESET; see there */
};

struct loom_admin_ctx {
	__u32 ctx;		/* 1 .. max_contexts */
	__u32 flags;		/* zero */
	__u64 pt_root;		/* page-aligned root table */
	__u32 lease_base;	/* activation SRAM; the driver allocates, the device checks */
	__u32 lease_size;	/* LOOM_LEASE_ALIGN units; 0 = none */
	__u64 va, size;		/* CTX_INVALIDATE; size 0 = everything */
};

struct loom_admin_queue {
	__u32 queue;		/* 0 .. max_queues - 1 */
	__u32 core;
	__u64 sq;		/* struct loom_hw_job[entries] */
	/* struct loom_hw_cqe[entries]; cannot overflow, as the driver never has more jobs in a
	 * queue than that
	 */
	__u64 cq;
	__u64 state;		/* struct loom_hw_queue_state */
	__u64 vm_table;		/* __u32[vm_slots]: context number, 0 = empty */
	__u16 entries_log2;
	__u16 vm_slots;
	__u16 vector;
	__u16 irq_batch;	/* interrupt after this many completions (>= 1) */
	/* since 1.1 */
	__u16 band;		/* enum loom_band */
	__u16 flags;		/* LOOM_QUEUE_* */
	__u32 reserved;
};

/*
 * The rings, the state and the doorbell page are in a program's hands: it can harm only itself.
 * The VM table is the driver's, as ever.
 */
#define LOOM_QUEUE_USER		(1u << 0)

/*
 * Between two jobs the firmware serves the highest band that has work; within a band, the queue
 * that has had the least device time. A band that kept a lower one waiting for its quantum lets it
 * have one job. Zero is what an old driver writes.
 */
enum loom_band {
	LOOM_BAND_NORMAL = 0,
	LOOM_BAND_IDLE = 1,
	LOOM_BAND_HIGH = 2,
	LOOM_BAND_REALTIME = 3,
	LOOM_BAND_COUNT
};

#define LOOM_BAND_QUANTUM_US	10000

struct loom_admin_band {
	__u32 band;
	/* 0: no lower band is let in while this one has work. After boot: LOOM_BAND_QUANTUM_US */
	__u32 quantum_us;
};

struct loom_admin_lease {
	__u32 ctx;
	__u32 num_pages;	/* of the lease, LOOM_LEASE_ALIGN bytes each */
	__u64 pages;		/* bus address of __u64[num_pages]: bus addresses */
};

struct loom_admin_core {
	__u32 core;
	__u32 reserved;
};

struct loom_admin_cmd {
	__u16 opcode;		/* enum loom_admin_op */
	__u16 tag;		/* comes back in the completion */
	__u32 reserved;
	union {
		struct loom_admin_ctx ctx;
		struct loom_admin_queue queue;
		struct loom_admin_core core;		/* CORE_RESET */
		struct loom_admin_lease lease;		/* CTX_SAVE, CTX_RESTORE */
		struct loom_admin_band band;		/* BAND_SET */
		__u8 pad[56];
	};
};

enum loom_admin_status {
	LOOM_ADMIN_OK = 0,
	LOOM_ADMIN_BAD_OPCODE = 1,
	LOOM_ADMIN_BAD_ID = 2,		/* out of range, in use, or not in use */
	LOOM_ADMIN_BAD_FIELD = 3,
	LOOM_ADMIN_BAD_LEASE = 4,	/* outside the SRAM, or overlaps another */
	LOOM_ADMIN_BUS = 5,
	LOOM_ADMIN_BUSY = 6,		/* the context has jobs under way */
	LOOM_ADMIN_DEAD = 7,		/* a context that faulted or was killed does not resume */
};

struct loom_admin_cqe {
	__u16 tag;
	__u16 status;		/* enum loom_admin_status */
	__u32 reserved;
	__u64 time;		/* device ns */
};

/* ---- queues ---- */

/* Written by the device after the entries it covers. */
struct loom_hw_queue_state {
	__u32 sq_head;		/* jobs taken from the ring; their entries may be reused */
	__u32 cq_tail;		/* completions written */
	__u32 reserved[14];
};

struct loom_hw_job {
	__u64 cookie;		/* comes back in the completion */
	__u64 cmd_va;		/* command buffer, in the VM of vm_slot; 8-byte aligned */
	__u32 cmd_size;
	__u16 vm_slot;
	__u16 flags;		/* LOOM_JOB_* */
	__u32 seq;		/* per queue, ascending */
	__u32 reserved;
};

#define LOOM_JOB_IRQ		(1u << 0)	/* interrupt at once when it completes */
#define LOOM_JOB_RELEASE_LAYER	(1u << 1)	/* free weights when the job's compute ends */

/* Jobs of one context complete in order; jobs of different contexts need not. */
struct loom_hw_cqe {
	__u64 cookie;
	__u32 fault;		/* enum loom_fault (loom_isa.h) */
	__u32 fault_cmd;	/* number of the command, or LOOM_NO_CMD */
	__u64 fault_addr;
	__u32 seq;
	__u32 ctx;
	/* device time, ns; 0 = that engine had nothing to do */
	__u64 dispatched;
	__u64 fetch_start, fetch_end;
	__u64 dma_start, dma_end;
	__u64 compute_start, compute_end;
	__u64 end;		/* this entry was written */
	/* ns */
	__u32 fetch_busy, dma_busy, mac_busy, vector_busy;
	__u32 wait_weights, wait_dma;	/* compute stalls */
	__u64 reserved;
};

/* ---- MMU ----
 *
 * 48-bit virtual addresses, four levels of 512 64-bit entries, 4 KiB pages; an entry of the level
 * above the last may be a 2 MiB page.
 */
#define LOOM_VA_BITS		48
#define LOOM_PT_LEVELS		4
#define LOOM_PTE_VALID		(1ull << 0)
#define LOOM_PTE_WRITE		(1ull << 1)	/* leaf: the device may write */
#define LOOM_PTE_LARGE		(1ull << 2)	/* in a level-1 table: a 2 MiB leaf */
#define LOOM_PTE_ADDR_MASK	0x0000fffffffff000ull

#endif /* LOOM_HW_H */
