/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection of an application: its SOCKS handshake, its stream, and the bytes between the two. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "path/circuits.h"

G_BEGIN_DECLS

typedef struct _CepaApplication CepaApplication;

/* What connections of one proxy have in common; outlives them. */
typedef struct
{
  GMainContext *context;
  const CepaClock *clock;
  CepaCircuits *circuits;
  gboolean reject_internal;
  void (*closed) (gpointer user_data, CepaApplication *application); /* it is freed after the call */
  gpointer user_data;
} CepaApplicationShared;

/**
 * cepa_application_new:
 * @fd: (transfer full): a connected non-blocking socket
 * @number: of the stream, for the log
 * @listener: @peer: where it came in and from where: streams of different ones never share a circuit
 *
 * Returns: (transfer full): it frees itself when it ends, after @closed.
 */
CepaApplication *cepa_application_new (const CepaApplicationShared *shared, int fd, guint32 number,
                                       const char *listener, const char *peer);

/* Ends it at once, without @closed being called. */
void cepa_application_abort (CepaApplication *self);

G_END_DECLS
