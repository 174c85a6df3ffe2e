// SPDX-License-Identifier: MIT
/* Operators that work element by element, with broadcasting. */
#include "internal.h"

/* ---- one input ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

struct unary {
	const char *name;
	double (*fn)(double x, const double *p);
	struct { const char *name; double value; } param[2];	/* attributes and their defaults */
};

#define F(name, expr) static double f_##name(double x, const double *p) { (void)p; return expr; }
F(abs, fabs(x)) F(neg, -x) F(sqrt, sqrt(x)) F(exp, exp(x)) F(log, log(x))
F(sin, sin(x)) F(cos, cos(x)) F(tan, tan(x)) F(asin, asin(x)) F(acos, acos(x)) F(atan, atan(x))
F(sinh, sinh(x)) F(cosh, cosh(x)) F(tanh, tanh(x)) F(asinh, asinh(x)) F(acosh, acosh(x))
F(atanh, atanh(x)) F(sigmoid, sigmoid(x)) F(relu, x > 0 ? x : x == x ? 0 : x) F(erf, erf(x))
F(floor, floor(x)) F(ceil, ceil(x)) F(round, nearbyint(x)) F(recip, 1 / x)
F(sign, (x > 0) - (x < 0)) F(softplus, log1p(exp(-fabs(x))) + (x > 0 ? x : 0))
F(softsign, x / (1 + fabs(x))) F(identity, x)
F(leaky, x < 0 ? p[0] * x : x) F(elu, x < 0 ? p[0] * expm1(x) : x)
F(celu, x < 0 ? p[0] * expm1(x / p[0]) : x)
F(selu, p[1] * (x > 0 ? x : p[0] * expm1(x)))
F(threshold, x > p[0] ? x : 0)
F(hsigmoid, clamp(p[0] * x + p[1], 0, 1)) F(hswish, x * clamp(x / 6 + 0.5, 0, 1))
F(gelu, x / 2 * (1 + erf(x / sqrt(2)))) F(mish, x * tanh(log1p(exp(x))))
#undef F

static const struct unary unaries[] = {
	{ "Abs", f_abs }, { "Neg", f_neg }, { "Sqrt", f_sqrt }, { "Exp", f_exp }, { "Log", f_log },
	{ "Sin", f_sin }, { "Cos", f_cos }, { "Tan", f_tan }, { "Asin", f_asin },
	{ "Acos", f_acos }, { "Atan", f_atan }, { "Sinh", f_sinh }, { "Cosh", f_cosh },
	{ "Tanh", f_tanh }, { "Asinh", f_asinh }, { "Acosh", f_acosh }, { "Atanh", f_atanh },
	{ "Sigmoid", f_sigmoid }, { "Relu", f_relu }, { "Erf", f_erf }, { "Floor", f_floor },
	{ "Ceil", f_ceil }, { "Round", f_round }, { "Reciprocal", f_recip }, { "Sign", f_sign },
	{ "Softplus", f_softplus }, { "Softsign", f_softsign }, { "Identity", f_identity },
	{ "Dropout", f_identity },
	{ "LeakyRelu", f_leaky, { { "alpha", 0.01 } } }, { "Elu", f_elu, { { "alpha", 1 } } },
	{ "Celu", f_celu, { { "alpha", 1 } } },
	{ "Selu", f_selu, { { "alpha", 1.67326319217681884765625 },
			    { "gamma", 1.05070102214813232421875 } } },
	{ "ThresholdedRelu", f_threshold, { { "alpha", 1 } } },
	{ "HardSigmoid", f_hsigmoid, { { "alpha", 0.2 }, { "beta", 0.5 } } },
	{ "HardSwish", f_hswish }, { "Gelu", f_gelu }, { "Mish", f_mish },
};

static int eval_unary(struct hostop_call *c)
{
	const struct unary *u = unaries;
	double p[2];

	while (strcmp(u->name, c->op))
		u++;
	for (int i = 0; i < 2; i++)
		p[i] = u->param[i].name ? ho_attr_float(c, u->param[i].name, u->param[i].value) : 0;
	if (u->fn == f_identity) {
		if (c->out[0].count)
			memcpy(c->out[0].data, c->in[0]->data, hostop_bytes(&c->out[0]));
		return 0;
	}
	for (size_t i = 0; i < c->out[0].count; i++)
		hostop_set(&c->out[0], i, u->fn(hostop_get(c->in[0], i), p));
	return 0;
}

