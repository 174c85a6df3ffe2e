// SPDX-License-Identifier: MIT
//
// What text detection means by its map of probabilities: PP-OCR's DB post-processing with
// PaddleOCR's defaults. One simplification: lines on a rendered page are level, so a box is the
// upright rectangle around a region instead of the rotated one of least area.
'use strict';

const THRESHOLD = 0.3;		/* a pixel is text */
const BOX_THRESHOLD = 0.6;	/* mean probability within a box */
const UNCLIP = 1.5;		/* the map is trained on text shrunk by its margin; grow it back */
const LEAST = 3;		/* pixels a side */

/** Regions of 8-connected pixels above the threshold, each as its rectangle. */
function regions(map, width, height) {
	const seen = new Uint8Array(width * height), found = [];
	const text = (at) => map[at] > THRESHOLD;
	for (let start = 0; start < map.length; start++) {
		if (seen[start] || !text(start))
			continue;
		const r = { left: width, top: height, right: -1, bottom: -1 }, stack = [start];
		seen[start] = 1;
		while (stack.length) {
			const at = stack.pop(), x = at % width, y = (at - x) / width;
			r.left = Math.min(r.left, x);
			r.right = Math.max(r.right, x);
			r.top = Math.min(r.top, y);
			r.bottom = Math.max(r.bottom, y);
			for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
				for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
					const next = ny * width + nx;
					if (!seen[next] && text(next)) {
						seen[next] = 1;
						stack.push(next);
					}
				}
			}
		}
		found.push(r);
	}
	return found;
}

function meanWithin(map, width, r) {
	let sum = 0;
	for (let y = r.top; y <= r.bottom; y++)
		for (let x = r.left; x <= r.right; x++)
			sum += map[y * width + x];
	return sum / ((r.right - r.left + 1) * (r.bottom - r.top + 1));
}

function unclipped(r, width, height) {
	const w = r.right - r.left, h = r.bottom - r.top, grow = w * h * UNCLIP / (2 * (w + h));
	return {
		left: Math.max(0, Math.round(r.left - grow)), top: Math.max(0, Math.round(r.top - grow)),
		right: Math.min(width - 1, Math.round(r.right + grow)),
		bottom: Math.min(height - 1, Math.round(r.bottom + grow)),
	};
}

/** Tensor [1,1,H,W] of probabilities -> boxes from top to bottom, with the mean probability as score */
function boxes({ dims, data }) {
	const [, , height, width] = dims;
	return regions(data, width, height)
		.filter((r) => Math.min(r.right - r.left, r.bottom - r.top) >= LEAST)
		.map((r) => ({ ...unclipped(r, width, height), score: meanWithin(data, width, r) }))
		.filter((b) => b.score > BOX_THRESHOLD)
		.sort((a, b) => a.top - b.top || a.left - b.left);
}

/** How many pixels the farthest edge is off, or Infinity if they are not the same boxes. */
function distance(a, b) {
	if (a.length !== b.length)
		return Infinity;
	const edges = ['left', 'top', 'right', 'bottom'];
	return Math.max(0, ...a.flatMap((box, i) => edges.map((e) => Math.abs(box[e] - b[i][e]))));
}

module.exports = { boxes, distance };
