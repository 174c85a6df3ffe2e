/* SPDX-License-Identifier: MIT */
/* What the files of the report share. */
#ifndef LOOMC_REPORT_H
#define LOOMC_REPORT_H

#include "lower.h"

void report_string(FILE *to, const char *s);	/* as JSON */
/* "layer_table": [...], "host": [...], */
void put_layers_json(struct program *p, FILE *to);

#endif
