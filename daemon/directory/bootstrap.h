/* SPDX-License-Identifier: BSD-3-Clause */
/* How far the client is on its way to the network, in C Tor's phases. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The percentage is the value; the tags are C Tor's. */
typedef enum
{
  CEPA_BOOTSTRAP_UNDEF = -1,
  CEPA_BOOTSTRAP_STARTING = 0,
  CEPA_BOOTSTRAP_CONN = 5,
  CEPA_BOOTSTRAP_CONN_DONE = 10,
  CEPA_BOOTSTRAP_HANDSHAKE = 14,
  CEPA_BOOTSTRAP_HANDSHAKE_DONE = 15,
  CEPA_BOOTSTRAP_ONEHOP_CREATE = 20,
  CEPA_BOOTSTRAP_REQUESTING_STATUS = 25,
  CEPA_BOOTSTRAP_LOADING_STATUS = 30,
  CEPA_BOOTSTRAP_LOADING_KEYS = 40,
  CEPA_BOOTSTRAP_REQUESTING_DESCRIPTORS = 45,
  CEPA_BOOTSTRAP_LOADING_DESCRIPTORS = 50, /* counts up to 74 */
  CEPA_BOOTSTRAP_ENOUGH_DIRINFO = 75,
  CEPA_BOOTSTRAP_AP_CONN = 80,
  CEPA_BOOTSTRAP_AP_CONN_DONE = 85,
  CEPA_BOOTSTRAP_AP_HANDSHAKE = 89,
  CEPA_BOOTSTRAP_AP_HANDSHAKE_DONE = 90,
  CEPA_BOOTSTRAP_CIRCUIT_CREATE = 95,
  CEPA_BOOTSTRAP_DONE = 100,
} CepaBootstrapPhase;

typedef struct _CepaBootstrap CepaBootstrap;

/**
 * CepaBootstrap:
 * @percent: reached so far
 * @phase: the last one reached
 * @reached: (nullable): told of each step, after the log
 *
 * Starts as all zeros with @percent -1: CEPA_BOOTSTRAP_INIT.
 */
struct _CepaBootstrap
{
  int percent;
  CepaBootstrapPhase phase;
  void (*reached) (gpointer user_data, const CepaBootstrap *bootstrap);
  gpointer user_data;
};

#define CEPA_BOOTSTRAP_INIT { .percent = -1, .phase = CEPA_BOOTSTRAP_UNDEF }

/**
 * cepa_bootstrap_reach:
 * @extra: added to the phase's percentage; for CEPA_BOOTSTRAP_LOADING_DESCRIPTORS, 0 to 24
 *
 * Logs "Bootstrapped N% (tag): summary" when that is further than before. Progress never goes back.
 */
void cepa_bootstrap_reach (CepaBootstrap *self, CepaBootstrapPhase phase, int extra);

/* Returns: (transfer none): C Tor's word and sentence for the phase reached; those of "starting" before any. */
const char *cepa_bootstrap_get_tag (const CepaBootstrap *self);
const char *cepa_bootstrap_get_summary (const CepaBootstrap *self);

G_END_DECLS
