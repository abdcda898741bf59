/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_memory_init:
 *
 * For the start of a program, before there are threads: from now on what is large goes back to the system when it is
 * freed. The C library would keep more and more of it, in each thread's own heap, after the first that was freed.
 */
void cepa_memory_init (void);

/**
 * cepa_memory_trim:
 *
 * Gives memory that was freed back to the system: for when work that needs much for a short time is done. Where the C
 * library cannot, it does nothing.
 */
void cepa_memory_trim (void);

G_END_DECLS
