/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection to one address of a relay, through the upstream proxy where there is one. */
#pragma once

#include <cepa/host.h>

#include "config.h"

G_BEGIN_DECLS

typedef struct _CepaDirectConnector CepaDirectConnector;

/* @fd: (transfer full): connected, and the proxy has answered; -1 with @error (transfer full). The connector is to be
   freed then, which may be done in this call. */
typedef void (*CepaDirectConnectorFunc) (gpointer user_data, CepaDirectConnector *self, int fd, GError *error);

/**
 * cepa_direct_connector_new:
 * @config: outlives it; the proxy's address is known
 * @relay: to connect to
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_NETWORK when it failed at once; @func is not called
 * then, nor before this returns.
 */
CepaDirectConnector *cepa_direct_connector_new (const CepaHost *host, const CepaDirectConfig *config,
                                                const CepaAddress *relay, CepaDirectConnectorFunc func,
                                                gpointer user_data, GError **error);

/* Closes what it has. */
void cepa_direct_connector_free (CepaDirectConnector *self);

const CepaAddress *cepa_direct_connector_get_relay (const CepaDirectConnector *self); /* (transfer none) */

G_END_DECLS
