/* SPDX-License-Identifier: MIT */
/*
 * loom_isa.h - the command stream, between the compiler and the device.
 *
 * A command buffer is the work of one slice: a struct loom_cmdbuf header followed by commands,
 * each starting with a struct loom_cmd. The firmware copies the buffer once, validates all of it,
 * and deals the commands, in buffer order, to the three in-order engines of a core:
 *
 *   fetch    FETCH                    DRAM -> weight SRAM (a FIFO), as early as there is room
 *   dma      LOAD STORE GATHER        DRAM <-> activation SRAM
 *   compute  everything else          MAC array and vector unit, on SRAM only
 *
 * Each engine runs the commands of successive jobs in submission order, whoever's they are.
 * Between engines a command may wait for earlier commands of its own buffer only:
 *   - a compute command waits until the weights it names have arrived, and until the first `wait`
 *     DMA commands of its buffer are done;
 *   - a DMA command waits until the first `wait` compute commands of its buffer are done.
 * `wait` may only count commands that stand earlier in the buffer (LOOM_FAULT_BAD_WAIT), so no
 * buffer can deadlock. Between jobs of one context: DMA of the later job starts after all compute
 * of the earlier one, compute of the later after all DMA of the earlier (activations live in
 * their lease from slice to slice).
 *
 * Addresses. Activations are byte offsets into the context's lease of the activation SRAM.
 * Weights are byte offsets into the slice's own fetched stream (offset 0 is the first byte of the
 * buffer's first FETCH), wherever they land in the FIFO. Only FETCH, LOAD, STORE and GATHER name
 * device virtual addresses.
 *
 * Release. After a compute command with release_to = R, the slice's weights below offset R are
 * free. CONV and DWCONV free each weight tile after its last use, up to R, without waiting for
 * their end (unless the job asks for layer release: then all is freed when the job's compute ends).
 * What is left is freed when the job ends.
 *
 * Numbers. Little-endian. Sizes and offsets in bytes, strides and pitches in elements. All
 * arithmetic is done in fp32 and rounded (to nearest even) when stored as fp16. Reserved and
 * padding fields must be zero. Offsets are aligned to the element size.
 */
#ifndef LOOM_ISA_H
#define LOOM_ISA_H

#include <linux/types.h>

#define LOOM_ISA_MAJOR 2
#define LOOM_ISA_MINOR 0
#define LOOM_ISA_VERSION ((LOOM_ISA_MAJOR << 16) | LOOM_ISA_MINOR)

#define LOOM_CMDBUF_MAGIC 0x42434d4c /* "LMCB" */
#define LOOM_CMDBUF_MAX_BYTES (1u << 20)

/*
 * More than any real command, little enough that a command ends and no sum overflows; beyond is
 * LOOM_FAULT_BAD_FIELD, of the weights LOOM_FAULT_BAD_HEADER.
 */
#define LOOM_MAX_MACS		(1ull << 42)
#define LOOM_MAX_ELEMENTS	(1ull << 32)	/* of an operand */
#define LOOM_MAX_WEIGHT_BYTES	(1u << 28)	/* fetched by a buffer */
#define LOOM_MAX_K		(1u << 16)	/* of a product; also taps of a window */

struct loom_cmdbuf {
	__u32 magic;
	__u32 isa_version;	/* LOOM_ISA_VERSION; another major or a later minor is refused */
	__u32 size;		/* bytes, this header included; multiple of 8 */
	__u32 num_cmds;
	__u32 weight_bytes;	/* sum of all FETCH bytes */
	__u32 lease_bytes;	/* activation SRAM the commands address */
	__u32 slice;		/* number of the slice in its model, for traces only */
	__u32 reserved;
};

