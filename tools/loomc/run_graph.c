// SPDX-License-Identifier: MIT
/*
 * A graph on the host, in fp32, one node after the other: what calibration looks at. Nodes on 8-bit
 * numbers compute with what those stand for and round their results, as the device does.
 */
#include <cblas.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "hostops/window.h"

struct observed *observed_of(struct compile *c, struct value *v)
{
	if (!v->observed)
		v->observed = arena(c, sizeof(*v->observed));
	return v->observed;
}

static struct hostop_tensor tensor_of(const struct value *v)
{
	struct hostop_tensor t = v->t;

	if (!t.data && v->observed)
		t.data = v->observed->now;
	return t;
}

float observed_real(const struct value *v, const struct qparam *q, size_t i)
{
	struct hostop_tensor t = tensor_of(v);

	if (q && q->on)
		return (float)(hostop_get_int(&t, i) - q->zero) * q->scale;
	return (float)hostop_get(&t, i);
}

const float *observed_floats(const struct value *v)
{
	return v->t.dtype == HOSTOP_F32 ? v->t.data ? v->t.data : v->observed->now : NULL;
}

/* ---- functions of one value ---- */

static float clip(float x, float lo, float hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

static float apply(const struct loom_act *act, float x)
{
	switch ((enum loom_unary)act->fn) {
	case LOOM_UN_RELU: return x < 0 ? 0 : x;
	case LOOM_UN_CLIP: return clip(x, act->alpha, act->beta);
	case LOOM_UN_LEAKY: return x < 0 ? act->alpha * x : x;
	case LOOM_UN_HSIGMOID: return clip(act->alpha * x + act->beta, 0, 1);
	case LOOM_UN_HSWISH: return x * clip(x / 6 + 0.5f, 0, 1);
	case LOOM_UN_SIGMOID: return 1 / (1 + expf(-x));
	case LOOM_UN_TANH: return tanhf(x);
	case LOOM_UN_ERF: return erff(x);
	case LOOM_UN_GELU: return x / 2 * (1 + erff(x * (float)M_SQRT1_2));
	case LOOM_UN_SILU: return x / (1 + expf(-x));
	case LOOM_UN_EXP: return expf(x);
	case LOOM_UN_LOG: return logf(x);
	case LOOM_UN_SQRT: return sqrtf(x);
	case LOOM_UN_RECIP: return 1 / x;
	case LOOM_UN_NEG: return -x;
	case LOOM_UN_ABS: return fabsf(x);
	case LOOM_UN_AFFINE: return act->alpha * x + act->beta;
	case LOOM_UN_POW: return powf(x, act->alpha);
	case LOOM_UN_FLOOR: return floorf(x);
	case LOOM_UN_CEIL: return ceilf(x);
	case LOOM_UN_SIN: return sinf(x);
	case LOOM_UN_COS: return cosf(x);
	default: return x;
	}
}

/* ---- products ---- */

static float *reals(struct graph *g, const struct value *v, const struct qparam *q)
{
	float *x = big_alloc(g->c, (v->t.count + 1) * sizeof(*x));

	if ((!q || !q->on) && observed_floats(v))
		memcpy(x, observed_floats(v), v->t.count * sizeof(*x));
	else
		for (size_t i = 0; i < v->t.count; i++)
			x[i] = observed_real(v, q, i);
	return x;
}

static size_t outputs_of(const struct node *n)
{
	const struct hostop_tensor *w = &n->in[1]->t;

	return (size_t)(is_op(n, "Linear") || is_op(n, "QLinear") ? w->dims[1] : w->dims[0]);
}

/* Weights as floats: element i is of output channel i / each % channels. */
static float *weights(struct graph *g, const struct node *n, size_t each)
{
	struct qparam q = { .on = n->q, .scale = 1 };
	float *w = reals(g, n->in[1], &q);
	size_t channels = outputs_of(n);

	for (size_t i = 0; n->q && i < n->in[1]->t.count; i++) {
		size_t k = i / each % channels;

		w[i] = (w[i] - (n->q->zero ? (float)n->q->zero[k] : 0)) * n->q->scale[k];
	}
	return w;
}

static float bias_of(const struct node *n, size_t k)
{
	if (n->q)
		return (n->q->bias ? (float)n->q->bias[k] * n->q->in[0].scale * n->q->scale[k] : 0) +
		       (n->q->add ? n->q->add[k] : 0);
	return n->num_in > 2 && n->in[2] ? (float)hostop_get(&n->in[2]->t, k) : 0;
}

/* What a tap sees at each output pixel of a row: inputs `stride` apart, zeros outside. */
static float *column_row(const struct hostop_window *w, const float *plane, int64_t row, int64_t from,
			 float *col)
{
	for (int64_t o = 0; o < w->out[1]; o++, from += w->stride[1])
		*col++ = from < 0 || from >= w->in[1] ? 0 : plane[row + from];
	return col;
}

/* The windows of one group of one picture as columns: (c kh kw) x (oh ow). */
static void columns(const struct hostop_window *w, int64_t channels, const float *x, float *col)
{
	for (int64_t k = 0; k < channels * w->kernel[0] * w->kernel[1]; k++) {
		int64_t kx = k % w->kernel[1], ky = k / w->kernel[1] % w->kernel[0];
		const float *plane = x + k / w->kernel[1] / w->kernel[0] * w->in[0] * w->in[1];

		for (int64_t o = 0; o < w->out[0]; o++) {
			int64_t y = o * w->stride[0] + ky * w->dilation[0] - w->begin[0];

			/* outside, every pixel of the row is */
			col = column_row(w, plane, y * w->in[1], y < 0 || y >= w->in[0] ? INT32_MIN :
					 kx * w->dilation[1] - w->begin[1], col);
		}
	}
}

static void run_conv(struct graph *g, const struct node *n, float *out)
{
	const struct hostop_tensor **in = arena_array(g->c, n->num_in, sizeof(*in));
	const struct hostop_tensor *f = &n->in[1]->t;
	int64_t c = f->dims[1], k, area, oc, batch = n->in[0]->t.dims[0];
	float *x = reals(g, n->in[0], n->q ? &n->q->in[0] : NULL), *col, *w;
	struct hostop_window win;
	struct hostop_call call;

	node_call(n, &call, in);
	hostop_window_solve(&call, f->dims + 2, &win);
	k = c * win.kernel[0] * win.kernel[1];
	area = win.out[0] * win.out[1];
	oc = f->dims[0] / win.group;
	w = weights(g, n, (size_t)k);
	col = big_alloc(g->c, (size_t)(k * area + 1) * sizeof(*col));
	for (int64_t i = 0; i < batch * win.group; i++) {
		int64_t group = i % win.group;
		float *to = out + i * oc * area;

		columns(&win, c, x + i * c * win.in[0] * win.in[1], col);
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)oc, (int)area, (int)k, 1,
			    w + group * oc * k, (int)k, col, (int)area, 0, to, (int)area);
		for (int64_t o = 0; o < oc; o++) {
			float bias = bias_of(n, (size_t)(group * oc + o));

			for (int64_t e = o * area; e < (o + 1) * area; e++)
				to[e] += bias;
		}
	}
	big_free(g->c, col);
	big_free(g->c, w);
	big_free(g->c, x);
}

