/* SPDX-License-Identifier: BSD-3-Clause */
/* Hexadecimal, base64 and escaping of untrusted text for messages. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * cepa_hex_encode:
 * @data: @len bytes
 *
 * Returns: (transfer full): 2 * @len upper-case digits.
 */
char *cepa_hex_encode (const void *data, gsize len);

/* The same into @out, which has room for 2 * @len + 1. */
void cepa_hex_encode_to (const void *data, gsize len, char *out);

/**
 * cepa_hex_decode:
 * @text: digits in either case, @text_len of them
 * @out: room for @out_len bytes
 *
 * Returns: TRUE when @text is exactly 2 * @out_len digits; @out is untouched otherwise.
 */
gboolean cepa_hex_decode (const char *text, gsize text_len, void *out, gsize out_len);

/**
 * cepa_base64_decode:
 * @text: @text_len characters of RFC 4648 base64; padding may be there or not; no white space
 * @out: room for @out_size bytes
 * @out_len: (out): bytes written
 *
 * Strict: other characters, padding in the wrong place or an impossible length fail.
 */
gboolean cepa_base64_decode (const char *text, gsize text_len, void *out, gsize out_size, gsize *out_len);

/* Returns: (transfer full): base64 without padding, as microdescriptor digests are written. */
char *cepa_base64_encode_unpadded (const void *data, gsize len);

/**
 * cepa_escape_for_log:
 * @text: @len bytes from anywhere
 *
 * Returns: (transfer full): printable ASCII, others as \xHH, cut to @max characters with "..." behind.
 */
char *cepa_escape_for_log (const char *text, gsize len, gsize max);

G_END_DECLS
