/* SPDX-License-Identifier: BSD-3-Clause */
/* Events into a file. */
#pragma once

#include <cepa/metrics.h>

G_BEGIN_DECLS

/* Events that have room until they are written. */
#define CEPA_TRACE_RING_SIZE 16384

typedef struct _CepaTrace CepaTrace;

/* @host: outlives the instance. */
CepaTrace *cepa_trace_new (const CepaHost *host);
void cepa_trace_free (CepaTrace *self);

/* As CepaPlugin's start and stop. */
void cepa_trace_start (CepaTrace *self, uint64_t task);
void cepa_trace_stop (CepaTrace *self, uint64_t task);

/* As CepaMetricsTable's. */
void cepa_trace_event (CepaTrace *self, const CepaEvent *event);

G_END_DECLS
