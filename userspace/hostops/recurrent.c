// SPDX-License-Identifier: MIT
/*
 * LSTM, GRU and RNN, with the activations that they have by default. All three step through a sequence
 * with a state of one vector (LSTM: two) a sample and direction; they differ in the step.
 */
#include "internal.h"

#define MOST_GATES 4

enum direction { FORWARD, REVERSE, BOTH };

/* What every step works on. Weights are of one direction: [gates * hidden][columns]. */
struct recurrence {
	unsigned int gates;
	int64_t steps, batch, in, hidden, directions;
	enum direction direction;
	bool batch_first, linear_before_reset;
	const float *x, *w, *r, *b, *p;		/* b and p may be NULL */
	float *h, *c;				/* states of one sample */
	float *gate, *own;			/* gates * hidden; hidden */
};

typedef void (*step_fn)(const struct recurrence *n, const float *x);

/* ---- shapes ---- */

static int check_shape(struct hostop_call *c, unsigned int in, unsigned int rank, const int64_t *dims)
{
	const struct hostop_tensor *t = input(c, in);

	if (!t)
		return 0;
	if (t->rank != rank)
		return ho_bad(c, "input %u has %u dimensions, not %u", in, t->rank, rank);
	for (unsigned int d = 0; d < rank; d++)
		if (t->dims[d] != dims[d])
			return ho_bad(c, "dimension %u of input %u is %lld, not %lld", d, in,
				      (long long)t->dims[d], (long long)dims[d]);
	return 0;
}

static int check_attributes(struct hostop_call *c, struct recurrence *n)
{
	const char *direction = ho_attr_string(c, "direction", "forward");

	if (ho_attr_find(c, "activations") || ho_attr_find(c, "clip") || ho_attr_int(c, "input_forget", 0))
		return ho_bad(c, "activations, clip and input_forget are not supported");
	n->direction = !strcmp(direction, "reverse") ? REVERSE : !strcmp(direction, "bidirectional") ? BOTH : FORWARD;
	n->directions = n->direction == BOTH ? 2 : 1;
	n->batch_first = ho_attr_int(c, "layout", 0);
	n->linear_before_reset = ho_attr_int(c, "linear_before_reset", 0);
	return 0;
}

static int check_inputs(struct hostop_call *c, const struct recurrence *n)
{
	int64_t d = n->directions, rows = n->gates * n->hidden;
	int64_t state[] = { n->batch_first ? n->batch : d, n->batch_first ? d : n->batch, n->hidden };

	if (check_shape(c, 1, 3, (int64_t []){ d, rows, n->in }) ||
	    check_shape(c, 2, 3, (int64_t []){ d, rows, n->hidden }) ||
	    check_shape(c, 3, 2, (int64_t []){ d, 2 * rows }) ||
	    check_shape(c, 4, 1, (int64_t []){ n->batch }) || check_shape(c, 5, 3, state))
		return -EINVAL;
	return check_shape(c, 6, 3, state) ||
	       check_shape(c, 7, 2, (int64_t []){ d, 3 * n->hidden }) ? -EINVAL : 0;
}

static int solve(struct hostop_call *c, unsigned int gates, struct recurrence *n)
{
	const struct hostop_tensor *x = c->in[0], *r = c->in[2];

	*n = (struct recurrence){ .gates = gates };
	if (check_attributes(c, n))
		return -EINVAL;
	if (x->rank != 3 || r->rank != 3 || !hostop_is_float(x->dtype))
		return ho_bad(c, "a sequence of floats and weights of three dimensions are wanted");
	n->steps = x->dims[n->batch_first];
	n->batch = x->dims[!n->batch_first];
	n->in = x->dims[2];
	n->hidden = r->dims[2];
	return check_inputs(c, n);
}

