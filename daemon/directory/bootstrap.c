/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/bootstrap.h"

#include "base/log.h"

/* Tags and summaries are C Tor's (0.4.9.11), so that what watches its log can watch ours. */
static const struct
{
  CepaBootstrapPhase phase;
  const char *tag, *summary;
} bootstrap_phases[] = {
  { CEPA_BOOTSTRAP_STARTING, "starting", "Starting" },
  { CEPA_BOOTSTRAP_CONN, "conn", "Connecting to a relay" },
  { CEPA_BOOTSTRAP_CONN_DONE, "conn_done", "Connected to a relay" },
  { CEPA_BOOTSTRAP_HANDSHAKE, "handshake", "Handshaking with a relay" },
  { CEPA_BOOTSTRAP_HANDSHAKE_DONE, "handshake_done", "Handshake with a relay done" },
  { CEPA_BOOTSTRAP_ONEHOP_CREATE, "onehop_create", "Establishing an encrypted directory connection" },
  { CEPA_BOOTSTRAP_REQUESTING_STATUS, "requesting_status", "Asking for networkstatus consensus" },
  { CEPA_BOOTSTRAP_LOADING_STATUS, "loading_status", "Loading networkstatus consensus" },
  { CEPA_BOOTSTRAP_LOADING_KEYS, "loading_keys", "Loading authority key certs" },
  { CEPA_BOOTSTRAP_REQUESTING_DESCRIPTORS, "requesting_descriptors", "Asking for relay descriptors" },
  { CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, "loading_descriptors", "Loading relay descriptors" },
  { CEPA_BOOTSTRAP_ENOUGH_DIRINFO, "enough_dirinfo", "Loaded enough directory info to build circuits" },
  { CEPA_BOOTSTRAP_AP_CONN, "ap_conn", "Connecting to a relay to build circuits" },
  { CEPA_BOOTSTRAP_AP_CONN_DONE, "ap_conn_done", "Connected to a relay to build circuits" },
  { CEPA_BOOTSTRAP_AP_HANDSHAKE, "ap_handshake", "Finishing handshake with a relay to build circuits" },
  { CEPA_BOOTSTRAP_AP_HANDSHAKE_DONE, "ap_handshake_done", "Handshake finished with a relay to build circuits" },
  { CEPA_BOOTSTRAP_CIRCUIT_CREATE, "circuit_create", "Establishing a Tor circuit" },
  { CEPA_BOOTSTRAP_DONE, "done", "Done" },
};

/* The place of @phase in the table; the first for what is not in it. */
static guint
bootstrap_find (CepaBootstrapPhase phase)
{
  for (guint i = 0; i < G_N_ELEMENTS (bootstrap_phases); i++)
    if (bootstrap_phases[i].phase == phase)
      return i;
  return 0;
}

const char *
cepa_bootstrap_get_tag (const CepaBootstrap *self)
{
  return bootstrap_phases[bootstrap_find (self->phase)].tag;
}

const char *
cepa_bootstrap_get_summary (const CepaBootstrap *self)
{
  return bootstrap_phases[bootstrap_find (self->phase)].summary;
}

void
cepa_bootstrap_reach (CepaBootstrap *self, CepaBootstrapPhase phase, int extra)
{
  int percent = (int) phase + extra;

  if (percent <= self->percent)
    return;
  self->percent = percent;
  self->phase = phase;
  cepa_log (CEPA_LOG_CONTROL, CEPA_LOG_NOTICE, "Bootstrapped %d%% (%s): %s", percent, cepa_bootstrap_get_tag (self),
            cepa_bootstrap_get_summary (self));
  if (self->reached != NULL)
    self->reached (self->user_data, self);
}
