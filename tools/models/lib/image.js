// SPDX-License-Identifier: MIT
'use strict';

const fs = require('fs');

// PP-OCR reads images as BGR and applies ImageNet's (RGB) figures in that order; so it was trained.
const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];

function readPpm(path) {
	const file = fs.readFileSync(path);
	const header = file.toString('latin1', 0, 64).match(/^P6\s+(\d+)\s+(\d+)\s+255\s/);
	if (!header)
		throw new Error(`${path}: not a binary PPM file`);
	const [width, height] = [Number(header[1]), Number(header[2])];
	const pixels = file.subarray(header[0].length);
	if (pixels.length !== width * height * 3)
		throw new Error(`${path}: ${pixels.length} bytes of pixels, ${width}x${height} needs ${width * height * 3}`);
	return { width, height, pixels };
}

/** Text detection wants sides that are multiples of 32; PaddleOCR resizes to the nearest ones. */
const side = (length) => Math.max(32, Math.round(length / 32) * 32);

/** Bilinear with pixel centres at halves and bytes as the result, as OpenCV's INTER_LINEAR. */
function resize(image, width, height) {
	if (image.width === width && image.height === height)
		return image;
	const pixels = Buffer.alloc(width * height * 3);
	const sample = (x, y, c) => image.pixels[(Math.min(y, image.height - 1) * image.width +
						  Math.min(x, image.width - 1)) * 3 + c];
	for (let y = 0; y < height; y++) {
		const v = Math.max(0, (y + 0.5) * image.height / height - 0.5), y0 = Math.floor(v), fy = v - y0;
		for (let x = 0; x < width; x++) {
			const u = Math.max(0, (x + 0.5) * image.width / width - 0.5), x0 = Math.floor(u), fx = u - x0;
			for (let c = 0; c < 3; c++)
				pixels[(y * width + x) * 3 + c] = Math.round(
					(1 - fy) * ((1 - fx) * sample(x0, y0, c) + fx * sample(x0 + 1, y0, c)) +
					fy * ((1 - fx) * sample(x0, y0 + 1, c) + fx * sample(x0 + 1, y0 + 1, c)));
		}
	}
	return { width, height, pixels };
}

/** The pixels within a box, its edges included */
function crop(image, { left, top, right, bottom }) {
	const width = right - left + 1, height = bottom - top + 1, pixels = Buffer.alloc(width * height * 3);
	for (let y = 0; y < height; y++)
		image.pixels.copy(pixels, y * width * 3, ((top + y) * image.width + left) * 3,
				  ((top + y) * image.width + right + 1) * 3);
	return { width, height, pixels };
}

/** The tensor [1,3,H,W] that PP-OCR's text detection takes */
function detectionInput(image) {
	const { width, height, pixels } = resize(image, side(image.width), side(image.height));
	const area = width * height, data = new Float32Array(3 * area);
	for (let c = 0; c < 3; c++)
		for (let i = 0; i < area; i++)
			data[c * area + i] = (pixels[3 * i + 2 - c] / 255 - MEAN[c]) / STD[c];
	return { type: 'float32', dims: [1, 3, height, width], data };
}

module.exports = { readPpm, detectionInput, crop, resize };
