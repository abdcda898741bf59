/* SPDX-License-Identifier: BSD-3-Clause */
/* What the user wants of the pool of circuits, and what a stream wants of one. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_CIRCUITS_MAX_AVOID 4

typedef struct _CepaCircuits CepaCircuits;

/**
 * CepaCircuitsWish:
 * @port: that the exit must let through, 1 to 65535
 * @ipv6: whether to an IPv6 address
 * @isolation: streams with different texts never share a circuit
 * @avoid: (array length=n_avoid): RSA identities of exits that have been tried in vain
 * @country: two small letters: exits there alone; empty: anywhere
 * @has_exit: @exit: the RSA identity of the one exit that will do
 * @keeps_alive: the circuit's time for new streams begins anew with it (KeepAliveIsolateSOCKSAuth)
 */
typedef struct
{
  guint16 port;
  gboolean ipv6;
  const char *isolation;
  guint n_avoid;
  guint8 avoid[CEPA_CIRCUITS_MAX_AVOID][20];
  char country[4];
  gboolean has_exit;
  guint8 exit[20];
  gboolean keeps_alive;
} CepaCircuitsWish;

/**
 * CepaCircuitsConfig:
 * @enforce_subnets: EnforceDistinctSubnets
 * @predicts: whether circuits are built ahead of use: __DisablePredictedCircuits is 0
 * @max_dirty_us: MaxCircuitDirtiness: after its first use no circuit takes new streams for longer
 * @max_pending: MaxClientCircuitsPending: circuits that are built at a time
 * @retry_max_us: NewCircuitPeriod: how long the pauses become when circuits fail one after the other
 * @available_us: CircuitsAvailableTimeout: how long after the last use circuits are kept ready; 0: the consensus says
 * @learns_timeout: @fixed_timeout_ms: LearnCircuitBuildTimeout, CircuitBuildTimeout (0: the consensus says)
 * @identity_interval_us: new identities that are asked for sooner after the last are put off
 * @long_lived_ports: (nullable) (element-type guint16): LongLivedPorts; outlive the circuits
 */
typedef struct
{
  gboolean enforce_subnets;
  gboolean predicts;
  gint64 max_dirty_us;
  guint max_pending;
  gint64 retry_max_us;
  gint64 available_us;
  gboolean learns_timeout;
  guint fixed_timeout_ms;
  gint64 identity_interval_us;
  const GArray *long_lived_ports;
} CepaCircuitsConfig;

/* C Tor's defaults, without long-lived ports. */
void cepa_circuits_config_init (CepaCircuitsConfig *self);

G_END_DECLS
