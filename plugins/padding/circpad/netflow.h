/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding of channels against flow records: a link that was idle for a time drawn at random gets a cell, so that a
   router on the way closes no record (padding-spec: connection-level padding). */
#pragma once

#include <cepa/network.h>
#include <cepa/padding.h>

G_BEGIN_DECLS

typedef enum
{
  CEPA_NETFLOW_NEVER,  /* the relay is told to stop, too */
  CEPA_NETFLOW_AUTO,   /* where the link version can negotiate it */
  CEPA_NETFLOW_ALWAYS, /* on any link */
} CepaNetflowMode;

/* What holds for all channels. Times in milliseconds. */
typedef struct
{
  const CepaHost *host; /* randomness */
  CepaNetflowMode mode;
  gboolean reduced;     /* the relay does not pad, and we do it less */
  guint32 low_ms, high_ms, reduced_low_ms, reduced_high_ms;
  gboolean before_usage; /* from the first circuit on, not from the first stream */
  guint version;         /* of these, counted up when they change */
} CepaNetflow;

typedef struct _CepaNetflowMachine CepaNetflowMachine;

void cepa_netflow_init (CepaNetflow *self, const CepaHost *host, CepaNetflowMode mode, gboolean reduced);

/* Reads the parameters nf_ito_low, nf_ito_high, nf_ito_low_reduced, nf_ito_high_reduced and nf_pad_before_usage. */
void cepa_netflow_set_params (CepaNetflow *self, const CepaNetworkView *view);

/* Returns: (transfer full): @netflow outlives it. */
CepaNetflowMachine *cepa_netflow_machine_new (const CepaNetflow *netflow, const CepaPaddingTarget *target);
void cepa_netflow_machine_free (CepaNetflowMachine *self);
guint32 cepa_netflow_machine_trigger (CepaNetflowMachine *self, const CepaPaddingEvent *events, guint32 n_events,
                                      gint64 now_us, CepaPaddingAction *actions, guint32 max_actions);

/* Returns: how long a channel is to be idle before it gets padding, drawn anew; at random between the low and the high
   value as the greater of two even draws, because both ends pad and the first of them counts. */
guint32 cepa_netflow_draw_ms (const CepaNetflow *self);

G_END_DECLS
