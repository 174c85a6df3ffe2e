/* SPDX-License-Identifier: MIT */
/* paper.h - published figures that ours stand beside. */
#ifndef LOOM_BENCH_PAPER_H
#define LOOM_BENCH_PAPER_H

struct paper_pair {
	const char *a, *b;
	double ai_mt, layerweaver;	/* STP gain, percent */
	double ai_mt_antt, layerweaver_antt;
};

struct paper_network {
	const char *name;
	double ratio;
};

const struct paper_pair *paper_pair(const char *a, const char *b);	/* NULL: not published */
double paper_ratio(const char *name);					/* 0: not published */

#endif /* LOOM_BENCH_PAPER_H */