static void run_linear(struct graph *g, const struct node *n, float *out)
{
	int k = (int)n->in[1]->t.dims[0], cols = (int)n->in[1]->t.dims[1];
	int rows = (int)(n->out[0]->t.count / (size_t)cols);
	float *x = reals(g, n->in[0], n->q ? &n->q->in[0] : NULL), *w = weights(g, n, 1);

	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, cols, k, 1, x, k, w, cols, 0, out,
		    cols);
	for (size_t i = 0; i < n->out[0]->t.count; i++)
		out[i] += bias_of(n, i % (size_t)cols);
	big_free(g->c, w);
	big_free(g->c, x);
}

/* ---- other nodes of our own ---- */

static void run_norm(struct graph *g, const struct node *n, float *out)
{
	size_t len = (size_t)n->out[0]->t.dims[n->out[0]->t.rank - 1];

	for (size_t row = 0; row < n->out[0]->t.count; row += len) {
		double mean = 0, var = 0;

		for (size_t i = 0; i < len; i++)
			mean += observed_real(n->in[0], NULL, row + i) / (double)len;
		for (size_t i = 0; i < len; i++)
			var += pow(observed_real(n->in[0], NULL, row + i) - mean, 2) / (double)len;
		for (size_t i = 0; i < len; i++) {
			double v = (observed_real(n->in[0], NULL, row + i) - mean) /
				   sqrt(var + (double)n->eps);

			v *= n->num_in > 1 && n->in[1] ? hostop_get(&n->in[1]->t, i) : 1;
			out[row + i] = (float)(v + (n->num_in > 2 && n->in[2] ?
						    hostop_get(&n->in[2]->t, i) : 0));
		}
	}
}

