/* SPDX-License-Identifier: BSD-3-Clause */
/* What a channel is on: a socket from a dialer, TLS, and the bytes between them and the channel. */
#pragma once

#include <glib.h>

#include "channel/channel.h"
#include "channel/dialer.h"

G_BEGIN_DECLS

typedef struct _CepaConnection CepaConnection;

/* How far a connection is; each is told once, in this order. */
typedef enum
{
  CEPA_CONNECTION_CONNECTING,     /* the dialer was asked */
  CEPA_CONNECTION_CONNECTED,      /* the dialer gave a socket */
  CEPA_CONNECTION_HANDSHAKE,      /* TLS is under way */
  CEPA_CONNECTION_HANDSHAKE_DONE, /* TLS is up, and the link handshake too */
} CepaConnectionStage;

/**
 * CepaConnectionFuncs:
 * @progress: a stage was reached
 * @closed: all is over; @self is freed after the call
 */
typedef struct
{
  void (*progress) (gpointer user_data, CepaConnection *self, CepaConnectionStage stage);
  void (*closed) (gpointer user_data, CepaConnection *self);
  gpointer user_data;
} CepaConnectionFuncs;

/**
 * cepa_connection_new:
 * @context: where its events are dispatched
 * @channel: (transfer none): kept by reference; its target says where to connect
 * @dialer: connects
 *
 * Connecting begins at the next turn of the loop; a failure is told through the channel's close.
 *
 * Returns: (transfer full): it ends itself when the channel closes.
 */
CepaConnection *cepa_connection_new (GMainContext *context, CepaChannel *channel, CepaDialer *dialer,
                                     CepaRandom *random, const CepaConnectionFuncs *funcs);

CepaChannel *cepa_connection_get_channel (CepaConnection *self); /* (transfer none) */

G_END_DECLS
