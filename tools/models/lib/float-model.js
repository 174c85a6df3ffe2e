// SPDX-License-Identifier: MIT
//
// Moonshine as floats. The decoder step: the branch of `If` that has a cache, with every weight that ONNX
// Runtime multiplies as integers (after quantising the activations on the fly) dequantised, and
// multiplied as floats instead. Loom computes this model; the original only up to the noise
// that quantising activations to 8 bits adds.
'use strict';

const onnx = require('./onnx.js');

function captured(branch, outer) {
	const used = new Set(branch.nodes.flatMap((n) => n.inputs));
	const pick = (map) => new Map([...map].filter(([name]) => used.has(name)));
	return { inputs: pick(outer.inputs), initializers: pick(outer.initializers) };
}

/** Drop what does not lead to an output. Nodes are in topological order. */
function dropUnused(g) {
	const needed = new Set(g.outputs.keys());
	const kept = [];
	for (const n of [...g.nodes].reverse()) {
		if (!n.outputs.some((o) => needed.has(o)))
			continue;
		n.inputs.forEach((i) => needed.add(i));
		kept.unshift(n);
	}
	g.nodes = kept;
	for (const name of [...g.initializers.keys()])
		if (!needed.has(name))
			g.initializers.delete(name);
}

function foldIf(outer) {
	const conditional = outer.nodes.find((n) => n.opType === 'If');
	const branch = onnx.subgraph(conditional, 'then_branch');
	Object.assign(branch, captured(branch, outer));
	// With a cache, the encoder's keys and values are handed through as empty tensors.
	for (const name of [...branch.outputs.keys()])
		if (name.includes('.encoder.'))
			branch.outputs.delete(name);
	dropUnused(branch);
	return branch;
}

function dequantised(g, weight, zeroPoint, scale) {
	const fields = onnx.decode(g.initializers.get(weight));
	const [zero] = onnx.tensorValues(onnx.decode(g.initializers.get(zeroPoint)));
	const [factor] = onnx.tensorValues(onnx.decode(g.initializers.get(scale)));
	const values = Float32Array.from(onnx.tensorValues(fields), (q) => (q - zero) * factor);
	return onnx.floatTensor(`${weight}_float`, onnx.repeatedVarints(fields, onnx.TENSOR.dims), values);
}

function one(list, what) {
	if (list.length !== 1)
		throw new Error(`${what}: ${list.length} found where one belongs`);
	return list[0];
}

/**
 * MatMulInteger(q, W, qz, Wz) -> Cast -> Mul(·, Mul(qs, Ws)), where (q, qs, qz) is
 * DynamicQuantizeLinear(x), becomes MatMul(x, (W - Wz) Ws).
 */
function dequantiseMatMul(g, product, producer, consumers) {
	const [quantised, weight, , zeroPoint] = product.inputs;
	const quantise = producer.get(quantised);
	const cast = one(consumers(product.outputs[0]), `consumers of ${product.name}`);
	const multiply = one(consumers(cast.outputs[0]), `consumers of ${cast.name}`);
	const scales = producer.get(multiply.inputs.find((i) => i !== cast.outputs[0]));
	const scale = scales.inputs.find((i) => g.initializers.has(i));
	if (quantise.opType !== 'DynamicQuantizeLinear' || cast.opType !== 'Cast' || scales.opType !== 'Mul')
		throw new Error(`${product.name}: not the pattern of dynamic quantisation`);
	g.initializers.set(`${weight}_float`, dequantised(g, weight, zeroPoint, scale));
	return [multiply, onnx.makeNode('MatMul', `${product.name}_float`,
					[quantise.inputs[0], `${weight}_float`], multiply.outputs)];
}

function dequantise(g) {
	const producer = new Map(g.nodes.flatMap((n) => n.outputs.map((o) => [o, n])));
	const consumers = (name) => g.nodes.filter((n) => n.inputs.includes(name));
	const products = g.nodes.filter((n) => n.opType === 'MatMulInteger');
	const replaced = new Map(products.map((n) => dequantiseMatMul(g, n, producer, consumers)));
	g.nodes = g.nodes.map((n) => replaced.get(n) ?? n);
	dropUnused(g);
	return products.length;
}

/** Bytes of a merged, dynamically quantised decoder -> {bytes of the float step, products} */
function floatDecoder(model) {
	const g = foldIf(onnx.modelGraph(model));
	const products = dequantise(g);
	return { model: onnx.withGraph(model, g), products };
}

/** Bytes of the dynamically quantised encoder -> bytes of the same weights as floats */
function floatEncoder(model) {
	const g = onnx.modelGraph(model);
	dequantise(g);
	return onnx.withGraph(model, g);
}

module.exports = { floatDecoder, floatEncoder };
