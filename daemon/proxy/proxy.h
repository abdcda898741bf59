/* SPDX-License-Identifier: BSD-3-Clause */
/* The SOCKS listeners and the connections of applications. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "path/circuits.h"

G_BEGIN_DECLS

typedef struct _CepaProxy CepaProxy;

/* @reject_internal: option ClientRejectInternalAddresses */
CepaProxy *cepa_proxy_new (GMainContext *context, const CepaClock *clock, CepaCircuits *circuits,
                           gboolean reject_internal);

/* Ends all connections at once. */
void cepa_proxy_free (CepaProxy *self);

/**
 * cepa_proxy_listen:
 * @option: @address: @port: as for cepa_listener_new()
 *
 * Opens a SOCKS port and logs it as C Tor does.
 */
gboolean cepa_proxy_listen (CepaProxy *self, const char *option, const char *address, guint16 port, GError **error);

G_END_DECLS
