/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of the vocabulary as JSON. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_ctl_json_print:
 * @value: (transfer none): dictionaries become objects, tuples and arrays arrays, bytes hexadecimal text, numbers
 * numbers
 * @pretty: one member a line; otherwise all in one line
 *
 * Prints @value and a newline. What is not ASCII is escaped.
 */
void cepa_ctl_json_print (GVariant *value, gboolean pretty);

/* Returns: (transfer full) */
char *cepa_ctl_json_format (GVariant *value, gboolean pretty);

G_END_DECLS
