/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of directory documents as values. For netdoc and the simulator. */
#pragma once

#include <glib.h>
#include <string.h>

#include "netdoc/microdescriptor.h"

G_BEGIN_DECLS

/* Every function that returns gboolean is strict: FALSE, with @out untouched, unless all of @self is such a
   value. */

static inline gboolean
cepa_slice_is (CepaSlice self, const char *word)
{
  gsize len = strlen (word);

  return self.len == len && memcmp (self.text, word, len) == 0;
}

static inline gboolean
cepa_slice_starts_with (CepaSlice self, const char *prefix)
{
  gsize len = strlen (prefix);

  return self.len >= len && memcmp (self.text, prefix, len) == 0;
}

static inline CepaSlice
cepa_slice_skip (CepaSlice self, gsize n)
{
  g_assert (n <= self.len);
  return (CepaSlice) { self.text + n, self.len - n };
}

/**
 * cepa_slice_next_word:
 * @rest: (inout): words between spaces and tabs; moved behind the one that was read
 * @word: (out): not empty
 *
 * Returns: FALSE when there are no more.
 */
gboolean cepa_slice_next_word (CepaSlice *rest, CepaSlice *word);

/**
 * cepa_slice_split_at:
 * @separator: the character between name and value
 *
 * Splits at the first @separator, which is in neither part. FALSE without one, or without a name before it.
 */
gboolean cepa_slice_split_at (CepaSlice self, char separator, CepaSlice *name, CepaSlice *value);

/* Decimal digits alone, at most @max. */
gboolean cepa_slice_to_uint (CepaSlice self, guint64 max, guint64 *out);

/* Decimal digits, perhaps behind "-". */
gboolean cepa_slice_to_int32 (CepaSlice self, gint32 *out);

/* 0 to 65535. */
gboolean cepa_slice_to_port (CepaSlice self, guint16 *out);

/* "YYYY-MM-DD HH:MM:SS", UTC, from 1970 to 9999: seconds since 1970. */
gboolean cepa_slice_to_time (CepaSlice self, gint64 *out);

/* A dotted quad, to host byte order. */
gboolean cepa_slice_to_ipv4 (CepaSlice self, guint32 *out);

/* "[address]:port" with an IPv6 address and a port above 0. */
gboolean cepa_slice_to_ipv6_port (CepaSlice self, guint8 address[16], guint16 *port);

/* Exactly @len bytes in base64, at most 64; padding may be there. */
gboolean cepa_slice_to_base64 (CepaSlice self, guint8 *out, gsize len);

/* 1 to 19 letters and digits. */
gboolean cepa_slice_is_nickname (CepaSlice self);

/* As relays are named: 40 hexadecimal digits, perhaps behind "$", perhaps before "=" or "~" and a nickname. */
gboolean cepa_slice_to_fingerprint (CepaSlice self, guint8 rsa_id[20]);

/* Whether all is printable ASCII. */
gboolean cepa_slice_is_printable (CepaSlice self);

/* Returns: (transfer full): what a message may show of it. */
char *cepa_slice_escape (CepaSlice self);

/* Returns: (transfer full): "YYYY-MM-DD HH:MM:SS", or the number when it is in no year that has a date. */
char *cepa_netdoc_format_time (gint64 time_s);

G_END_DECLS
