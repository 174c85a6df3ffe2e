// SPDX-License-Identifier: MIT
//
// Silero VAD, version 5: is there speech in 512 samples at 16 kHz? A state of 2 x 128 goes from frame to frame.
'use strict';

const ort = require('./ort.js');

const FRAME = 512, STATE = 128, RATE = 16000, SPEECH = 0.5;

const modelPath = () => ort.cached('@ricky0123/vad-web', 'dist/silero_vad_v5.onnx');
const sampleRate = { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(RATE)) };

function frameOf(samples, n) {
	const data = new Float32Array(FRAME);
	data.set(samples.subarray(n * FRAME, (n + 1) * FRAME));
	return data;
}

/** Every frame with the state that it finds, as one batch: {input, state, sr} */
async function frames(samples) {
	const session = await ort.session(modelPath()), num = Math.ceil(samples.length / FRAME);
	const input = new Float32Array(num * FRAME), states = new Float32Array(2 * num * STATE);
	let state = { type: 'float32', dims: [2, 1, STATE], data: new Float32Array(2 * STATE) };
	for (let n = 0; n < num; n++) {
		const data = frameOf(samples, n);
		input.set(data, n * FRAME);
		states.set(state.data.subarray(0, STATE), n * STATE);
		states.set(state.data.subarray(STATE), (num + n) * STATE);
		const frame = { type: 'float32', dims: [1, FRAME], data };
		state = (await ort.run(session, { input: frame, state, sr: sampleRate })).stateN;
	}
	return {
		input: { type: 'float32', dims: [num, FRAME], data: input },
		state: { type: 'float32', dims: [2, num, STATE], data: states },
		sr: sampleRate,
	};
}

/** Probabilities [frames,1] -> [[from, to], ...], the frames with speech */
function segments({ data }) {
	const found = [];
	data.forEach((p, n) => {
		if (p < SPEECH)
			return;
		const last = found[found.length - 1];
		if (last && last[1] === n - 1)
			last[1] = n;
		else
			found.push([n, n]);
	});
	return found;
}

const seconds = (list) => list.map(([from, to]) => [from * FRAME / RATE, (to + 1) * FRAME / RATE]
	.map((s) => s.toFixed(2)).join(' to ')).join(', ');

module.exports = { modelPath, frames, segments, seconds, RATE };
