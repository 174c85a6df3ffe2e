// SPDX-License-Identifier: MIT
//
// ONNX Runtime, the oracle, from the cache that tools/models/fetch filled.
'use strict';

const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');

const FETCH = path.join(__dirname, '..', 'fetch');

function cached(name, file) {
	const where = path.join(execFileSync(FETCH, ['--print-path', name], { encoding: 'utf8' }).trim(), file);
	if (!fs.existsSync(where))
		throw new Error(`${where} is missing: run tools/models/fetch`);
	return where;
}

const runtime = () => require(path.dirname(cached('onnxruntime-node', 'package.json')));

/** One thread: sums are then taken in the same order every time. */
function session(model) {
	return runtime().InferenceSession.create(model, {
		intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', logSeverityLevel: 3,
	});
}

/** Run on tensors {type, dims, data}, as lib/npy.js has them. */
async function run(model, feeds) {
	const { Tensor } = runtime();
	const wrapped = Object.entries(feeds).map(([name, t]) => [name, new Tensor(t.type, t.data, t.dims)]);
	const results = await model.run(Object.fromEntries(wrapped));
	return Object.fromEntries(Object.entries(results).map(([name, t]) =>
		[name, { type: t.type, dims: [...t.dims], data: t.data }]));
}

const version = () => require(cached('onnxruntime-node', 'package.json')).version;

module.exports = { cached, session, run, version };