enum loom_opcode {
	LOOM_OP_NOP = 0,	/* compute engine, no work */
	/* fetch engine */
	LOOM_OP_FETCH = 1,
	/* dma engine */
	LOOM_OP_LOAD = 16,
	LOOM_OP_STORE = 17,
	LOOM_OP_GATHER = 18,
	/* compute engine: MAC array */
	LOOM_OP_CONV = 32,	/* also a matrix product with constant weights (1x1) */
	LOOM_OP_DWCONV = 33,
	LOOM_OP_MATMUL = 34,	/* both operands are activations */
	LOOM_OP_QCONV = 40,	/* the 8-bit ones: minor 1, with LOOM_CAP_INT8 */
	LOOM_OP_QDWCONV = 41,
	LOOM_OP_QMATMUL = 42,
	/* compute engine: vector unit */
	LOOM_OP_COPY = 48,	/* strided copy, transpose, concat, slice, expand, cast */
	LOOM_OP_BINARY = 49,
	LOOM_OP_UNARY = 50,
	LOOM_OP_REDUCE = 51,
	LOOM_OP_SOFTMAX = 52,
	LOOM_OP_LAYERNORM = 53,
	LOOM_OP_POOL = 54,
	LOOM_OP_QUANT = 60,	/* 8-bit: minor 1, with LOOM_CAP_INT8 */
	LOOM_OP_QBINARY = 61,
	LOOM_OP_QPOOL = 62,
};

enum loom_dtype {
	LOOM_F16 = 0,
	LOOM_F32 = 1,
	LOOM_I32 = 2,
	LOOM_I64 = 3,
	LOOM_I8 = 4,		/* minor 1: COPY and the 8-bit commands */
	LOOM_U8 = 5,
};

/* Where an operand of a compute command lives. */
enum loom_space {
	LOOM_SPACE_LEASE = 0,	/* activation SRAM, offset into the context's lease */
	LOOM_SPACE_WEIGHTS = 1,	/* weight SRAM, offset into the slice's stream; read only */
};

/* Every command starts so. */
struct loom_cmd {
	__u16 opcode;		/* enum loom_opcode */
	__u16 size;		/* bytes of the whole command; multiple of 8 */
	__u32 flags;		/* LOOM_CMD_*; others must be zero */
	__u32 wait;		/* for so many DMA (compute) commands, see above */
	__u32 release_to;	/* compute commands: see Release; others: zero. Never decreases. */
};

#define LOOM_CMD_BIAS		(1u << 0)	/* CONV, DWCONV: b_off is valid */
#define LOOM_CMD_RESIDUAL	(1u << 1)	/* CONV: add res before the activation */
#define LOOM_CMD_GAMMA		(1u << 2)	/* LAYERNORM: gamma is valid */
#define LOOM_CMD_BETA		(1u << 3)	/* LAYERNORM: beta is valid */
#define LOOM_CMD_COUNT_PAD	(1u << 4)	/* (Q)POOL average: padding counts in the divisor */
#define LOOM_CMD_CHANNELS	(1u << 5)	/* QUANT: table is valid */
#define LOOM_CMD_DYNAMIC	(1u << 6)	/* QCONV, QDWCONV, QUANT: dyn is valid */

/* Functions of one value; also the activation fused into CONV, DWCONV, MATMUL and BINARY. */
enum loom_unary {
	LOOM_UN_NONE = 0,
	LOOM_UN_RELU = 1,
	LOOM_UN_CLIP = 2,	/* min(max(x, alpha), beta) */
	LOOM_UN_LEAKY = 3,	/* x < 0 ? alpha x : x */
	LOOM_UN_HSIGMOID = 4,	/* min(max(alpha x + beta, 0), 1) */
	LOOM_UN_HSWISH = 5,	/* x min(max(x / 6 + 1/2, 0), 1) */
	LOOM_UN_SIGMOID = 6,
	LOOM_UN_TANH = 7,
	LOOM_UN_ERF = 8,
	LOOM_UN_GELU = 9,	/* x/2 (1 + erf(x / sqrt 2)) */
	LOOM_UN_SILU = 10,	/* x sigmoid(x) */
	LOOM_UN_EXP = 11,
	LOOM_UN_LOG = 12,
	LOOM_UN_SQRT = 13,
	LOOM_UN_RECIP = 14,
	LOOM_UN_NEG = 15,
	LOOM_UN_ABS = 16,
	LOOM_UN_AFFINE = 17,	/* alpha x + beta */
	LOOM_UN_POW = 18,	/* x ^ alpha */
	LOOM_UN_FLOOR = 19,
	LOOM_UN_CEIL = 20,
	LOOM_UN_SIN = 21,
	LOOM_UN_COS = 22,
	LOOM_UN_COUNT
};

