/* SPDX-License-Identifier: MIT */
#ifndef LOOM_DISASM_H
#define LOOM_DISASM_H

#include <stdbool.h>

#include "libloom/model.h"

/* The commands of a slice, one a line, or as a JSON array. false: the buffer is malformed. */
bool disasm_slice(const struct loom_model *model, unsigned int slice, bool json);
/* A JSON string, quotes and all. */
void print_json_string(const char *text);

#endif /* LOOM_DISASM_H */
