/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: which controllers want which, and where they come from. */
#pragma once

#include "bandwidth.h"
#include "control.h"

G_BEGIN_DECLS

/* Those that can happen here, as bits. */
typedef enum
{
  CEPA_TOR_EVENT_CIRC = 1 << 0,
  CEPA_TOR_EVENT_STREAM = 1 << 1,
  CEPA_TOR_EVENT_ORCONN = 1 << 2,
  CEPA_TOR_EVENT_BW = 1 << 3,
  CEPA_TOR_EVENT_DEBUG = 1 << 4,
  CEPA_TOR_EVENT_INFO = 1 << 5,
  CEPA_TOR_EVENT_NOTICE = 1 << 6,
  CEPA_TOR_EVENT_WARN = 1 << 7,
  CEPA_TOR_EVENT_ERR = 1 << 8,
  CEPA_TOR_EVENT_STATUS_GENERAL = 1 << 9,
  CEPA_TOR_EVENT_STATUS_CLIENT = 1 << 10,
  CEPA_TOR_EVENT_NEWCONSENSUS = 1 << 11,
  CEPA_TOR_EVENT_SIGNAL = 1 << 12,
  CEPA_TOR_EVENT_CONF_CHANGED = 1 << 13,
  CEPA_TOR_EVENT_NETWORK_LIVENESS = 1 << 14,
  CEPA_TOR_EVENT_STREAM_BW = 1 << 15,
  CEPA_TOR_EVENT_BUILDTIMEOUT_SET = 1 << 16,
  CEPA_TOR_EVENT_CIRC_MINOR = 1 << 17,
  CEPA_TOR_EVENT_GUARD = 1 << 18,
  CEPA_TOR_EVENT_NEWDESC = 1 << 19,
} CepaTorEvent;

#define CEPA_TOR_N_SOURCES 17

struct _CepaTorEvents
{
  CepaTorControl *control;
  guint64 mask; /* what anybody wants */
  uint64_t subscriptions[CEPA_TOR_N_SOURCES];
  uint64_t timer;
  gboolean delivering;
  CepaTorBandwidth *bandwidth;

  /* As far as it has been told. */
  gboolean is_live, has_directory, is_ready;
  gint64 valid_after;
};

/* Begins to watch what GETINFO needs before somebody asks. */
CepaTorEvents *cepa_tor_events_new (CepaTorControl *control);
void cepa_tor_events_free (CepaTorEvents *self);

/* A connection wants other events now, or is gone. */
void cepa_tor_events_update (CepaTorControl *control);

/* Queues "650 ..." with its line ends for whoever wants @event. It goes out in the loop's next turn. */
void cepa_tor_events_emit (CepaTorControl *control, CepaTorEvent event, const char *text, gsize len);

/* Adds the names that SETEVENTS takes, with spaces between them. */
void cepa_tor_events_append_names (GString *out);

/* Adds "NOTICE BOOTSTRAP PROGRESS=..."; @bootstrap: (uss); @skew: (nullable): (xs): a clock that is wrong may be what is in
   the way. */
void cepa_tor_events_append_bootstrap (GString *out, GVariant *bootstrap, GVariant *skew);

/* In sources.c: what to subscribe to for @mask, and what to do when it happens. */
void cepa_tor_sources_update (CepaTorEvents *self, guint64 mask);

/* Asks the vocabulary whether a channel is open. */
void cepa_tor_sources_check_live (CepaTorEvents *self);

G_END_DECLS
