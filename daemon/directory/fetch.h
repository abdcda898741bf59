/* SPDX-License-Identifier: BSD-3-Clause */
/* One question to one directory server, over a one-hop circuit to its onion-routing port. */
#pragma once

#include <glib.h>

#include "channel/pool.h"
#include "circuit/circuit.h"
#include "directory/http.h"

G_BEGIN_DECLS

typedef struct _CepaFetch CepaFetch;

/* How far a fetch is. */
typedef enum
{
  CEPA_FETCH_ASKED,     /* the question was sent */
  CEPA_FETCH_ANSWERING, /* the first bytes came */
} CepaFetchStage;

/**
 * CepaFetchFuncs:
 * @progress: (nullable): each stage once
 * @done: (nullable response): over, once: @response with any status, or @error. @self is freed after the call.
 */
typedef struct
{
  void (*progress) (gpointer user_data, CepaFetch *self, CepaFetchStage stage);
  void (*done) (gpointer user_data, CepaFetch *self, const CepaHttpResponse *response, const GError *error);
} CepaFetchFuncs;

/**
 * cepa_fetch_new:
 * @server: who is asked; without an onion key by CREATE_FAST
 * @resource: "/tor/..."
 * @headers: (nullable): more header lines, each with CRLF
 * @max_size: of the decoded answer, bytes
 *
 * Begins at the next turn of the loop. Less than 4 KiB in 15 seconds, or ten minutes in all, end it with CEPA_ERROR_TIMEOUT.
 * What comes is unpacked as it comes, so that a bomb ends it before it has grown, and a step each turn of the loop, so that
 * nothing holds it; a server that sends faster than that is made to wait.
 *
 * Returns: (transfer none): it frees itself after @done; cepa_fetch_cancel() ends it before.
 */
CepaFetch *cepa_fetch_new (GMainContext *context, CepaChannelPool *channels, CepaRandom *random, guint32 number,
                           const CepaCircuitHop *server, const char *resource, const char *headers, gsize max_size,
                           const CepaFetchFuncs *funcs, gpointer user_data);

/* Ends it without calling @done. */
void cepa_fetch_cancel (CepaFetch *self);

const CepaCircuitHop *cepa_fetch_get_server (const CepaFetch *self); /* (transfer none) */
CepaCircuit *cepa_fetch_get_circuit (const CepaFetch *self);         /* (transfer none) (nullable): before it starts */
const char *cepa_fetch_get_resource (const CepaFetch *self);         /* (transfer none) */

/* Bytes of the answer as they came, head and encoding included. */
gsize cepa_fetch_get_received (const CepaFetch *self);

G_END_DECLS
