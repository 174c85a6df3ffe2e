// SPDX-License-Identifier: MIT
'use strict';

const fs = require('fs');

/** Mono 16-bit PCM, as espeak-ng writes it -> {rate, samples in [-1, 1)} */
function readWav(path) {
	const file = fs.readFileSync(path);
	let rate = 0;
	if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
		throw new Error(`${path}: not a WAV file`);
	for (let at = 12; at + 8 <= file.length;) {
		const kind = file.toString('latin1', at, at + 4), begin = at + 8;
		// A writer to a pipe cannot know the length and leaves a huge one.
		const end = Math.min(begin + file.readUInt32LE(at + 4), file.length);
		if (kind === 'fmt ') {
			if (file.readUInt16LE(begin) !== 1 || file.readUInt16LE(begin + 2) !== 1 ||
			    file.readUInt16LE(begin + 14) !== 16)
				throw new Error(`${path}: not mono 16-bit PCM`);
			rate = file.readUInt32LE(begin + 4);
		} else if (kind === 'data') {
			const samples = new Float32Array((end - begin) >> 1);
			return { rate, samples: samples.map((_, i) => file.readInt16LE(begin + 2 * i) / 32768) };
		}
		at = end + (end & 1);
	}
	throw new Error(`${path}: no samples`);
}

const sinc = (x) => x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);

/** Band-limited resampling: a sinc of 16 zero crossings a side under a Hann window. */
function resample(samples, from, to) {
	const cutoff = Math.min(1, to / from), reach = 16 / cutoff;
	const out = new Float32Array(Math.floor(samples.length * to / from));
	for (let i = 0; i < out.length; i++) {
		const centre = i * from / to;
		const last = Math.min(samples.length - 1, Math.floor(centre + reach));
		let sum = 0;
		for (let j = Math.max(0, Math.ceil(centre - reach)); j <= last; j++) {
			const x = j - centre;
			sum += samples[j] * cutoff * sinc(cutoff * x) * (0.5 + 0.5 * Math.cos(Math.PI * x / reach));
		}
		out[i] = sum;
	}
	return out;
}

module.exports = { readWav, resample };
