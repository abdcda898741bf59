/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may read the metrics: lines of MetricsPortPolicy. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _CepaPrometheusPolicy CepaPrometheusPolicy;

/**
 * cepa_prometheus_policy_new:
 * @lines: (array zero-terminated=1): "accept 127.0.0.1", "reject 10.0.0.0/8, accept *"; see README.md
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_PLUGIN_ERROR_INVALID that names the entry.
 */
CepaPrometheusPolicy *cepa_prometheus_policy_new (const char *const *lines, GError **error);
void cepa_prometheus_policy_free (CepaPrometheusPolicy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPrometheusPolicy, cepa_prometheus_policy_free)

/* What the first entry says that is about @address; FALSE when none is. */
gboolean cepa_prometheus_policy_accepts (const CepaPrometheusPolicy *self, GInetAddress *address);

/* Whether any entry accepts anybody. */
gboolean cepa_prometheus_policy_has_accept (const CepaPrometheusPolicy *self);

G_END_DECLS
