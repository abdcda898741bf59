/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of an application: its SOCKS handshake, its stream, and the bytes between the two. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "path/circuits.h"
#include "proxy/tracked-exits.h"

G_BEGIN_DECLS

typedef struct _CepaApplication CepaApplication;

/* What connections of one proxy have in common; outlives them. */
typedef struct
{
  GMainContext *context;
  const CepaClock *clock;
  CepaCircuits *circuits;
  gboolean reject_internal;
  gint64 timeout_us;     /* SocksTimeout: from the first byte until the stream is connected */
  gint64 try_us;         /* CircuitStreamTimeout: for one try on one circuit; 0: as C Tor has it */
  CepaTrackedExits *exits;
  CepaEventSink *events; /* (nullable) */
  void (*closed) (gpointer user_data, CepaApplication *application); /* it is freed after the call */
  gpointer user_data;
} CepaApplicationShared;

/**
 * cepa_application_new:
 * @fd: (transfer full): a connected non-blocking socket
 * @number: of the stream
 * @keeps_alive: as for cepa_proxy_listen()
 * @listener: @peer: where it came in and from where: streams of different ones never share a circuit
 * @peer_port: for who watches
 *
 * Returns: (transfer full): it frees itself when it ends, after @closed.
 */
CepaApplication *cepa_application_new (const CepaApplicationShared *shared, int fd, guint64 number,
                                       const char *listener, gboolean keeps_alive, const char *peer,
                                       guint16 peer_port);

/* How far its stream is, for who watches. */
typedef enum
{
  CEPA_APPLICATION_NONE, /* nothing was asked for yet */
  CEPA_APPLICATION_NEW,  /* it waits for a circuit */
  CEPA_APPLICATION_ATTACHED,
  CEPA_APPLICATION_OPEN,
  CEPA_APPLICATION_CLOSED,
} CepaApplicationState;

CepaApplicationState cepa_application_get_state (const CepaApplication *self);
guint64 cepa_application_get_number (const CepaApplication *self);
guint64 cepa_application_get_circuit_number (const CepaApplication *self); /* 0 for none */
char *cepa_application_dup_target (const CepaApplication *self);           /* (transfer full): "host:port" */
const char *cepa_application_get_source (const CepaApplication *self);     /* (transfer none): "address:port" */
gint64 cepa_application_get_created_us (const CepaApplication *self);      /* since 1970, of the request */

/* What has gone to and from the application through streams: without what was sent in vain on a circuit before. */
guint64 cepa_application_get_bytes_read (const CepaApplication *self);
guint64 cepa_application_get_bytes_written (const CepaApplication *self);

/* Ends its stream; an application that waits is told as if an exit had given @reason (of END). */
void cepa_application_close (CepaApplication *self, guint reason);

/* Ends it at once, without @closed being called. */
void cepa_application_abort (CepaApplication *self);

G_END_DECLS