static void run_copy(struct graph *g, const struct node *n, float *out)
{
	float *x = reals(g, n->in[0], n->q ? &n->q->in[0] : NULL);

	memcpy(out, x, n->out[0]->t.count * sizeof(*out));
	big_free(g->c, x);
}

/* Of two operands that do not broadcast; hostops know all cases. */
static bool run_pair(struct graph *g, const struct node *n, const char *op, float *out)
{
	bool add = !strcmp(op, "Add"), mul = !strcmp(op, "Mul");
	float *a, *b;

	if ((!add && !mul) || n->num_in != 2 || !same_dims(&n->in[0]->t, &n->in[1]->t))
		return false;
	a = reals(g, n->in[0], n->q ? &n->q->in[0] : NULL);
	b = reals(g, n->in[1], n->q ? &n->q->in[1] : NULL);
	for (size_t i = 0; i < n->out[0]->t.count; i++)
		out[i] = add ? a[i] + b[i] : a[i] * b[i];
	big_free(g->c, a);
	big_free(g->c, b);
	return true;
}

static void *kept(struct graph *g, const struct hostop_tensor *t)
{
	void *copy = big_alloc(g->c, hostop_bytes(t) + 1);

	memcpy(copy, t->data, hostop_bytes(t));
	return copy;
}

/* An operator of ONNX, on floats where it is one of ours on 8-bit numbers. */
static void run_onnx(struct graph *g, struct node *n, const char *op, float *floats)
{
	struct hostop_tensor *in = arena_array(g->c, n->num_in, sizeof(*in)), *own = NULL;
	const struct hostop_tensor **at = arena_array(g->c, n->num_in, sizeof(*at));
	struct hostop_call call;
	void *made[2] = { NULL };

	node_call(n, &call, at);
	call.op = op;
	call.num_out = n->num_out;
	call.out = own = arena_array(g->c, n->num_out, sizeof(*own));
	for (unsigned int i = 0; i < n->num_in; i++) {
		if (!n->in[i])
			continue;
		in[i] = tensor_of(n->in[i]);
		if (n->q && i < 2 && n->q->in[i].on) {
			in[i].dtype = HOSTOP_F32;
			in[i].data = reals(g, n->in[i], &n->q->in[i]);
			made[i] = in[i].data;
		}
		at[i] = &in[i];
	}
	if (hostop_eval(&call)) {
		for (unsigned int i = 0; i < n->num_out; i++)
			hostop_free(&own[i]);
		fail_node(g->c, n, "%s", call.error);
	}
	big_free(g->c, made[0]);
	big_free(g->c, made[1]);
	for (unsigned int i = 0; i < n->num_out; i++) {
		if (i || !floats)
			observed_of(g->c, n->out[i])->now = kept(g, &own[i]);
		for (size_t e = 0; !i && floats && e < own[0].count; e++)
			floats[e] = (float)hostop_get(&own[0], e) * n->alpha;
		hostop_free(&own[i]);
	}
}

static const char *binary_name(enum loom_binary fn)
{
	static const char *const names[] = { "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow" };

	return names[fn];
}

static void compute(struct graph *g, struct node *n, float *out)
{
	if ((is_op(n, "Conv") && !is_volume(n)) || is_op(n, "QConv"))
		run_conv(g, n, out);
	else if (is_op(n, "Linear") || is_op(n, "QLinear"))
		run_linear(g, n, out);
	else if (is_op(n, "Norm"))
		run_norm(g, n, out);
	else if (is_op(n, "Act") || is_op(n, "QAct"))
		run_copy(g, n, out);
	else if (run_pair(g, n, is_op(n, "QBinary") ? binary_name(n->q->fn) : n->op, out))
		return;
	else if (is_op(n, "QBinary"))
		run_onnx(g, n, binary_name(n->q->fn), out);
	else if (is_op(n, "QMatMul"))
		run_onnx(g, n, "MatMul", out);
	else if (is_op(n, "QPool"))
		run_onnx(g, n, n->origin, out);
	else
		run_onnx(g, n, n->op, out);
}

