// SPDX-License-Identifier: MIT
//
// Just enough of ONNX's protobuf to rewrite a graph. A message is kept as the list of its
// fields as they came, so whatever is not touched is written back unchanged.
'use strict';

const FLOAT = 1, UINT8 = 2, INT64 = 7;

// Field numbers of onnx.proto.
const MODEL = { graph: 7 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, valueInfo: 13 };
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, graph: 6 };
const TENSOR = { dims: 1, dataType: 2, floatData: 4, int32Data: 5, name: 8, rawData: 9 };
const VALUE_INFO = { name: 1 };

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

function readVarint(buffer, at) {
	let value = 0n, shift = 0n, byte;
	do {
		byte = buffer[at++];
		if (byte === undefined || shift > 63n)
			throw new Error('truncated protobuf');
		value |= BigInt(byte & 127) << shift;
		shift += 7n;
	} while (byte & 128);
	return [value, at];
}

function varint(value) {
	const bytes = [];
	for (value = BigInt.asUintN(64, BigInt(value)); value > 127n; value >>= 7n)
		bytes.push(Number(value & 127n) | 128);
	bytes.push(Number(value));
	return Buffer.from(bytes);
}

function payloadLength(buffer, at, wire) {
	if (wire === FIXED64)
		return [8, at];
	if (wire === FIXED32)
		return [4, at];
	if (wire !== BYTES)
		throw new Error(`protobuf wire type ${wire} is not known`);
	const [length, after] = readVarint(buffer, at);
	return [Number(length), after];
}

/** The fields of a message, in order: {field, wire, value}, value a Buffer or (varint) a BigInt. */
function decode(buffer) {
	const fields = [];
	for (let at = 0; at < buffer.length;) {
		let key, value, length;
		[key, at] = readVarint(buffer, at);
		const field = Number(key >> 3n), wire = Number(key & 7n);
		if (wire === VARINT) {
			[value, at] = readVarint(buffer, at);
		} else {
			[length, at] = payloadLength(buffer, at, wire);
			if (at + length > buffer.length)
				throw new Error('truncated protobuf');
			value = buffer.subarray(at, at + length);
			at += length;
		}
		fields.push({ field, wire, value });
	}
	return fields;
}

function encode(fields) {
	const parts = [];
	for (const { field, wire, value } of fields) {
		parts.push(varint(field * 8 + wire));
		if (wire === VARINT) {
			parts.push(varint(value));
		} else {
			if (wire === BYTES)
				parts.push(varint(value.length));
			parts.push(value);
		}
	}
	return Buffer.concat(parts);
}

const bytes = (field, value) => ({ field, wire: BYTES, value: Buffer.from(value) });
const number = (field, value) => ({ field, wire: VARINT, value: BigInt(value) });
const all = (fields, field) => fields.filter((f) => f.field === field).map((f) => f.value);
const text = (fields, field) => all(fields, field).map(String)[0] ?? '';

function repeatedVarints(fields, field) {
	const values = [];
	for (const f of fields.filter((entry) => entry.field === field)) {
		if (f.wire === VARINT) {
			values.push(Number(f.value));
			continue;
		}
		for (let at = 0, value; at < f.value.length;) {
			[value, at] = readVarint(f.value, at);
			values.push(Number(value));
		}
	}
	return values;
}

function node(buffer) {
	const fields = decode(buffer);
	return {
		fields,
		opType: text(fields, NODE.opType),
		name: text(fields, NODE.name),
		inputs: all(fields, NODE.input).map(String),
		outputs: all(fields, NODE.output).map(String),
	};
}

function encodeNode(n) {
	const rest = n.fields.filter((f) => f.field !== NODE.input && f.field !== NODE.output);
	return encode([...n.inputs.map((i) => bytes(NODE.input, i)),
		       ...n.outputs.map((o) => bytes(NODE.output, o)), ...rest]);
}

function makeNode(opType, name, inputs, outputs) {
	return { opType, name, inputs, outputs,
		 fields: [bytes(NODE.name, name), bytes(NODE.opType, opType)] };
}

/** A tensor's elements as numbers; uint8 and float, which is all that quantised weights need. */
function tensorValues(fields) {
	const type = Number(all(fields, TENSOR.dataType)[0]), raw = all(fields, TENSOR.rawData)[0];
	if (type === UINT8)
		return raw ? new Uint8Array(raw) : Uint8Array.from(repeatedVarints(fields, TENSOR.int32Data));
	if (type !== FLOAT)
		throw new Error(`tensor ${text(fields, TENSOR.name)}: element type ${type} is not handled`);
	const packed = Buffer.from(raw ?? Buffer.concat(all(fields, TENSOR.floatData)));
	return new Float32Array(packed.buffer, packed.byteOffset, packed.length / 4).slice();
}

function floatTensor(name, dims, values) {
	return encode([...dims.map((d) => number(TENSOR.dims, d)), number(TENSOR.dataType, FLOAT),
		       bytes(TENSOR.name, name),
		       bytes(TENSOR.rawData, Buffer.from(values.buffer, values.byteOffset, values.byteLength))]);
}

function graph(buffer) {
	const fields = decode(buffer);
	const named = (field, key) => new Map(all(fields, field).map((b) => [text(decode(b), key), b]));
	return {
		name: text(fields, GRAPH.name),
		nodes: all(fields, GRAPH.node).map(node),
		initializers: named(GRAPH.initializer, TENSOR.name),
		inputs: named(GRAPH.input, VALUE_INFO.name),
		outputs: named(GRAPH.output, VALUE_INFO.name),
	};
}

function encodeGraph(g) {
	return encode([...g.nodes.map((n) => bytes(GRAPH.node, encodeNode(n))), bytes(GRAPH.name, g.name),
		       ...[...g.initializers.values()].map((b) => bytes(GRAPH.initializer, b)),
		       ...[...g.inputs.values()].map((b) => bytes(GRAPH.input, b)),
		       ...[...g.outputs.values()].map((b) => bytes(GRAPH.output, b))]);
}

/** The subgraph that node n carries as attribute `name`. */
function subgraph(n, name) {
	for (const attribute of all(n.fields, NODE.attribute)) {
		const fields = decode(attribute);
		if (text(fields, ATTRIBUTE.name) === name)
			return graph(all(fields, ATTRIBUTE.graph)[0]);
	}
	throw new Error(`node ${n.name} (${n.opType}) has no ${name}`);
}

const modelGraph = (model) => graph(all(decode(model), MODEL.graph)[0]);

function withGraph(model, g) {
	return encode(decode(model).map((f) => f.field === MODEL.graph ? bytes(f.field, encodeGraph(g)) : f));
}

module.exports = { FLOAT, UINT8, INT64, TENSOR, decode, repeatedVarints, tensorValues, floatTensor, makeNode,
		   modelGraph, subgraph, withGraph };