struct loom_act {
	__u32 fn;		/* enum loom_unary */
	__u32 pad;
	float alpha;
	float beta;
};

/* ---- fetch ---- */

struct loom_cmd_fetch {
	struct loom_cmd hdr;
	__u64 va;		/* read-only constants; 2-byte aligned */
	__u32 bytes;		/* > 0 */
	__u32 pad;
};

/* ---- dma ---- */

/* LOAD and STORE: `rows` rows of `row_bytes`; a contiguous move is one row. */
struct loom_cmd_move {
	struct loom_cmd hdr;
	__u64 va;
	__u64 va_pitch;		/* bytes from row to row in DRAM */
	__u32 off;		/* lease offset */
	__u32 off_pitch;	/* bytes from row to row in the lease */
	__u32 rows;
	__u32 row_bytes;
};

/* GATHER: for i < count: lease[dst + i dst_pitch] = table[index[i]], row_bytes each. */
struct loom_cmd_gather {
	struct loom_cmd hdr;
	__u64 va;		/* the table */
	__u32 table_rows;	/* an index outside [-rows, rows) is LOOM_FAULT_BAD_INDEX */
	__u32 row_bytes;
	__u32 index;		/* lease offset of the indices */
	__u32 index_dtype;	/* LOOM_I32 or LOOM_I64 */
	__u32 count;
	__u32 dst;		/* lease offset */
	__u32 dst_pitch;	/* bytes */
	__u32 pad;
};

/* ---- compute: MAC array ---- */

/*
 * What CONV and MATMUL add up for an output is, in fp32, a chain of fused multiply-adds from +0 on,
 * in the order of K. So an output's bits do not depend on how a product was cut in commands, along
 * M or along N, nor on the machine that emulates the array.
 */

/*
 * CONV. Input is NHWC with in_pitch elements from pixel to pixel, output likewise. The GEMM is
 * M = batch oh ow pixels, K = kh kw c (kh outermost), N = oc. Weights at w_off: for each block of
 * array_cols output channels in turn, a row-major K x min(array_cols, rest) fp16 matrix; bias at
 * b_off: oc fp32. Epilogue: + bias, + residual, activation, round to fp16.
 * A product of an M x K activation with constants is h = 1, w = M, kh = kw = 1, c = K.
 */
struct loom_cmd_conv {
	struct loom_cmd hdr;
	__u32 in, out, res;	/* lease offsets, fp16 */
	__u32 in_pitch, out_pitch, res_pitch;
	__u32 batch;
	__u32 h, w, c;		/* input */
	__u32 oh, ow, oc;	/* output */
	__u16 kh, kw, sh, sw;	/* window and stride */
	__u16 pt, pl, dh, dw;	/* padding on top and left, dilation */
	__u32 w_off, b_off;
	__u32 out_dtype;	/* LOOM_F16 or LOOM_F32 */
	struct loom_act act;
};

/*
 * DWCONV: depthwise, one filter a channel, oc = c. Weights at w_off: row-major (kh kw) x c fp16;
 * bias at b_off: c fp32. Fields as in CONV; res must be zero.
 */
#define loom_cmd_dwconv loom_cmd_conv

/*
 * MATMUL: out[i][j] = act(alpha sum_k a[i][k] b[k][j]) for every (b0, b1) of batch[0] x batch[1].
 * Any stride may be zero or describe a transpose. fp16 in; out fp16 or fp32.
 */
struct loom_cmd_matmul {
	struct loom_cmd hdr;
	__u32 a, b, out;	/* lease offsets */
	__u32 m, n, k;
	__u32 batch[2];
	__u32 a_batch[2], b_batch[2], out_batch[2];	/* strides over the batch */
	__u32 a_row, a_col, b_row, b_col, out_row;	/* strides; out columns are contiguous */
	__u32 out_dtype;
	float alpha;
	__u32 pad;
	struct loom_act act;
};

