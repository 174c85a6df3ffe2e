// SPDX-License-Identifier: GPL-2.0-only

#include <linux/minmax.h>

#include "loom_device.h"
#include "loom_log.h"

/**
 * loom_log_read() - Copy the tail of the firmware's log
 * @ldev: the device, awake
 * @text: where to; not terminated
 * @size: its room
 *
 * The firmware may write on meanwhile; then the oldest lines are garbled, which a reader of a log
 * can bear.
 *
 * Return: bytes copied.
 */
size_t loom_log_read(struct loom_device *ldev, char *text, size_t size)
{
	u32 head = loom_read(ldev, LOOM_REG_LOG_HEAD);
	u32 bytes = min3(head, (u32)LOOM_LOG_BYTES, (u32)size);
	u32 at = head - bytes, i, word = 0;

	for (i = 0; i < bytes; i++, at++) {
		if (!i || at % sizeof(word) == 0)
			word = loom_read(ldev, LOOM_REG_LOG +
					 ALIGN_DOWN(at % LOOM_LOG_BYTES, sizeof(word)));
		text[i] = word >> (at % sizeof(word) * BITS_PER_BYTE);
	}
	return bytes;
}
