/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of directory servers: HTTP/1.0 with an optional zlib or gzip body. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_HTTP_MAX_HEADERS 8192
/* Output over this many bytes must not be more than this many times the input: else it is a bomb. */
#define CEPA_HTTP_BOMB_SIZE (5 * 1024 * 1024)
#define CEPA_HTTP_BOMB_RATIO 25

/* An answer. */
typedef struct
{
  guint status;     /* 200, 304, 404, 503, ... */
  gint64 date_s;    /* of the Date header, seconds since 1970; 0 without one */
  GBytes *body;     /* decoded */
} CepaHttpResponse;

void cepa_http_response_clear (CepaHttpResponse *self);

/**
 * cepa_http_parse_response:
 * @data: the whole answer, @len bytes, as it came until the end of the stream
 * @max_size: of the decoded body
 *
 * Content-Encoding deflate (zlib), gzip, x-gzip and identity are known, without one the body's first bytes
 * tell. Content-Length, when there is one, must be met; what is behind it is left out.
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL (malformed, cut short, damaged) or CEPA_ERROR_LIMIT (too large).
 */
gboolean cepa_http_parse_response (const guint8 *data, gsize len, gsize max_size, CepaHttpResponse *out,
                                   GError **error);

/**
 * cepa_http_inflate:
 * @data: @len bytes of one or more zlib or gzip streams, one after the other
 *
 * Returns: (transfer full) (nullable): what is in them; errors as above.
 */
GBytes *cepa_http_inflate (const guint8 *data, gsize len, gsize max_size, GError **error);

G_END_DECLS