static int infer(struct hostop_call *c, unsigned int gates)
{
	struct recurrence n;
	int ret = solve(c, gates, &n);
	enum hostop_dtype type = c->in[0]->dtype;

	if (ret)
		return ret;
	if (n.batch_first)
		ret = ho_set_shape(c, 0, type, 4, (int64_t []){ n.batch, n.steps, n.directions, n.hidden });
	else
		ret = ho_set_shape(c, 0, type, 4, (int64_t []){ n.steps, n.directions, n.batch, n.hidden });
	for (unsigned int i = 1; !ret && i < c->num_out; i++)
		ret = ho_set_shape(c, i, type, 3, (int64_t []){ n.batch_first ? n.batch : n.directions,
				   n.batch_first ? n.directions : n.batch, n.hidden });
	return ret;
}

static int infer_lstm(struct hostop_call *c)
{
	return infer(c, 4);
}

static int infer_gru(struct hostop_call *c)
{
	return infer(c, 3);
}

static int infer_rnn(struct hostop_call *c)
{
	return infer(c, 1);
}

/* ---- one step ---- */

static float sigmoid(float x)
{
	return 1 / (1 + expf(-x));
}

static float dot(const float *a, const float *b, int64_t num)
{
	double sum = 0;

	for (int64_t i = 0; i < num; i++)
		sum += (double)a[i] * b[i];
	return (float)sum;
}

/* Bias of the inputs (part 0) or of the state (1). */
static float bias(const struct recurrence *n, int64_t row, int part)
{
	return n->b ? n->b[part * n->gates * n->hidden + row] : 0;
}

static float from_input(const struct recurrence *n, const float *x, int64_t row)
{
	return dot(n->w + row * n->in, x, n->in) + bias(n, row, 0);
}

static float from_state(const struct recurrence *n, const float *h, int64_t row)
{
	return dot(n->r + row * n->hidden, h, n->hidden) + bias(n, row, 1);
}

static float peephole(const struct recurrence *n, unsigned int gate, int64_t i, float c)
{
	return n->p ? n->p[gate * n->hidden + i] * c : 0;
}

/* Gates in the order of ONNX: input, output, forget, cell. */
static void step_lstm(const struct recurrence *n, const float *x)
{
	int64_t size = n->hidden;

	for (int64_t row = 0; row < 4 * size; row++)
		n->gate[row] = from_input(n, x, row) + from_state(n, n->h, row);
	for (int64_t i = 0; i < size; i++) {
		float in = sigmoid(n->gate[i] + peephole(n, 0, i, n->c[i]));
		float forget = sigmoid(n->gate[2 * size + i] + peephole(n, 2, i, n->c[i]));

		n->c[i] = forget * n->c[i] + in * tanhf(n->gate[3 * size + i]);
		n->h[i] = sigmoid(n->gate[size + i] + peephole(n, 1, i, n->c[i])) * tanhf(n->c[i]);
	}
}

/* Update, reset, hidden. */
static void step_gru(const struct recurrence *n, const float *x)
{
	int64_t size = n->hidden;

	for (int64_t row = 0; row < 2 * size; row++)
		n->gate[row] = sigmoid(from_input(n, x, row) + from_state(n, n->h, row));
	for (int64_t i = 0; i < size; i++)
		n->own[i] = n->gate[size + i] * n->h[i];
	for (int64_t i = 0; i < size; i++) {
		int64_t row = 2 * size + i;
		float state = n->linear_before_reset ? n->gate[size + i] * from_state(n, n->h, row) :
						       from_state(n, n->own, row);

		n->gate[row] = tanhf(from_input(n, x, row) + state);
	}
	for (int64_t i = 0; i < size; i++)
		n->h[i] = (1 - n->gate[i]) * n->gate[2 * size + i] + n->gate[i] * n->h[i];
}

static void step_rnn(const struct recurrence *n, const float *x)
{
	for (int64_t i = 0; i < n->hidden; i++)
		n->gate[i] = tanhf(from_input(n, x, i) + from_state(n, n->h, i));
	memcpy(n->h, n->gate, (size_t)n->hidden * sizeof(float));
}

/* ---- all steps ---- */

static size_t state_at(const struct recurrence *n, int64_t direction, int64_t sample)
{
	return (size_t)((n->batch_first ? sample * n->directions + direction : direction * n->batch + sample) *
			n->hidden);
}

