/* SPDX-License-Identifier: MIT */
#ifndef LOOM_FAULT_H
#define LOOM_FAULT_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/* enum loom_fault in words; never NULL. */
const char *loom_fault_name(uint32_t fault);

#pragma GCC visibility pop

#endif /* LOOM_FAULT_H */
