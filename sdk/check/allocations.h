/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts calls of malloc and its relatives, whoever makes them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether they can be counted: not where a sanitizer has its own. */
gboolean cepa_allocations_can_count (void);

/* From now on calls of this thread are counted. */
void cepa_allocations_begin (void);

/* Returns: how many there were. */
guint cepa_allocations_end (void);

G_END_DECLS