static size_t output_at(const struct recurrence *n, int64_t step, int64_t direction, int64_t sample)
{
	int64_t row = n->batch_first ? (sample * n->steps + step) * n->directions + direction :
				       (step * n->directions + direction) * n->batch + sample;

	return (size_t)(row * n->hidden);
}

static void put(struct hostop_call *c, unsigned int out, size_t at, const float *v, int64_t num)
{
	for (int64_t i = 0; out < c->num_out && i < num; i++)
		hostop_set(&c->out[out], at + (size_t)i, v[i]);
}

static void start_state(struct hostop_call *c, unsigned int in, size_t at, float *v, int64_t num)
{
	for (int64_t i = 0; i < num; i++)
		v[i] = input(c, in) ? (float)hostop_get(input(c, in), at + (size_t)i) : 0;
}

static void run_sample(struct hostop_call *c, const struct recurrence *n, step_fn step, int64_t direction,
		       int64_t sample)
{
	const struct hostop_tensor *lengths = input(c, 4);
	int64_t length = lengths ? hostop_get_int(lengths, (size_t)sample) : n->steps;
	bool reverse = n->direction == REVERSE || direction;
	size_t at = state_at(n, direction, sample);

	length = length < 0 ? 0 : length > n->steps ? n->steps : length;
	start_state(c, 5, at, n->h, n->hidden);
	start_state(c, 6, at, n->c, n->hidden);
	for (int64_t i = 0; i < length; i++) {
		int64_t t = reverse ? length - 1 - i : i;
		int64_t row = n->batch_first ? sample * n->steps + t : t * n->batch + sample;

		step(n, n->x + row * n->in);
		put(c, 0, output_at(n, t, direction, sample), n->h, n->hidden);
	}
	put(c, 1, at, n->h, n->hidden);
	put(c, 2, at, n->c, n->hidden);
}

static void run_directions(struct hostop_call *c, struct recurrence n, step_fn step)
{
	int64_t rows = n.gates * n.hidden;

	for (int64_t d = 0; d < n.directions; d++) {
		for (int64_t sample = 0; sample < n.batch; sample++)
			run_sample(c, &n, step, d, sample);
		n.w += rows * n.in;
		n.r += rows * n.hidden;
		n.b = n.b ? n.b + 2 * rows : NULL;
		n.p = n.p ? n.p + 3 * n.hidden : NULL;
	}
}

static const float *floats(struct hostop_call *c, unsigned int in, float **own)
{
	*own = NULL;
	return input(c, in) ? ho_as_floats(input(c, in), own) : NULL;
}

static int eval(struct hostop_call *c, unsigned int gates, step_fn step)
{
	struct recurrence n;
	float *own[5], *scratch;
	int ret = solve(c, gates, &n);

	if (ret)
		return ret;
	n.x = floats(c, 0, &own[0]);
	n.w = floats(c, 1, &own[1]);
	n.r = floats(c, 2, &own[2]);
	n.b = floats(c, 3, &own[3]);
	n.p = floats(c, 7, &own[4]);
	scratch = calloc((size_t)n.hidden * (MOST_GATES + 3) + 1, sizeof(float));
	if (!scratch || !n.x || !n.w || !n.r || (input(c, 3) && !n.b) || (input(c, 7) && !n.p)) {
		ret = ho_bad(c, "out of memory");
		goto free_copies;
	}
	n.h = scratch;
	n.c = n.h + n.hidden;
	n.own = n.c + n.hidden;
	n.gate = n.own + n.hidden;
	run_directions(c, n, step);
free_copies:
	for (int i = 0; i < 5; i++)
		free(own[i]);
	free(scratch);
	return ret;
}

static int eval_lstm(struct hostop_call *c)
{
	return eval(c, 4, step_lstm);
}

static int eval_gru(struct hostop_call *c)
{
	return eval(c, 3, step_gru);
}

static int eval_rnn(struct hostop_call *c)
{
	return eval(c, 1, step_rnn);
}

const struct op hostops_recurrent[] = {
	{ "LSTM", infer_lstm, eval_lstm, 3, 8, 3 },
	{ "GRU", infer_gru, eval_gru, 3, 6, 2 },
	{ "RNN", infer_rnn, eval_rnn, 3, 6, 2 },
	{ 0 }
};