static int infer_dropout(struct hostop_call *c)
{
	const struct hostop_tensor *training = input(c, 2);
	int ret = ho_infer_same(c);

	if (training && training->data && training->count && hostop_get_int(training, 0))
		return ho_bad(c, "training mode");
	return ret ? ret : ho_set_shape(c, 1, HOSTOP_BOOL, c->in[0]->rank, c->in[0]->dims);
}

static int eval_dropout(struct hostop_call *c)
{
	if (c->num_out > 1)
		memset(c->out[1].data, 1, c->out[1].count);
	return eval_unary(c);
}

static int infer_bool(struct hostop_call *c)
{
	return ho_set_shape(c, 0, HOSTOP_BOOL, c->in[0]->rank, c->in[0]->dims);
}

static int eval_not(struct hostop_call *c)
{
	for (size_t i = 0; i < c->out[0].count; i++)
		hostop_set_int(&c->out[0], i, !hostop_get_int(c->in[0], i));
	return 0;
}

static int eval_isnan(struct hostop_call *c)
{
	for (size_t i = 0; i < c->out[0].count; i++)
		hostop_set_int(&c->out[0], i, isnan(hostop_get(c->in[0], i)));
	return 0;
}

static int eval_clip(struct hostop_call *c)
{
	double lo = ho_attr_float(c, "min", -INFINITY), hi = ho_attr_float(c, "max", INFINITY);

	if (input(c, 1) && c->in[1]->count)
		lo = hostop_get(c->in[1], 0);
	if (input(c, 2) && c->in[2]->count)
		hi = hostop_get(c->in[2], 0);
	for (size_t i = 0; i < c->out[0].count; i++)
		hostop_set(&c->out[0], i, fmin(fmax(hostop_get(c->in[0], i), lo), hi));
	return 0;
}

static int infer_cast(struct hostop_call *c)
{
	int64_t to = ho_attr_int(c, "to", 0);

	if (to <= 0 || to > 64 || !hostop_dtype_size((enum hostop_dtype)to))
		return ho_bad(c, "cast to type %lld is not supported", (long long)to);
	return ho_set_shape(c, 0, (enum hostop_dtype)to, c->in[0]->rank, c->in[0]->dims);
}

static int eval_cast(struct hostop_call *c)
{
	bool ints = !hostop_is_float(c->in[0]->dtype);

	for (size_t i = 0; i < c->out[0].count; i++) {
		if (ints && !hostop_is_float(c->out[0].dtype))
			hostop_set_int(&c->out[0], i, hostop_get_int(c->in[0], i));
		else
			hostop_set(&c->out[0], i, hostop_get(c->in[0], i));
	}
	return 0;
}

/* ---- two or more inputs ---- */

struct binary {
	const char *name;
	double (*f)(double a, double b);
	int64_t (*i)(int64_t a, int64_t b);
	bool compare;		/* the result is a bool */
	bool variadic;
};

