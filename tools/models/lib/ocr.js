// SPDX-License-Identifier: MIT
//
// Lines of text on their way from the page to PP-OCR's recognition and direction classifier, and what their
// outputs mean, with PaddleOCR's defaults.
'use strict';

const fs = require('fs');
const { crop, resize } = require('./image.js');

const HEIGHT = 48;
const RECOGNISED = 320, CLASSIFIED = 192;	/* widths; recognition takes more if a line needs it */
const STEP = 32;

/** [lines,3,48,width]: every line as high as the tensor, from the left, BGR in [-1, 1], zeros to its right */
function tensorOf(lines, width) {
	const data = new Float32Array(lines.length * 3 * HEIGHT * width);
	lines.forEach((line, n) => {
		const wide = Math.min(width, Math.ceil(HEIGHT * line.width / line.height));
		const { pixels } = resize(line, wide, HEIGHT);
		for (let c = 0; c < 3; c++)
			for (let y = 0; y < HEIGHT; y++)
				for (let x = 0; x < wide; x++)
					data[((n * 3 + c) * HEIGHT + y) * width + x] =
						pixels[(y * wide + x) * 3 + 2 - c] / 127.5 - 1;
	});
	return { type: 'float32', dims: [lines.length, 3, HEIGHT, width], data };
}

function recognitionInput(image, boxes) {
	const lines = boxes.map((box) => crop(image, box));
	const widest = Math.max(...lines.map((line) => HEIGHT * line.width / line.height));
	return tensorOf(lines, Math.max(RECOGNISED, Math.ceil(widest / STEP) * STEP));
}

function upsideDown({ width, height, pixels }) {
	const turned = Buffer.alloc(pixels.length);
	for (let i = 0; i < width * height; i++)
		for (let c = 0; c < 3; c++)
			turned[(width * height - 1 - i) * 3 + c] = pixels[i * 3 + c];
	return { width, height, pixels: turned };
}

/** Every second line is turned upside down. */
function classifierInput(image, boxes) {
	return tensorOf(boxes.map((box, i) => i % 2 ? upsideDown(crop(image, box)) : crop(image, box)), CLASSIFIED);
}

function argmaxRows({ dims, data }) {
	const width = dims[dims.length - 1];
	return Array.from({ length: data.length / width }, (_, row) => {
		let best = 0;
		for (let i = 1; i < width; i++)
			if (data[row * width + i] > data[row * width + best])
				best = i;
		return best;
	});
}

/** [lines,steps,6625] of probabilities -> strings: CTC, the first class is the blank, the last a space */
function readLines(tensor, keys) {
	const [lines, steps, classes] = tensor.dims, best = argmaxRows(tensor);
	const letter = (k) => k === classes - 1 ? ' ' : keys[k - 1];
	return Array.from({ length: lines }, (_, n) => best.slice(n * steps, (n + 1) * steps)
		.filter((k, i, all) => k && k !== all[i - 1]).map(letter).join(''));
}

/** [lines,2] -> is it upside down? */
const turned = (tensor) => argmaxRows(tensor).map((k) => k === 1);

const readKeys = (path) => fs.readFileSync(path, 'utf8').replace(/\n$/, '').split('\n');

module.exports = { recognitionInput, classifierInput, readLines, readKeys, turned };
