/* SPDX-License-Identifier: BSD-3-Clause */
/* The client as a whole: channels, directory, circuits and proxy put together. */
#pragma once

#include <glib.h>

#include "config/command-line.h"
#include "host/host.h"

G_BEGIN_DECLS

typedef struct _CepaClient CepaClient;

/**
 * CepaClientFuncs:
 * @shutdown: somebody who may asks for the end
 * @failed: it cannot go on: the daemon has to end
 */
typedef struct
{
  void (*shutdown) (gpointer user_data);
  void (*failed) (gpointer user_data, const GError *error);
  gpointer user_data;
} CepaClientFuncs;

/**
 * cepa_client_new:
 * @context: the thread's default context
 * @line: outlives the client
 * @host: outlives the client; its plugins run when the client is started, and until it has stopped
 *
 * Returns: (transfer full) (nullable): a client whose ports are open; NULL with CEPA_ERROR_CONFIG when one
 * cannot be opened.
 */
CepaClient *cepa_client_new (GMainContext *context, const CepaCommandLine *line, CepaPluginHost *host,
                             const CepaClientFuncs *funcs, GError **error);

/* Begins to work. */
void cepa_client_start (CepaClient *self);

/**
 * cepa_client_stop:
 *
 * Refuses new work, ends connections, circuits, requests and channels, in this order. Channels end over the
 * next turns of the loop: go on until cepa_client_is_stopped().
 */
void cepa_client_stop (CepaClient *self);
gboolean cepa_client_is_stopped (const CepaClient *self);

/* After it has stopped. */
void cepa_client_free (CepaClient *self);

G_END_DECLS
