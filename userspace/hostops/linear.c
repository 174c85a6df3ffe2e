// SPDX-License-Identifier: MIT
/* Matrix products. */
#include "internal.h"

/* Shape of a product by numpy's rules; also the m, n, k and the broadcast batch. */
struct product_shape {
	int64_t m, n, k;
	unsigned int batch_rank;
	int64_t batch[HOSTOP_MAX_DIMS];
	struct hostop_tensor a, b;	/* the operands' batch dims only */
};

static int product_solve(struct hostop_call *c, struct product_shape *p)
{
	const struct hostop_tensor *a = c->in[0], *b = c->in[1];
	const struct hostop_tensor *in[2] = { &p->a, &p->b };
	struct hostop_call batch = { .in = in, .num_in = 2 };

	if (!a->rank || !b->rank)
		return ho_bad(c, "a scalar in a matrix product");
	p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
	p->k = a->dims[a->rank - 1];
	p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
	if (p->k != b->dims[b->rank > 1 ? b->rank - 2 : 0])
		return ho_bad(c, "%lld columns times %lld rows", (long long)p->k,
			   (long long)b->dims[b->rank > 1 ? b->rank - 2 : 0]);
	hostop_shape(&p->a, HOSTOP_U8, a->rank > 2 ? a->rank - 2 : 0, a->dims);
	hostop_shape(&p->b, HOSTOP_U8, b->rank > 2 ? b->rank - 2 : 0, b->dims);
	if (ho_broadcast_dims(&batch, 2, &p->batch_rank, p->batch))
		return ho_bad(c, "%s", batch.error);
	return 0;
}

static int infer_product(struct hostop_call *c, enum hostop_dtype dtype)
{
	int64_t dims[HOSTOP_MAX_DIMS + 2];
	struct product_shape p;
	unsigned int rank;
	int ret = product_solve(c, &p);

	if (ret)
		return ret;
	rank = p.batch_rank;
	memcpy(dims, p.batch, sizeof(p.batch));
	if (c->in[0]->rank > 1)
		dims[rank++] = p.m;
	if (c->in[1]->rank > 1)
		dims[rank++] = p.n;
	return ho_set_shape(c, 0, dtype, rank, dims);
}

static int infer_matmul(struct hostop_call *c)
{
	return infer_product(c, c->in[0]->dtype);
}

/* A row of the product: four rows of b at a time, each sum in the order of k. */
static void multiply_row(float *restrict out, const float *restrict a, const float *restrict b,
			 int64_t n, int64_t k)
{
	int64_t l = 0;

	for (; l + 4 <= k; l += 4) {
		const float *b0 = b + l * n, *b1 = b0 + n, *b2 = b1 + n, *b3 = b2 + n;
		const float a0 = a[l], a1 = a[l + 1], a2 = a[l + 2], a3 = a[l + 3];

		for (int64_t j = 0; j < n; j++)
			out[j] = (((out[j] + a0 * b0[j]) + a1 * b1[j]) + a2 * b2[j]) + a3 * b3[j];
	}
	for (; l < k; l++)
		for (int64_t j = 0; j < n; j++)
			out[j] += a[l] * b[l * n + j];
}

static void multiply(float *out, const float *a, const float *b, int64_t m, int64_t n, int64_t k)
{
	for (int64_t i = 0; i < m; i++)
		multiply_row(out + i * n, a + i * k, b, n, k);
}

static int eval_matmul(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	float *own_a, *own_b, *result = calloc(out->count ? out->count : 1, sizeof(float));
	const float *a = ho_as_floats(c->in[0], &own_a), *b = ho_as_floats(c->in[1], &own_b);
	struct product_shape p;
	struct walk w;

	product_solve(c, &p);
	ho_walk_start(&w, p.batch_rank, p.batch);
	ho_broadcast_strides(&p.a, p.batch_rank, p.batch, w.strides[0]);
	ho_broadcast_strides(&p.b, p.batch_rank, p.batch, w.strides[1]);
	if (!result || !a || !b)
		goto free_copies;
	for (size_t i = 0; w.left; ho_walk_next(&w), i++)
		multiply(result + i * p.m * p.n, a + w.off[0] * p.m * p.k, b + w.off[1] * p.k * p.n,
			 p.m, p.n, p.k);
	for (size_t i = 0; i < out->count; i++)
		hostop_set(out, i, result[i]);
free_copies:
	free(own_a);
	free(own_b);
	free(result);
	return result && a && b ? 0 : ho_bad(c, "out of memory");
}

