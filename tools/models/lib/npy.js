// SPDX-License-Identifier: MIT
//
// Tensors as .npy files, version 1.0, little-endian, C order.
'use strict';

const fs = require('fs');

const TYPES = {
	float32: { descr: '<f4', array: Float32Array },
	float16: { descr: '<f2', array: Uint16Array },
	int64: { descr: '<i8', array: BigInt64Array },
	int32: { descr: '<i4', array: Int32Array },
	uint8: { descr: '|u1', array: Uint8Array },
	bool: { descr: '|b1', array: Uint8Array },
};
const MAGIC = Buffer.from('\x93NUMPY\x01\x00', 'latin1');

function write(path, { type, dims, data }) {
	const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
	const dict = `{'descr': '${TYPES[type].descr}', 'fortran_order': False, 'shape': ${shape}, }`;
	// The data begins at a multiple of 64.
	const length = Math.ceil((MAGIC.length + 2 + dict.length + 1) / 64) * 64 - MAGIC.length - 2;
	const size = Buffer.alloc(2);
	size.writeUInt16LE(length);
	fs.writeFileSync(path, Buffer.concat([MAGIC, size, Buffer.from(`${dict.padEnd(length - 1)}\n`),
		Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

function half(bits) {
	const sign = bits & 0x8000 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
	if (exponent === 31)
		return fraction ? NaN : sign * Infinity;
	return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

function read(path) {
	const file = fs.readFileSync(path);
	if (file.length < 10 || !file.subarray(0, 8).equals(MAGIC))
		throw new Error(`${path}: not a .npy file of version 1.0`);
	const start = 10 + file.readUInt16LE(8), header = file.toString('latin1', 10, start);
	const descr = header.match(/'descr': *'([^']+)'/)?.[1], shape = header.match(/'shape': *\(([^)]*)\)/)?.[1];
	const type = Object.keys(TYPES).find((t) => TYPES[t].descr === descr);
	if (!type || shape === undefined || /'fortran_order': *True/.test(header))
		throw new Error(`${path}: header not understood: ${header.trim()}`);
	const dims = shape.split(',').filter((d) => d.trim()).map(Number);
	const count = dims.reduce((a, b) => a * b, 1), size = TYPES[type].array.BYTES_PER_ELEMENT;
	if (file.length !== start + count * size)
		throw new Error(`${path}: ${file.length - start} bytes of data, shape ${dims} needs ${count * size}`);
	const data = new TYPES[type].array(file.buffer.slice(file.byteOffset + start, file.byteOffset + file.length));
	return type === 'float16' ? { type: 'float32', dims, data: Float32Array.from(data, half) } : { type, dims, data };
}

module.exports = { read, write };