/* Integers wrap as they do in hardware. */
static int64_t i_add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t i_sub(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t i_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
static int64_t i_div(int64_t a, int64_t b) { return b == -1 ? i_sub(0, a) : b ? a / b : 0; }
static int64_t i_pow(int64_t a, int64_t b) { return (int64_t)pow((double)a, (double)b); }

static int64_t i_mod(int64_t a, int64_t b)
{
	int64_t r = b == -1 || !b ? 0 : a % b;

	return r && (r < 0) != (b < 0) ? r + b : r;
}

#define B(name, expr) \
	static double f_##name(double a, double b) { return expr; } \
	static int64_t i_##name(int64_t a, int64_t b) { return expr; }
B(min, a < b ? a : b) B(max, a > b ? a : b) B(eq, a == b) B(lt, a < b) B(gt, a > b) B(le, a <= b)
B(ge, a >= b) B(and, a && b) B(or, a || b) B(xor, !a != !b)
#undef B
static double f_add(double a, double b) { return a + b; }
static double f_sub(double a, double b) { return a - b; }
static double f_mul(double a, double b) { return a * b; }
static double f_div(double a, double b) { return a / b; }
static double f_prelu(double a, double b) { return a < 0 ? a * b : a; }

static const struct binary binaries[] = {
	{ "Add", f_add, i_add }, { "Sub", f_sub, i_sub }, { "Mul", f_mul, i_mul },
	{ "Div", f_div, i_div }, { "Pow", pow, i_pow }, { "Mod", fmod, i_mod },
	{ "PRelu", f_prelu, NULL },
	{ "Min", f_min, i_min, .variadic = true }, { "Max", f_max, i_max, .variadic = true },
	{ "Sum", f_add, i_add, .variadic = true }, { "Mean", f_add, NULL, .variadic = true },
	{ "Equal", f_eq, i_eq, .compare = true }, { "Less", f_lt, i_lt, .compare = true },
	{ "Greater", f_gt, i_gt, .compare = true },
	{ "LessOrEqual", f_le, i_le, .compare = true },
	{ "GreaterOrEqual", f_ge, i_ge, .compare = true },
	{ "And", f_and, i_and, .compare = true }, { "Or", f_or, i_or, .compare = true },
	{ "Xor", f_xor, i_xor, .compare = true },
};

/* With fmod=1 the result has the sign of the dividend, as C has it. */
static int64_t i_fmod(int64_t a, int64_t b) { return b == -1 || !b ? 0 : a % b; }
static const struct binary mod_as_c = { "Mod", fmod, i_fmod };

static const struct binary *binary_of(const struct hostop_call *c)
{
	const struct binary *b = binaries;

	while (strcmp(b->name, c->op))
		b++;
	return b->i == i_mod && ho_attr_int(c, "fmod", 0) ? &mod_as_c : b;
}

static int infer_binary(struct hostop_call *c)
{
	const struct binary *b = binary_of(c);
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int rank;
	int ret;

	for (unsigned int i = 0; i < c->num_in; i++)
		if (!c->in[i])
			return ho_bad(c, "input %u is left out", i);
	for (unsigned int i = 1; i < c->num_in; i++)
		if (hostop_is_float(c->in[i]->dtype) != hostop_is_float(c->in[0]->dtype) && strcmp(c->op, "Pow"))
			return ho_bad(c, "operands of the types %s and %s", hostop_dtype_name(c->in[0]->dtype),
				      hostop_dtype_name(c->in[i]->dtype));
	ret = ho_broadcast_dims(c, c->num_in, &rank, dims);
	if (ret)
		return ret;
	return ho_set_shape(c, 0, b->compare ? HOSTOP_BOOL : c->in[0]->dtype, rank, dims);
}

/* out = a fn b where a is the output itself (accumulating) or the first input. */
static void apply(const struct binary *b, struct hostop_tensor *out, const struct hostop_tensor *x,
		  const struct hostop_tensor *y, bool ints)
{
	struct walk w;

	ho_walk_start(&w, out->rank, out->dims);
	ho_broadcast_strides(x, out->rank, out->dims, w.strides[0]);
	ho_broadcast_strides(y, out->rank, out->dims, w.strides[1]);
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		if (ints)
			hostop_set_int(out, i, b->i(hostop_get_int(x, w.off[0]),
						    hostop_get_int(y, w.off[1])));
		else
			hostop_set(out, i, b->f(hostop_get(x, w.off[0]), hostop_get(y, w.off[1])));
	}
}

