/* SPDX-License-Identifier: BSD-3-Clause */
/* A small HTTP server over the daemon's loop: GET /metrics, one answer a connection. */
#pragma once

#include <cepa/host.h>

#include "policy.h"

G_BEGIN_DECLS

/* Connections at a time, over all ports; others wait in the kernel. */
#define CEPA_PROMETHEUS_MAX_CLIENTS 16
/* From the beginning of a connection until its end. */
#define CEPA_PROMETHEUS_CLIENT_US (10 * G_USEC_PER_SEC)

typedef struct _CepaPrometheusServer CepaPrometheusServer;

/* @host: outlives it; @policy: (transfer full) */
CepaPrometheusServer *cepa_prometheus_server_new (const CepaHost *host, CepaPrometheusPolicy *policy);

/* Ends every connection at once. */
void cepa_prometheus_server_free (CepaPrometheusServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPrometheusServer, cepa_prometheus_server_free)

/**
 * cepa_prometheus_server_listen:
 * @port: "PORT", "ADDRESS:PORT" or "[ADDRESS]:PORT", with "auto" for a port that is free, and perhaps " prometheus"
 *   behind; "0" for none
 *
 * Returns: FALSE with CEPA_PLUGIN_ERROR_INVALID or CEPA_PLUGIN_ERROR_NETWORK that name the port.
 */
gboolean cepa_prometheus_server_listen (CepaPrometheusServer *self, const char *port, GError **error);

/* Returns: (transfer full): where it listens, one a line: "127.0.0.1:9035". */
char *cepa_prometheus_server_list_addresses (const CepaPrometheusServer *self);

G_END_DECLS