static int gemm_solve(struct hostop_call *c, int64_t *m, int64_t *n, int64_t *k)
{
	const struct hostop_tensor *a = c->in[0], *b = c->in[1];
	bool ta = ho_attr_int(c, "transA", 0), tb = ho_attr_int(c, "transB", 0);

	if (a->rank != 2 || b->rank != 2)
		return ho_bad(c, "needs two matrices");
	*m = a->dims[ta];
	*k = a->dims[!ta];
	*n = b->dims[!tb];
	if (*k != b->dims[tb])
		return ho_bad(c, "%lld columns times %lld rows", (long long)*k, (long long)b->dims[tb]);
	return 0;
}

static int infer_gemm(struct hostop_call *c)
{
	const struct hostop_tensor *bias = input(c, 2);
	int64_t m = 0, n = 0, k = 0;
	int ret = gemm_solve(c, &m, &n, &k);

	if (!ret && bias) {
		int64_t rows = bias->rank > 1 ? bias->dims[bias->rank - 2] : 1;
		int64_t cols = bias->rank ? bias->dims[bias->rank - 1] : 1;

		if (bias->rank > 2 || (rows != 1 && rows != m) || (cols != 1 && cols != n))
			ret = ho_bad(c, "C does not broadcast to the product");
	}
	return ret ? ret : ho_set_shape(c, 0, c->in[0]->dtype, 2, (int64_t []){ m, n });
}

static int eval_gemm(struct hostop_call *c)
{
	const struct hostop_tensor *a = c->in[0], *b = c->in[1], *bias = input(c, 2);
	bool ta = ho_attr_int(c, "transA", 0), tb = ho_attr_int(c, "transB", 0);
	float alpha = ho_attr_float(c, "alpha", 1), beta = ho_attr_float(c, "beta", 1);
	int64_t m = 0, n = 0, k = 0, strides[2] = { 0 };

	gemm_solve(c, &m, &n, &k);
	if (bias)
		ho_broadcast_strides(bias, 2, (int64_t []){ m, n }, strides);
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++) {
			double sum = 0;

			for (int64_t l = 0; l < k; l++)
				sum += hostop_get(a, ta ? l * m + i : i * k + l) *
				       hostop_get(b, tb ? j * k + l : l * n + j);
			sum *= alpha;
			if (bias)
				sum += beta * hostop_get(bias, i * strides[0] + j * strides[1]);
			hostop_set(&c->out[0], i * n + j, sum);
		}
	return 0;
}

/* ---- MatMulInteger ---- */

static int infer_matmul_integer(struct hostop_call *c)
{
	const struct hostop_tensor *za = input(c, 2), *zb = input(c, 3);

	if (za && za->count != 1)
		return ho_bad(c, "a zero point per row is not supported");
	if (zb && zb->count != 1 && zb->count != (size_t)c->in[1]->dims[c->in[1]->rank - 1])
		return ho_bad(c, "b's zero points are neither one nor one a column");
	return infer_product(c, HOSTOP_I32);
}

static int eval_matmul_integer(struct hostop_call *c)
{
	const struct hostop_tensor *a = c->in[0], *b = c->in[1], *zb = input(c, 3);
	int64_t za = input(c, 2) ? hostop_get_int(c->in[2], 0) : 0;
	struct product_shape p;
	struct walk w;
	size_t at = 0;

	product_solve(c, &p);
	ho_walk_start(&w, p.batch_rank, p.batch);
	ho_broadcast_strides(&p.a, p.batch_rank, p.batch, w.strides[0]);
	ho_broadcast_strides(&p.b, p.batch_rank, p.batch, w.strides[1]);
	for (; w.left; ho_walk_next(&w))
		for (int64_t i = 0; i < p.m; i++)
			for (int64_t j = 0; j < p.n; j++) {
				int64_t zero = zb ? hostop_get_int(zb, zb->count > 1 ? j : 0) : 0;
				int64_t sum = 0;

				for (int64_t l = 0; l < p.k; l++)
					sum += (hostop_get_int(a, (w.off[0] * p.m + i) * p.k + l) - za) *
					       (hostop_get_int(b, (w.off[1] * p.k + l) * p.n + j) - zero);
				hostop_set_int(&c->out[0], at++, sum);
			}
	return 0;
}

const struct op hostops_linear[] = {
	{ "MatMul", infer_matmul, eval_matmul, 2, 2, 1 },
	{ "Gemm", infer_gemm, eval_gemm, 2, 3, 1 },
	{ "MatMulInteger", infer_matmul_integer, eval_matmul_integer, 2, 4, 1 },
	{ NULL }
};