static int eval_binary(struct hostop_call *c)
{
	const struct binary *b = binary_of(c);
	struct hostop_tensor *out = &c->out[0];
	bool ints = b->i;

	for (unsigned int i = 0; i < c->num_in; i++)
		ints = ints && !hostop_is_float(c->in[i]->dtype);
	if (ints && b->i == i_div)
		for (size_t i = 0; i < c->in[1]->count; i++)
			if (!hostop_get_int(c->in[1], i))
				return ho_bad(c, "integer division by zero");
	if (b->i == i_mod && !ints)
		return ho_bad(c, "Mod of floats without fmod=1");
	if (c->num_in == 1) {
		memcpy(out->data, c->in[0]->data, hostop_bytes(out));
		return 0;
	}
	apply(b, out, c->in[0], c->in[1], ints);
	for (unsigned int i = 2; i < c->num_in; i++)
		apply(b, out, out, c->in[i], ints);
	if (!strcmp(b->name, "Mean"))
		for (size_t i = 0; i < out->count; i++)
			hostop_set(out, i, hostop_get(out, i) / c->num_in);
	return 0;
}

static int infer_where(struct hostop_call *c)
{
	int64_t dims[HOSTOP_MAX_DIMS];
	unsigned int rank;
	int ret = ho_broadcast_dims(c, 3, &rank, dims);

	return ret ? ret : ho_set_shape(c, 0, c->in[1]->dtype, rank, dims);
}

static int eval_where(struct hostop_call *c)
{
	struct hostop_tensor *out = &c->out[0];
	size_t size = hostop_dtype_size(out->dtype);
	struct walk w;

	if (c->in[2]->dtype != out->dtype)
		return ho_bad(c, "inputs 1 and 2 are of different types");
	ho_walk_start(&w, out->rank, out->dims);
	for (int k = 0; k < 3; k++)
		ho_broadcast_strides(c->in[k], out->rank, out->dims, w.strides[k]);
	for (size_t i = 0; w.left; ho_walk_next(&w), i++) {
		int k = hostop_get_int(c->in[0], w.off[0]) ? 1 : 2;

		memcpy((char *)out->data + i * size, (char *)c->in[k]->data + w.off[k] * size, size);
	}
	return 0;
}

#define UNARY(name) { name, ho_infer_same, eval_unary, 1, 1, 1 }
#define BINARY(name) { name, infer_binary, eval_binary, 2, 2, 1 }
#define VARIADIC(name) { name, infer_binary, eval_binary, 1, MANY, 1 }

const struct op hostops_elementwise[] = {
	UNARY("Abs"), UNARY("Neg"), UNARY("Sqrt"), UNARY("Exp"), UNARY("Log"), UNARY("Sin"),
	UNARY("Cos"), UNARY("Tan"), UNARY("Asin"), UNARY("Acos"), UNARY("Atan"), UNARY("Sinh"),
	UNARY("Cosh"), UNARY("Tanh"), UNARY("Asinh"), UNARY("Acosh"), UNARY("Atanh"),
	UNARY("Sigmoid"), UNARY("Relu"), UNARY("Erf"), UNARY("Floor"), UNARY("Ceil"),
	UNARY("Round"), UNARY("Reciprocal"), UNARY("Sign"), UNARY("Softplus"), UNARY("Softsign"),
	UNARY("Identity"), UNARY("LeakyRelu"), UNARY("Elu"), UNARY("Celu"), UNARY("Selu"),
	UNARY("ThresholdedRelu"), UNARY("HardSigmoid"), UNARY("HardSwish"), UNARY("Gelu"),
	UNARY("Mish"),
	{ "Dropout", infer_dropout, eval_dropout, 1, 3, 2 },
	{ "Not", infer_bool, eval_not, 1, 1, 1 }, { "IsNaN", infer_bool, eval_isnan, 1, 1, 1 },
	{ "Clip", ho_infer_same, eval_clip, 1, 3, 1 }, { "Cast", infer_cast, eval_cast, 1, 1, 1 },
	BINARY("Add"), BINARY("Sub"), BINARY("Mul"), BINARY("Div"), BINARY("Pow"), BINARY("Mod"),
	BINARY("PRelu"), BINARY("Equal"), BINARY("Less"), BINARY("Greater"), BINARY("LessOrEqual"),
	BINARY("GreaterOrEqual"), BINARY("And"), BINARY("Or"), BINARY("Xor"),
	VARIADIC("Min"), VARIADIC("Max"), VARIADIC("Sum"), VARIADIC("Mean"),
	{ "Where", infer_where, eval_where, 3, 3, 1 },
	{ NULL }
};
