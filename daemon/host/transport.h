/* SPDX-License-Identifier: BSD-3-Clause */
/* Transport plugins as the core sees them: one dialer. */
#pragma once

#include <glib.h>

#include "channel/dialer.h"
#include "host/host.h"
#include "network/reachability.h"

G_BEGIN_DECLS

typedef struct _CepaHostTransport CepaHostTransport;

/* @host: outlives it */
CepaHostTransport *cepa_host_transport_new (CepaPluginHost *host);

/* Every attempt has ended. */
void cepa_host_transport_free (CepaHostTransport *self);

/* Returns: (transfer none): connects through the running transport plugin; fails while there is none. */
CepaDialer *cepa_host_transport_get_dialer (CepaHostTransport *self);

/* Which addresses of relays are dialed from now on, and which first. @reachability: copied, its policy kept by reference;
   at first everything is, IPv4 first. */
void cepa_host_transport_set_reachability (CepaHostTransport *self, const CepaReachability *reachability);

G_END_DECLS
