/* SPDX-License-Identifier: BSD-3-Clause */
/* A fake relay behind a listening socket and TLS, in the loop of the test; it can be a directory server too. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "support/fake-relay.h"

G_BEGIN_DECLS

typedef struct _FakeServer FakeServer;
typedef struct _FakeLink FakeLink;

/* A connection to the server. */
struct _FakeLink
{
  FakeServer *server;
  FakeRelay *relay;
  gboolean is_deaf; /* reads nothing more */
  gpointer priv; /* private */
};

/**
 * FakeServer:
 * @port: on 127.0.0.1, where it listens
 * @greeting: (nullable): sent instead of TLS
 * @hangs_up: connections are closed as soon as they are there
 * @prepare: (nullable): a connection is there; changes how its relay behaves
 * @heard: (nullable): for each cell that came over @link, after the relay has dealt with it
 * @links: (element-type FakeLink): connections that have not been closed
 * @n_accepted: connections so far
 */
struct _FakeServer
{
  guint16 port;
  const char *greeting;
  gboolean hangs_up;
  void (*prepare) (FakeLink *link, gpointer user_data);
  void (*heard) (FakeLink *link, const FakeCell *cell, gpointer user_data);
  gpointer user_data;
  GPtrArray *links;
  guint n_accepted;
  gpointer priv; /* private */
};

FakeServer *fake_server_new (GMainContext *context);
void fake_server_free (FakeServer *self);

/* As fake_relay_get_target() and fake_relay_get_hop(), at the server's port. */
void fake_server_get_target (FakeServer *self, CepaChannelTarget *out);
void fake_server_get_hop (FakeServer *self, guint i, CepaCircuitHop *out);

/* Sends what the relay has in its output as soon as the socket takes it; fake cells that were queued outside of
   @heard need it. */
void fake_link_flush (FakeLink *link);

/* Closes the socket, without a word or with TLS's goodbye. The link is no more. */
void fake_link_close (FakeLink *link);
void fake_link_bye (FakeLink *link);

/* Sends @len bytes on a stream to the client as DATA of at most 498 bytes each. */
void fake_link_send_data (FakeLink *link, guint32 circuit_id, guint hop, guint16 stream_id, const void *data,
                          gsize len);

/* (transfer none): a clock that runs, and whose date is FAKE_NOW_S. */
const CepaClock *fake_server_clock (void);

G_END_DECLS
