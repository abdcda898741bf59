/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics as text: Prometheus' exposition format, version 0.0.4. */
#pragma once

#include <cepa/metrics.h>

G_BEGIN_DECLS

#define CEPA_PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct
{
  GString *text;
  char *family; /* (nullable): whose HELP and TYPE were written last */
} CepaPrometheusText;

void cepa_prometheus_text_init (CepaPrometheusText *self);
void cepa_prometheus_text_clear (CepaPrometheusText *self);

/* Adds one metric. A CepaMetricFunc: @user_data is the text. One with a name that the format does not allow is left
   out. */
void cepa_prometheus_text_add (void *user_data, const CepaMetric *metric);

G_END_DECLS
