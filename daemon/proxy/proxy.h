/* SPDX-License-Identifier: BSD-3-Clause */
/* The SOCKS listeners and the connections of applications. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "path/circuits.h"
#include "proxy/application.h"

G_BEGIN_DECLS

typedef struct _CepaProxy CepaProxy;

/**
 * CepaProxyConfig:
 * @reject_internal: ClientRejectInternalAddresses
 * @timeout_us: SocksTimeout
 * @try_us: CircuitStreamTimeout; 0: ten seconds twice, then fifteen
 * @tracked_hosts: (nullable): TrackHostExits; kept
 * @tracked_us: TrackHostExitsExpire
 */
typedef struct
{
  gboolean reject_internal;
  gint64 timeout_us, try_us;
  const char *const *tracked_hosts;
  gint64 tracked_us;
} CepaProxyConfig;

/* C Tor's defaults. */
#define CEPA_PROXY_CONFIG_INIT { TRUE, 120 * G_USEC_PER_SEC, 0, NULL, 1800 * G_USEC_PER_SEC }

/* @config: copied; @events: (nullable): outlives the proxy */
CepaProxy *cepa_proxy_new (GMainContext *context, const CepaClock *clock, CepaCircuits *circuits,
                           const CepaProxyConfig *config, CepaEventSink *events);

/* Ends all connections at once. */
void cepa_proxy_free (CepaProxy *self);

/**
 * cepa_proxy_listen:
 * @option: @address: @port: as for cepa_listener_new()
 * @keeps_alive: KeepAliveIsolateSOCKSAuth: where a SOCKS user or password is given, a circuit's time for new streams
 *   counts from the last stream and not from the first
 *
 * Opens a SOCKS port and logs it as C Tor does.
 */
gboolean cepa_proxy_listen (CepaProxy *self, const char *option, const char *address, guint16 port,
                            gboolean keeps_alive, GError **error);

/* The SOCKS ports that are open: "127.0.0.1:9250"; @index is below their number. (transfer none) */
guint cepa_proxy_get_n_listeners (const CepaProxy *self);
const char *cepa_proxy_get_address (const CepaProxy *self, guint index);

typedef void (*CepaProxyFunc) (gpointer user_data, CepaApplication *application);

/* Calls @func for every stream that was asked for and has not ended; it ends none. */
void cepa_proxy_foreach (CepaProxy *self, CepaProxyFunc func, gpointer user_data);

/**
 * cepa_proxy_close_stream:
 * @reason: of END
 *
 * Returns: FALSE with CEPA_ERROR_NOT_FOUND when there is no such stream.
 */
gboolean cepa_proxy_close_stream (CepaProxy *self, guint64 number, guint reason, GError **error);

G_END_DECLS
