/* SPDX-License-Identifier: BSD-3-Clause */
/* The request of an HTTP client: the bytes it sent so far, and the answer that they get. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of the request line and the headers. */
#define CEPA_PROMETHEUS_MAX_REQUEST 8192

/* What is to be answered: HTTP's codes. */
typedef enum
{
  CEPA_PROMETHEUS_WAIT = 0, /* it is not complete yet */
  CEPA_PROMETHEUS_OK = 200,
  CEPA_PROMETHEUS_BAD_REQUEST = 400,
  CEPA_PROMETHEUS_NOT_FOUND = 404,
  CEPA_PROMETHEUS_NOT_ALLOWED = 405, /* the method */
  CEPA_PROMETHEUS_TOO_LARGE = 431,
  CEPA_PROMETHEUS_BAD_VERSION = 505,
} CepaPrometheusStatus;

/* Returns: (transfer none): "Not Found". */
const char *cepa_prometheus_status_name (CepaPrometheusStatus status);

/**
 * cepa_prometheus_parse_request:
 * @data: @len bytes from the beginning
 * @is_head: (out): whether the client wants the headers alone
 *
 * Understands requests of HTTP/1.0 and HTTP/1.1. Bytes behind the empty line are of no interest: every answer ends the
 * connection.
 */
CepaPrometheusStatus cepa_prometheus_parse_request (const char *data, gsize len, gboolean *is_head);

G_END_DECLS
