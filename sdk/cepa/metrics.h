/* SPDX-License-Identifier: BSD-3-Clause */
/* Metrics plugins: where measurements go. Numbers to read when somebody asks, and events as they happen. */
#ifndef CEPA_METRICS_H
#define CEPA_METRICS_H

#include <cepa/event.h>
#include <cepa/host.h>

G_BEGIN_DECLS

/* What a metric is, as Prometheus has it. */
typedef enum
{
  CEPA_METRIC_COUNTER = 0,
  CEPA_METRIC_GAUGE = 1,
  CEPA_METRIC_HISTOGRAM = 2,
} CepaMetricType;

/* One number, or one histogram. Valid during the call that gives it. */
typedef struct
{
  uint32_t size;          /* of this struct as the host knows it, bytes */
  uint32_t type;          /* CepaMetricType */
  const char *name;       /* "cepa_circuits_total", [a-z0-9_] */
  const char *help;       /* a sentence in one line */
  const char *labels;     /* "event=\"built\",purpose=\"general\"", values escaped as Prometheus wants; "" for none */
  double value;           /* of a counter or gauge; of a histogram the sum of what was observed */
  uint64_t count;         /* of a histogram how much was observed */
  uint32_t n_buckets;     /* of a histogram */
  uint32_t reserved;      /* 0 */
  const double *bounds;   /* (array length=n_buckets): upper bounds, ascending; beyond the last is infinity */
  const uint64_t *counts; /* (array length=n_buckets): at or below each bound */
} CepaMetric;

/* One metric of cepa_metrics_collect(). */
typedef void (*CepaMetricFunc) (void *user_data, const CepaMetric *metric);

/* What the host gives to metrics plugins; called through the wrappers below. */
struct _CepaMetricsHost
{
  uint32_t size;     /* of this struct as the host knows it, bytes */
  uint32_t reserved; /* 0 */

  /* Gives every metric to @func, before it returns; those of one name come one behind the other. */
  void (*collect) (const CepaHost *host, CepaMetricFunc func, void *user_data);

  /* From now on events of these kinds come: CEPA_EVENT_*; 0 for none. Nothing comes before the first call. */
  void (*want) (const CepaHost *host, uint32_t kinds);
};

/* As CepaMetricsHost.collect; gives none without one. */
static inline void
cepa_metrics_collect (const CepaHost *host, CepaMetricFunc func, void *user_data)
{
  if (CEPA_TABLE_HAS (host, CepaHost, metrics) && CEPA_TABLE_HAS (host->metrics, CepaMetricsHost, collect))
    host->metrics->collect (host, func, user_data);
}

/* As CepaMetricsHost.want; nothing comes without one. */
static inline void
cepa_metrics_want (const CepaHost *host, uint32_t kinds)
{
  if (CEPA_TABLE_HAS (host, CepaHost, metrics) && CEPA_TABLE_HAS (host->metrics, CepaMetricsHost, want))
    host->metrics->want (host, kinds);
}

/**
 * CepaMetricsTable:
 *
 * What a metrics plugin gives.
 */
typedef struct
{
  uint32_t size; /* sizeof (CepaMetricsTable) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */

  /* (nullable): something happened. For CEPA_EVENT_CELL this is the hot path: copy the event and come back; no file,
     no allocation. */
  void (*event) (void *self, const CepaEvent *event);

  /* (nullable): as CepaControlTable.list_addresses */
  char *(*list_addresses) (void *self);
} CepaMetricsTable;

G_END_DECLS

#endif
