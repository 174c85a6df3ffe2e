// SPDX-License-Identifier: MIT
//
// Moonshine's greedy decoding, step by step, as the package's own src/model.ts does it.
'use strict';

const { pathToFileURL } = require('url');
const ort = require('./ort.js');

const PACKAGE = '@moonshine-ai/moonshine-js', TINY = 'dist/model/tiny/quantized';
const LAYERS = 6, HEADS = 8, HEAD_SIZE = 36;
const START = 1, END = 2;

const encoderPath = () => ort.cached(PACKAGE, `${TINY}/encoder_model.onnx`);
const decoderPath = () => ort.cached(PACKAGE, `${TINY}/decoder_model_merged.onnx`);

const cacheNames = () => [...Array(LAYERS).keys()].flatMap((layer) =>
	['decoder.key', 'decoder.value', 'encoder.key', 'encoder.value'].map((part) => `${layer}.${part}`));

function emptyCache() {
	const none = { type: 'float32', dims: [0, HEADS, 1, HEAD_SIZE], data: new Float32Array(0) };
	return Object.fromEntries(cacheNames().map((name) => [`past_key_values.${name}`, none]));
}

/** The encoder's keys and values come once, from the first step; later steps return them empty. */
function nextCache(cache, outputs, step) {
	return Object.fromEntries(cacheNames().map((name) => {
		const kept = step > 0 && name.includes('encoder');
		return [`past_key_values.${name}`, kept ? cache[`past_key_values.${name}`] : outputs[`present.${name}`]];
	}));
}

function argmax(values) {
	let best = 0;
	for (let i = 1; i < values.length; i++)
		if (values[i] > values[best])
			best = i;
	return best;
}

async function encode(samples) {
	const encoder = await ort.session(encoderPath());
	const input = { type: 'float32', dims: [1, samples.length], data: samples };
	return (await ort.run(encoder, { input_values: input })).last_hidden_state;
}

/** Every step of decoding: {inputs, outputs, token}; step s has s tokens in its cache. */
async function decode(hidden, seconds) {
	const decoder = await ort.session(decoderPath());
	const steps = [];
	let token = START, cache = emptyCache();
	for (let step = 0; step < Math.trunc(seconds * 6) && token !== END; step++) {
		const inputs = {
			input_ids: { type: 'int64', dims: [1, 1], data: BigInt64Array.of(BigInt(token)) },
			encoder_hidden_states: hidden,
			use_cache_branch: { type: 'bool', dims: [1], data: Uint8Array.of(step > 0 ? 1 : 0) },
			...cache,
		};
		const outputs = await ort.run(decoder, inputs);
		token = argmax(outputs.logits.data);
		steps.push({ inputs, outputs, token });
		cache = nextCache(cache, outputs, step);
	}
	return steps;
}

/** (tokens) => text, with the vocabulary that the package names as its dependency */
async function vocabulary() {
	const tokenizer = (await import(pathToFileURL(ort.cached('llama-tokenizer-js', 'llama-tokenizer.js')))).default;
	return {
		text: (tokens) => tokenizer.decode([START, ...tokens.filter((t) => t !== END)]).trim(),
		// U+2581 is the vocabulary's mark for a space before a word.
		piece: (token) => tokenizer.vocabById[token].replaceAll('\u2581', ' '),
	};
}

module.exports = { encode, decode, vocabulary, argmax, decoderPath, encoderPath };
