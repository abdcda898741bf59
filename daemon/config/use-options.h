/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user says of circuits, streams and sleep. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Each is named after its option; of those of 0 the consensus, or what is behind it, says. */
typedef struct
{
  gboolean disable_predicted_circuits; /* __DisablePredictedCircuits */
  gboolean learn_circuit_build_timeout;
  gint64 circuit_build_timeout_s;      /* or 0 */
  gint64 circuits_available_timeout_s; /* or 0 */
  gint64 circuit_stream_timeout_s;     /* or 0: 10, 10, 15, ... */
  gint64 max_circuit_dirtiness_s;
  guint max_client_circuits_pending;
  gint64 new_circuit_period_s;
  gint64 socks_timeout_s;
  gint64 dormant_client_timeout_s;
  gboolean dormant_timeout_enabled, dormant_timeout_disabled_by_idle_streams;
  gboolean dormant_on_first_startup, dormant_canceled_by_startup;
  GStrv track_host_exits;              /* (nullable) */
  gint64 track_host_exits_expire_s;
  GArray *long_lived_ports;            /* (element-type guint16) */
} CepaUseOptions;

G_END_DECLS