/* ---- compute: vector unit ---- */

#define LOOM_MAX_DIMS 6

/* An operand of a strided command. Unused leading dims have size 1. */
struct loom_operand {
	__u32 off;
	__u16 space;		/* enum loom_space */
	__u16 dtype;		/* enum loom_dtype */
	__s32 stride[LOOM_MAX_DIMS];	/* elements; 0 repeats */
};

/*
 * COPY: dst[i] = convert(src[i]) over dims. From a float to an integer the fraction is cut off and
 * the value saturates, NaN gives 0; between integers the low bits stay.
 */
struct loom_cmd_copy {
	struct loom_cmd hdr;
	__u32 dims[LOOM_MAX_DIMS];
	struct loom_operand src;
	struct loom_operand dst;
};

enum loom_binary {
	LOOM_BIN_ADD = 0,
	LOOM_BIN_SUB = 1,
	LOOM_BIN_MUL = 2,
	LOOM_BIN_DIV = 3,
	LOOM_BIN_MAX = 4,
	LOOM_BIN_MIN = 5,
	LOOM_BIN_POW = 6,
	LOOM_BIN_COUNT
};

/*
 * BINARY: dst[i] = act(a[i] fn b[i]) over dims; strides of 0 broadcast. Float dtypes only. dst may
 * be exactly an operand (offset, dtype, strides); so may UNARY's.
 */
struct loom_cmd_binary {
	struct loom_cmd hdr;
	__u32 fn;		/* enum loom_binary */
	__u32 pad;
	__u32 dims[LOOM_MAX_DIMS];
	struct loom_operand a, b, dst;
	struct loom_act act;
};

/* UNARY: dst[r][i] = act(src[r][i]), r < rows, i < cols. */
struct loom_cmd_unary {
	struct loom_cmd hdr;
	__u32 src, dst;		/* lease offsets */
	__u16 src_dtype, dst_dtype;
	__u32 rows, cols;
	__u32 src_pitch, dst_pitch;	/* elements */
	__u32 pad;
	struct loom_act act;
};

enum loom_reduce {
	LOOM_RED_SUM = 0,
	LOOM_RED_MEAN = 1,
	LOOM_RED_MAX = 2,
	LOOM_RED_MIN = 3,
	LOOM_RED_COUNT
};

/* REDUCE: dst[o][i] = fn over n of src[o][n][i], both contiguous, accumulated in n order. */
struct loom_cmd_reduce {
	struct loom_cmd hdr;
	__u32 fn;		/* enum loom_reduce */
	__u32 src, dst;		/* lease offsets */
	__u16 src_dtype, dst_dtype;
	__u32 outer, n, inner;
	__u32 pad;
};

/* SOFTMAX over n of [outer][n][inner], contiguous; fp16 or fp32. */
struct loom_cmd_softmax {
	struct loom_cmd hdr;
	__u32 src, dst;		/* lease offsets; may be equal */
	__u16 src_dtype, dst_dtype;
	__u32 outer, n, inner;
};

/* LAYERNORM over the last dim of [rows][n]: (x - mean) / sqrt(var + eps) gamma + beta. */
struct loom_cmd_layernorm {
	struct loom_cmd hdr;
	__u32 src, dst;		/* lease offsets, fp16 */
	__u32 rows, n;
	__u32 gamma, beta;	/* weight offsets, n fp32 each, if flagged */
	float eps;
	__u32 pad;
};

/* POOL: windows over NHWC, pitches in elements. */
enum loom_pool {
	LOOM_POOL_MAX = 0,
	LOOM_POOL_AVERAGE = 1,
};

struct loom_cmd_pool {
	struct loom_cmd hdr;
	__u32 fn;		/* enum loom_pool */
	__u32 in, out;		/* lease offsets, fp16 */
	__u32 in_pitch, out_pitch;
	__u32 batch;
	__u32 h, w, c;
	__u32 oh, ow;
	__u16 kh, kw, sh, sw;
	__u16 pt, pl, dh, dw;
	__u32 pad;
};

