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

/* Compute-intensive ones first. */
#define PAPER_NUM_COMPUTE 4
#define PAPER_NUM_NETWORKS 8
extern const char *const paper_networks[PAPER_NUM_NETWORKS];

const struct paper_pair *paper_pair(const char *a, const char *b);	/* NULL: not published */
double paper_ratio(const char *name);					/* 0: not published */

#endif /* LOOM_BENCH_PAPER_H */
