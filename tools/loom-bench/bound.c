// SPDX-License-Identifier: MIT
/*
 * The two-resource bound. With q_i queries a second of model i, which alone take T_i each, of which c_i
 * on the compute engine and m_i on the DRAM channel:
 *
 *	maximise sum q_i T_i   with   sum q_i c_i <= 1,  sum q_i m_i <= 1,  q_i >= 0
 *
 * A linear programme with two constraints has an optimum where at most two q_i are not zero, so all
 * pairs are tried.
 */
#include "report.h"

static double one(const struct report_model *a)
{
	return a->period / (a->compute > a->dram ? a->compute : a->dram);
}

/* Both constraints tight, or 0 if that takes a negative rate. */
static double both(const struct report_model *a, const struct report_model *b)
{
	double det = a->compute * b->dram - b->compute * a->dram;
	double qa, qb;

	if (det == 0)
		return 0;
	qa = (b->dram - b->compute) / det;
	qb = (a->compute - a->dram) / det;
	return qa < 0 || qb < 0 ? 0 : qa * a->period + qb * b->period;
}

double bound_stp(const struct report_model *models, unsigned int num)
{
	double best = 0, v;
	unsigned int i, k;

	for (i = 0; i < num; i++) {
		v = one(&models[i]);
		best = v > best ? v : best;
		for (k = 0; k < i; k++) {
			v = both(&models[i], &models[k]);
			best = v > best ? v : best;
		}
	}
	return best;
}