/*
 * ---- 8-bit networks ----
 *
 * A number q of LOOM_I8 or LOOM_U8 (of LOOM_I32 where said) stands for the real value
 *
 *	dequantise(q) = (float)(q - zero) scale
 *
 * and a real value v is stored as
 *
 *	quantise(v) = saturate(round(v / scale) + zero)
 *
 * round is to nearest even, saturate is to the range of the type, NaN gives zero. Each operation
 * written here is one of fp32, rounded once and not fused with another; q - zero and what is said
 * to be of int32 are exact or modulo 2^32. So results do not depend on the order of a sum, nor on
 * how a layer was cut.
 */
struct loom_quant {
	float scale;		/* > 0 and finite; 0 where the type is a float */
	__s32 zero;		/* in the range of the type; 0 where the type is a float */
};

/* What QCONV and QDWCONV know of an output channel; 4-byte aligned. */
struct loom_qchannel {
	__s32 bias;		/* added to the int32 sum */
	__s32 zero;		/* of the weights: the low 8 bits, as a number of their type */
	float scale;
	float add;
};

/*
 * QCONV, QDWCONV: the 8-bit CONV and DWCONV. Geometry, order of the weights and release as theirs;
 * weights and input are one byte each; b_off names oc struct loom_qchannel, and BIAS is not used.
 *
 *	sum = bias + sum over the window of (x - in_zero) (w - zero)		int32
 *	v   = act((float)sum scale + add + res)
 *	out = LOOM_I32: sum; LOOM_F16, LOOM_F32: v; LOOM_I8, LOOM_U8: quantise(v) by out
 *
 * A pixel of padding is in_zero. res (RESIDUAL only, added last) is a float or dequantise()d by
 * res_quant. With LOOM_CMD_DYNAMIC the lease holds a struct loom_quant at dyn, 4-byte aligned: the
 * low 8 bits of its zero take the place of in_zero, and scale is multiplied by its scale first.
 * LOOM_I32 takes no act, no residual.
 */
struct loom_cmd_qconv {
	struct loom_cmd_conv conv;
	__u16 in_dtype, w_dtype;	/* LOOM_I8 or LOOM_U8 */
	__u16 res_dtype;		/* those, LOOM_F16 or LOOM_F32; 0 without RESIDUAL */
	__u16 pad;
	__s32 in_zero;			/* 0 with DYNAMIC */
	__u32 dyn;			/* 0 without DYNAMIC */
	struct loom_quant res_quant;	/* 0 unless res is of 8 bits */
	struct loom_quant out_quant;	/* 0 unless out is of 8 bits */
};

#define loom_cmd_qdwconv loom_cmd_qconv

/*
 * QMATMUL: the 8-bit MATMUL. v = act((float)(sum over k of (a - a_zero) (b - b_zero)) alpha),
 * stored as QCONV's.
 */
struct loom_cmd_qmatmul {
	struct loom_cmd_matmul matmul;
	__u16 a_dtype, b_dtype;		/* LOOM_I8 or LOOM_U8 */
	__s32 a_zero, b_zero;
	__u32 pad;
	struct loom_quant out_quant;	/* 0 unless out is of 8 bits */
};

/*
 * QUANT: dst[i] = quantise(act(dequantise(src[i]))) over dims, where a float is taken and given as
 * it is. src may be LOOM_I32 too; one of the two is no float.
 * CHANNELS: at table in the weights, 4-byte aligned, are dims[axis] struct loom_quant, each for its
 * index along that dim: src_quant's, or if src is a float dst_quant's, which is then 0. Of a zero
 * only the low 8 bits count (all of a LOOM_I32's).
 * DYNAMIC (ONNX's DynamicQuantizeLinear): src is a float, dst LOOM_U8, dst_quant 0, act none:
 * lo = min(0, min src), hi = max(0, max src), scale = (hi - lo) / 255 (1 if that is 0),
 * zero = saturate(round((0 - lo) / scale)); they are used, and left in the lease at dyn, 4-byte
 * aligned, as a struct loom_quant.
 */
