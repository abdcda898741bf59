/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_memory_trim:
 *
 * Gives memory that was freed back to the system: for when work that needs much for a short time is done. Where the C
 * library cannot, it does nothing.
 */
void cepa_memory_trim (void);

G_END_DECLS
