/* SPDX-License-Identifier: BSD-3-Clause */
/* BW and STREAM_BW: what was read and written in each second, as long as somebody wants to know. */
#pragma once

#include "control.h"

G_BEGIN_DECLS

/* Seconds that are kept for GETINFO bw-event-cache: C Tor's number. */
#define CEPA_TOR_BANDWIDTH_KEPT 300

typedef struct _CepaTorBandwidth CepaTorBandwidth;

CepaTorBandwidth *cepa_tor_bandwidth_new (CepaTorControl *control);
void cepa_tor_bandwidth_free (CepaTorBandwidth *self);

/* @mask: CepaTorEvent, as bits: the clock ticks as long as one of ours is among them. */
void cepa_tor_bandwidth_update (CepaTorBandwidth *self, guint64 mask);

/* The stream is over: what it moved since the last second. */
void cepa_tor_bandwidth_end_stream (CepaTorBandwidth *self, guint64 id, GVariant *stream);

/* Adds "read,written read,written ...", oldest first. */
void cepa_tor_bandwidth_append_cache (const CepaTorBandwidth *self, GString *out);

G_END_DECLS