struct loom_cmd_quant {
	struct loom_cmd hdr;
	__u32 dims[LOOM_MAX_DIMS];
	struct loom_operand src, dst;
	struct loom_quant src_quant, dst_quant;
	__u32 table;		/* weight offset; 0 without CHANNELS */
	__u32 axis;		/* 0 without CHANNELS */
	__u32 dyn;		/* lease offset; 0 without DYNAMIC */
	__u32 pad;
	struct loom_act act;
};

/*
 * QBINARY: dst[i] = quantise(act(dequantise(a[i]) fn dequantise(b[i]))), any of the three a float
 * or of 8 bits. dst may be exactly an operand.
 */
struct loom_cmd_qbinary {
	struct loom_cmd hdr;
	__u32 fn;		/* enum loom_binary */
	__u32 pad;
	__u32 dims[LOOM_MAX_DIMS];
	struct loom_operand a, b, dst;
	struct loom_act act;
	struct loom_quant a_quant, b_quant, dst_quant;
};

/*
 * QPOOL: the 8-bit POOL. Padding is no pixel. Maximum: the numbers as they are, of one type, both
 * quants 0; a window of padding only gives the type's lowest. Average:
 * v = (float)(sum of q - zero) scale / (float)divisor, by in_quant; out is a float, v, or of
 * 8 bits, quantise(v). A divisor of 0 counts as 1.
 */
struct loom_cmd_qpool {
	struct loom_cmd_pool pool;
	__u16 in_dtype, out_dtype;
	__u32 pad;
	struct loom_quant in_quant, out_quant;
};

/*
 * Why a job failed. The code of a completion, with the number of the command in its buffer
 * (LOOM_NO_CMD when it is the buffer itself) and an address where one is to blame.
 */
enum loom_fault {
	LOOM_FAULT_NONE = 0,
	LOOM_FAULT_BAD_HEADER = 1,	/* magic, size, count or reserved field of the buffer */
	LOOM_FAULT_ISA_VERSION = 2,	/* buffer was made for another major version */
	LOOM_FAULT_BAD_OPCODE = 3,
	LOOM_FAULT_BAD_SIZE = 4,	/* command size does not fit its opcode or the buffer */
	LOOM_FAULT_BAD_FIELD = 5,	/* a value the engine cannot do; reserved bits */
	LOOM_FAULT_BAD_WAIT = 6,	/* waits for a command that is not earlier in the buffer */
	LOOM_FAULT_BAD_LEASE = 7,	/* activation range outside the lease */
	LOOM_FAULT_BAD_WEIGHT = 8,	/* weight range never fetched, or released already */
	LOOM_FAULT_TILE_TOO_LARGE = 9,	/* needs more weights at once than the weight SRAM holds */
	LOOM_FAULT_SLICE_TOO_LARGE = 10, /* layer release, and the slice exceeds the weight SRAM */
	LOOM_FAULT_BAD_INDEX = 11,	/* GATHER index outside its table */
	LOOM_FAULT_MMU_READ = 12,	/* no translation; address is the virtual address */
	LOOM_FAULT_MMU_WRITE = 13,	/* no translation, or not writable */
	LOOM_FAULT_BUS = 14,		/* the DMA itself failed */
	LOOM_FAULT_BAD_SLOT = 15,	/* the queue's table has no VM in that slot */
	LOOM_FAULT_CONTEXT_DEAD = 16,	/* an earlier job of this context faulted */
	LOOM_FAULT_CANCELLED = 17,	/* the driver killed the context or the queue */
	LOOM_FAULT_TIMEOUT = 18,	/* the watchdog saw no progress */
	LOOM_FAULT_BAD_CMDBUF = 19,	/* command buffer address or size of the job descriptor */
	LOOM_FAULT_RESET = 20,		/* the core was reset under the job; it may be run again */
	LOOM_FAULT_ECC = 21,		/* an uncorrectable memory error in what the job read */
	LOOM_FAULT_COUNT
};

#define LOOM_NO_CMD 0xffffffffu

#endif /* LOOM_ISA_H */