/* Residual, activation, and to the type of the result. */
static void finish(struct graph *g, struct node *n, float *out)
{
	const struct qparam *q = n->q && n->q->out.on ? &n->q->out : NULL;
	struct hostop_tensor to = n->out[0]->t;

	for (size_t i = 0; n->residual && i < to.count; i++)
		out[i] += observed_real(n->residual, n->q ? &n->q->res : NULL, i);
	for (size_t i = 0; n->act.fn != LOOM_UN_NONE && i < to.count; i++)
		out[i] = apply(&n->act, out[i]);
	observed_of(g->c, n->out[0])->now = out;
	if (!q)
		return;
	to.data = big_alloc(g->c, to.count + 1);
	for (size_t i = 0; i < to.count; i++) {
		float v = nearbyintf(out[i] / q->scale) + (float)q->zero;

		hostop_set(&to, i, to.dtype == HOSTOP_I8 ? clip(v, -128, 127) : clip(v, 0, 255));
	}
	n->out[0]->observed->now = to.data;
	big_free(g->c, out);
}

static void run_node(struct graph *g, struct node *n)
{
	float *out;

	if (!n->q && (!hostop_is_float(n->out[0]->t.dtype) || n->num_out > 1)) {
		run_onnx(g, n, n->op, NULL);
		return;
	}
	out = big_alloc(g->c, (n->out[0]->t.count + 1) * sizeof(*out));
	compute(g, n, out);
	finish(g, n, out);
}

/* ---- the run ---- */

static void count(struct graph *g, struct value *v)
{
	if (v && !is_const(v))
		observed_of(g->c, v)->left++;
}

static void forget_unread(struct graph *g, struct value *v)
{
	if (v->observed->left)
		return;
	big_free(g->c, v->observed->now);
	v->observed->now = NULL;
}

static void uncount(struct graph *g, struct value *v)
{
	if (!v || is_const(v))
		return;
	v->observed->left--;
	forget_unread(g, v);
}

static void each_input(struct graph *g, const struct node *n, void (*fn)(struct graph *, struct value *))
{
	for (unsigned int k = 0; k < n->num_in; k++)
		fn(g, n->in[k]);
	fn(g, n->residual);
}

static void give_input(struct graph *g, const struct port *port, const struct loomc_tensor *inputs,
		       size_t part)
{
	unsigned int num = g->c->options->sample_inputs, k = 0;
	struct hostop_tensor t = port->value->t;

	while (k < num && strcmp(inputs[k].name, port->name))
		k++;
	if (k == num)
		fail(g->c, "no sample of input '%s'", port->name);
	if (!inputs[k].t.count || inputs[k].t.count % t.count || inputs[k].t.count / t.count <= part)
		fail(g->c, "a sample of input '%s' has %zu elements, the input %zu", port->name,
		     inputs[k].t.count, t.count);
	t.data = big_alloc(g->c, hostop_bytes(&t) + 1);
	for (size_t e = 0; e < t.count; e++)
		hostop_set(&t, e, hostop_get(&inputs[k].t, part * t.count + e));
	observed_of(g->c, port->value)->now = t.data;
}

void run_graph(struct graph *g, const struct loomc_tensor *inputs, size_t part, observe_fn observe)
{
	for (unsigned int i = 0; i < g->num_inputs; i++) {
		give_input(g, &g->inputs[i], inputs, part);
		observe(g, g->inputs[i].value);
	}
	for (unsigned int i = 0; i < g->num_nodes; i++)
		if (g->nodes[i])
			each_input(g, g->nodes[i], count);
	for (unsigned int i = 0; i < g->num_nodes; i++) {
		struct node *n = g->nodes[i];

		if (!n)
			continue;
		run_node(g, n);
		for (unsigned int k = 0; k < n->num_out; k++) {
			observe(g, n->out[k]);
			forget_unread(g, n->out[k]);
		}
		each_input(g, n, uncount);
	}
	for (unsigned int i = 0; i < g->num_inputs; i++)
		forget_unread(g, g->inputs[i].value);
}
