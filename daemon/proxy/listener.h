/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening TCP socket. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CepaListener CepaListener;

/* @fd: (transfer full): a connected non-blocking socket; @peer: its address in text */
typedef void (*CepaListenerFunc) (gpointer user_data, int fd, const char *peer, guint16 peer_port);

/**
 * cepa_listener_new:
 * @option: by which option it was asked for, for messages
 * @address: numeric IPv4 or IPv6
 * @port: 0 for any that is free
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG that names the option, the address and
 * what is wrong.
 */
CepaListener *cepa_listener_new (GMainContext *context, const char *option, const char *address, guint16 port,
                                 CepaListenerFunc func, gpointer user_data, GError **error);
void cepa_listener_free (CepaListener *self);

/* Returns: (transfer none): "127.0.0.1:9250", "[::1]:9250". */
const char *cepa_listener_get_address (const CepaListener *self);

G_END_DECLS
