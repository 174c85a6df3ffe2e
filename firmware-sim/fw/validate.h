/* SPDX-License-Identifier: MIT */
/*
 * validate.h - what the checks of a command buffer share. A check is a plain list: the first fault
 * found stays, and what follows a fault may compute nonsense but not crash.
 */
#ifndef LOOM_FW_VALIDATE_H
#define LOOM_FW_VALIDATE_H

#include "device.h"
#include "saturate.h"

struct checker {
	const struct loom_sim_config *config;
	const struct loom_cmdbuf *header;
	bool layer_release;
	enum loom_fault fault;
	uint64_t addr;
	/* so far */
	uint32_t number;
	uint32_t num_dma, num_compute;
	uint64_t fetched, released;
	/* of this command: the first weight it streams, one past the last it names */
	uint64_t stream_first, weights_end;
};

/* ---- validate.c ---- */
void reject(struct checker *c, enum loom_fault fault, uint64_t addr);
/* LOOM_FAULT_BAD_FIELD unless the condition holds. */
void require(struct checker *c, bool condition, uint64_t value);
void lease_range(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align);
void weight_range(struct checker *c, uint64_t off, uint64_t bytes, uint32_t align);
/* `rows` rows of `cols` elements of `size` bytes, `pitch` elements apart. */
void matrix_in_lease(struct checker *c, uint32_t off, uint64_t rows, uint64_t cols, uint64_t pitch,
		     uint32_t size);
/* Pixels of `channels` channels, `pitch` elements of `size` bytes apart. */
void check_image(struct checker *c, uint32_t off, uint64_t pixels, uint32_t channels,
		 uint32_t pitch, uint32_t size);
bool dtype_ok(uint32_t dtype);
uint32_t dtype_size(uint32_t dtype);
bool is_fp(uint32_t dtype);
uint64_t volume_of(uint64_t a, uint64_t b, uint64_t c);
void check_act(struct checker *c, const struct loom_act *act);
bool window_ok(uint32_t in, uint32_t out, uint32_t k, uint32_t stride, uint32_t dilation);

/* ---- validate_mac.c ---- */
void check_windows(struct checker *c, const struct loom_cmd_conv *cmd);
/* Elements from the first to the last of a batch of strided matrices. */
uint64_t strided_span(const struct loom_cmd_matmul *cmd, const __u32 *batch_stride,
		      uint32_t rows, uint64_t row, uint32_t cols, uint64_t col);
void check_conv(struct checker *c, const struct loom_cmd *hdr);
void check_dwconv(struct checker *c, const struct loom_cmd *hdr);
void check_matmul(struct checker *c, const struct loom_cmd *hdr);

/* ---- validate_vector.c ---- */
void check_dims(struct checker *c, const __u32 *dims);
void check_operand(struct checker *c, const struct loom_operand *operand, const __u32 *dims);
void check_destination(struct checker *c, const struct loom_operand *operand, const __u32 *dims);
void check_copy(struct checker *c, const struct loom_cmd *hdr);
void check_binary(struct checker *c, const struct loom_cmd *hdr);
void check_unary(struct checker *c, const struct loom_cmd *hdr);
void check_reduce(struct checker *c, const struct loom_cmd *hdr);
void check_softmax(struct checker *c, const struct loom_cmd *hdr);
void check_layernorm(struct checker *c, const struct loom_cmd *hdr);
void check_pool(struct checker *c, const struct loom_cmd *hdr);

/* ---- validate_quant.c: the 8-bit commands ---- */
void check_qconv(struct checker *c, const struct loom_cmd *hdr);
void check_qdwconv(struct checker *c, const struct loom_cmd *hdr);
void check_qmatmul(struct checker *c, const struct loom_cmd *hdr);
void check_quant(struct checker *c, const struct loom_cmd *hdr);
void check_qbinary(struct checker *c, const struct loom_cmd *hdr);
void check_qpool(struct checker *c, const struct loom_cmd *hdr);

#endif /* LOOM_FW_VALIDATE_H */
