// SPDX-License-Identifier: MIT
/*
 * The convolutions of ResNet50 beside ONNXim's cycles on a core of the same size: one 128 x 128 weight-stationary
 * array at 700 MHz, 16 bits, 230 GB/s (ONNXim 1.3, commit a1e8629, run on light_resnet50). Each is run alone, in two ways: as in the
 * network, where activations stay in SRAM, and as a network of its own, where they come from DRAM and go
 * there, as they do in ONNXim.
 *
 * One thing of ONNXim's mapping can be set here, and is: weights are loaded a row a cycle, not 8. Two cannot:
 * a tile of ONNXim's has the channels of one tap of the filter, one of Loom's as many taps as fit into the
 * array's rows; and ONNXim moves activations tile by tile, Loom in one piece before and after.
 */
#include "networks.h"
#include "timing/loom_timing.h"

#define SAME_CORE "memory-centric,wload-rows=1,dram-mbps=230000"
#define CLOSE 0.15
/* The mapping is the same where the way of activations is no more of the time than this. */
#define FEW_ACTIVATIONS 0.1

struct convolution {
	int64_t c, m, p, k, stride;
	uint64_t onnxim;
};

/* The fully connected layer is one pixel. */
static const struct convolution layers[] = {
	{ 64, 64, 56, 1, 1, 9256 }, { 64, 64, 56, 3, 1, 32409 }, { 64, 256, 56, 1, 1, 10406 },
	{ 256, 64, 56, 1, 1, 17527 }, { 256, 128, 56, 1, 1, 14828 }, { 128, 128, 28, 3, 1, 12111 },
	{ 128, 512, 28, 1, 1, 5386 }, { 512, 128, 28, 1, 1, 8263 }, { 256, 512, 28, 1, 2, 12345 },
	{ 512, 256, 28, 1, 1, 10593 }, { 256, 256, 14, 3, 1, 8855 }, { 256, 1024, 14, 1, 1, 4340 },
	{ 1024, 256, 14, 1, 1, 5795 }, { 512, 1024, 14, 1, 2, 8796 }, { 1024, 512, 14, 1, 1, 8593 },
	{ 512, 512, 7, 3, 1, 19346 }, { 512, 2048, 7, 1, 1, 8983 }, { 2048, 512, 7, 1, 1, 9617 },
	{ 1024, 2048, 7, 1, 2, 17515 }, { 2048, 1000, 1, 1, 1, 20293 },
};

#define NUM_LAYERS (sizeof(layers) / sizeof(layers[0]))

/* Cycles, of Loom. */
struct compared {
	uint64_t array;		/* of the command */
	uint64_t in_network, alone;	/* from dispatch to end */
	uint64_t activations;	/* the way of input and result over DRAM, at its bandwidth */
};

static uint64_t to_cycles(const struct device *device, uint64_t ns)
{
	return ns * loom_dev_caps(device->dev)->clock_khz / 1000000;
}

/* ---- as a network of its own ---- */

static const struct convolution *current;

/* Half precision in and out: what crosses DRAM is what ONNXim counts. */
static void build_layer(struct zoo *z)
{
	const struct convolution *l = current;
	int64_t in = l->p * l->stride, pad = l->k / 2;
	struct val *x = input(z, "x", ELEM_F16, SHAPE(1, l->c, in, in)), *w, *y;

	w = weight(z, "weight", SHAPE(l->m, l->c, l->k, l->k), 0, 2.0 / (double)(l->c * l->k * l->k));
	w = typed(z, put(z, "Cast", w->shape, w, NULL), ELEM_F16);
	attr_int(z, "to", ELEM_F16);
	y = put(z, "Conv", SHAPE(1, l->m, l->p, l->p), x, w, NULL);
	attr_ints(z, "kernel_shape", l->k, l->k);
	attr_ints(z, "pads", pad, pad, pad, pad);
	attr_ints(z, "strides", l->stride, l->stride);
	output(z, y, "y");
}

