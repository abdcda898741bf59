/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that controllers connect to. */
#pragma once

#include <cepa/host.h>
#include <gio/gio.h>

#include "address.h"

G_BEGIN_DECLS

typedef struct _CepaTorListener CepaTorListener;

/* @socket: (transfer full): of a controller, not blocking */
typedef void (*CepaTorAcceptFunc) (gpointer user_data, GSocket *socket);

/**
 * cepa_tor_listener_new:
 * @host: must outlive it
 *
 * Binds and listens. A Unix socket's file that nobody listens at any more is taken over; its folder must be one that
 * others cannot write to, unless the address says that this does not matter.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_NETWORK or CEPA_PLUGIN_ERROR_FILE.
 */
CepaTorListener *cepa_tor_listener_new (const CepaHost *host, const CepaTorAddress *address, CepaTorAcceptFunc func,
                                        gpointer user_data, GError **error);

/* Closes the socket and removes its file. */
void cepa_tor_listener_free (CepaTorListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTorListener, cepa_tor_listener_free)

/* Returns: (transfer none): "127.0.0.1:9051", "unix:/run/x": with the port that it got. */
const char *cepa_tor_listener_get_address (const CepaTorListener *self);

G_END_DECLS
