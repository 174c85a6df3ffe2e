/* SPDX-License-Identifier: MIT */
#ifndef LOOM_DISASM_H
#define LOOM_DISASM_H

#include <stdbool.h>

#include "libloom/model.h"

/* The header of a slice's buffer, as loom-as takes it. */
void disasm_header(const struct loom_model *model, unsigned int slice);
/* The commands of a slice, one a line, or as a JSON array. false: the buffer is malformed. */
bool disasm_slice(const struct loom_model *model, unsigned int slice, bool json);
/* One command of no file: addresses are what they are. `size` is the command's own. */
void disasm_command(const char *bytes, size_t size);
/* A JSON string, quotes and all. */
void print_json_string(const char *text);

#endif /* LOOM_DISASM_H */
