/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of directory servers: HTTP/1.0 with a body in one of the encodings of decompress.h. */
#pragma once

#include <glib.h>

#include "directory/decompress.h"

G_BEGIN_DECLS

#define CEPA_HTTP_MAX_HEADERS 8192

/* An answer. */
typedef struct
{
  guint status;     /* 200, 304, 404, 503, ... */
  gint64 date_s;    /* of the Date header, seconds since 1970; 0 without one */
  GBytes *body;     /* decoded */
} CepaHttpResponse;

void cepa_http_response_clear (CepaHttpResponse *self);

/* The head of an answer. */
typedef struct
{
  gsize len;             /* of the head with the empty line: where the body begins */
  guint status;          /* 200, 304, 404, 503, ... */
  gint64 date_s;         /* of the Date header, seconds since 1970; 0 without one */
  gboolean has_body_len; /* of Content-Length */
  gsize body_len;        /* bytes as they come; what is behind them is not of the answer */
} CepaHttpHead;

/* Whether an answer's head has come as far as it ever will in the first @len bytes, so that it can be parsed. */
gboolean cepa_http_head_is_whole (const guint8 *data, gsize len);

/**
 * cepa_http_parse_head:
 * @data: the first @len bytes of an answer, with all of its head
 *
 * The encoding of the body is not in it: its first bytes tell (cepa_encoding_guess()), since servers have been known to
 * send another than they say. Content-Encoding must be one that we know all the same.
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL.
 */
gboolean cepa_http_parse_head (const guint8 *data, gsize len, CepaHttpHead *out, GError **error);

/**
 * cepa_http_parse_response:
 * @data: the whole answer, @len bytes, as it came until the end of the stream
 * @max_size: of the decoded body
 *
 * Content-Length, when there is one, must be met; what is behind it is left out.
 *
 * Returns: FALSE with CEPA_ERROR_PROTOCOL (malformed, cut short, damaged) or CEPA_ERROR_LIMIT (too large).
 */
gboolean cepa_http_parse_response (const guint8 *data, gsize len, gsize max_size, CepaHttpResponse *out,
                                   GError **error);

G_END_DECLS