static int run_alone(const struct device *device, const struct convolution *l, struct compared *to)
{
	static const struct network one_layer = { .name = "layer", .build = build_layer };
	struct run run = { .network = &one_layer, .batch = 1, .device = device, .no_slice = true };
	int ret;

	current = l;
	ret = run_compile(&run) || run_layers(&run) ? -1 : 0;
	for (unsigned int i = 0; !ret && i < run.num_layers; i++) {
		to->alone += to_cycles(device, run.layers[i].alone_ns);
		to->array += run.layers[i].cycles.mac;
	}
	if (!ret)
		to->activations = to_cycles(device, loom_timing_dram_ps(loom_dev_caps(device->dev),
									run.dma_bytes) / 1000);
	run_free(&run);
	return ret;
}

/* ---- in the network ---- */

static bool is_layer(const struct run *net, unsigned int slice, const struct convolution *l)
{
	size_t size, at = sizeof(struct loom_cmdbuf);
	const char *buffer = loom_model_cmdbuf(net->model, slice, &size);

	for (const struct loom_cmd_conv *conv; at < size; at += conv->hdr.size) {
		conv = (const void *)(buffer + at);
		if (conv->hdr.opcode == LOOM_OP_CONV)
			return conv->c == l->c && conv->oc == l->m && conv->kh == l->k && conv->ow == l->p;
	}
	return false;
}

/* Without slicing a layer is a slice; the first of that shape is taken. */
static uint64_t in_network(const struct run *net, const struct convolution *l)
{
	for (unsigned int i = 0; i < net->num_layers; i++)
		if (is_layer(net, i, l))
			return to_cycles(net->device, net->layers[i].alone_ns);
	return 0;
}

/* ---- the table ---- */

static bool is_close(const struct convolution *l, uint64_t cycles)
{
	double off = (double)cycles / (double)l->onnxim - 1;

	return off < CLOSE && off > -CLOSE;
}

static const char *mapping(const struct convolution *l, const struct compared *to)
{
	if (l->k > 1 && l->c < 128)
		return "one tap a tile there: 9 tiles of 64 rows, here 5 of 128";
	if ((double)to->activations > FEW_ACTIVATIONS * (double)to->array)
		return "activations, tile by tile there";
	return "the same";
}

static void print_one(const struct convolution *l, const struct compared *to)
{
	printf("%5lld %5lld %4lld %2lld %8llu %8llu %8llu %+6.0f%% %8llu %12llu   %s\n", (long long)l->c, (long long)l->m,
	       (long long)l->p, (long long)l->k, (unsigned long long)l->onnxim, (unsigned long long)to->array,
	       (unsigned long long)to->in_network, 100 * ((double)to->in_network / (double)l->onnxim - 1),
	       (unsigned long long)to->alone, (unsigned long long)to->activations, mapping(l, to));
}

static json_t *json_one(const struct convolution *l, const struct compared *to)
{
	return json_pack("{s:[I,I,I,I], s:I, s:I, s:I, s:I, s:I, s:s}",
			 "c_m_p_s", (json_int_t)l->c, (json_int_t)l->m, (json_int_t)l->p, (json_int_t)l->k,
			 "onnxim", (json_int_t)l->onnxim, "array", (json_int_t)to->array,
			 "in_network", (json_int_t)to->in_network, "alone", (json_int_t)to->alone,
			 "activations", (json_int_t)to->activations, "mapping", mapping(l, to));
}

static int compare_all(const struct run *net, json_t *table)
{
	unsigned int same = 0, close = 0;

	printf("ResNet50's convolutions in cycles, beside ONNXim's\n"
	       "    C     M    P  S   ONNXim    array  network  differs    alone  activations   mapping\n");
	for (unsigned int i = 0; i < NUM_LAYERS; i++) {
		const struct convolution *l = &layers[i];
		struct compared to = { .in_network = in_network(net, l) };

		if (run_alone(net->device, l, &to))
			return -1;
		print_one(l, &to);
		json_array_append_new(table, json_one(l, &to));
		if (mapping(l, &to)[0] == 't') {
			same++;
			close += is_close(l, to.in_network);
		}
	}
	printf("the same mapping: %u, of them within %.0f%%: %u\n", same, 100 * CLOSE, close);
	return 0;
}

int onnxim(json_t **table)
{
	struct device device;
	struct run net = { .network = find_network("resnet50"), .batch = 1, .device = &device, .no_slice = true };
	int ret = device_open(&device, SAME_CORE);

	*table = json_array();
	if (!ret)
		ret = run_compile(&net) || run_layers(&net) || compare_all(&net, *table) ? -1 : 0;
	run_free(&net);
	device_close(&device);
	return ret;
}
