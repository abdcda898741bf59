/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths whose relays are drawn by the consensus' bandwidth weights. */
#pragma once

#include <cepa/path.h>

G_BEGIN_DECLS

typedef struct _CepaWeighted CepaWeighted;

/* @host: must outlive the instance. */
CepaWeighted *cepa_weighted_new (const CepaHost *host);
void cepa_weighted_free (CepaWeighted *self);

/**
 * CepaWeightedRule:
 * @agrees: (nullable): whether @row may be the hop @hop of a path for @request beside the @n_others rows that were
 *   taken before it
 *
 * One rule more than the core's, of a policy that is built on this one. With the same arguments it answers the same.
 */
typedef struct
{
  gboolean (*agrees) (void *context, const CepaNetworkView *view, const CepaPathRequest *request, guint hop,
                      guint32 row, const guint32 *others, guint n_others);
  void *context;
} CepaWeightedRule;

/* @rule: (transfer none): copied; its context must outlive the instance */
void cepa_weighted_set_rule (CepaWeighted *self, const CepaWeightedRule *rule);

/* Makes the tables for @view, unless they are there. O(n). */
void cepa_weighted_prepare (CepaWeighted *self, const CepaNetworkView *view);

/**
 * cepa_weighted_choose:
 * @path: (out): as CepaPathTable.choose_path
 *
 * Takes the settled relays, then draws the last one, the first one, those between (path-spec: "Path selection and
 * constraints"), each with a chance in proportion to its weight for the place among those that fit the request and the
 * relays taken before it. Where the request has guards, the first relay is the first of them that leaves a path.
 *
 * Returns: FALSE with CEPA_PLUGIN_ERROR_NO_PATH when none fit, CEPA_PLUGIN_ERROR_UNSUPPORTED for a purpose or
 * length that it does not know.
 */
gboolean cepa_weighted_choose (CepaWeighted *self, const CepaNetworkView *view,
                               const CepaPathRequest *request, CepaPath *path, GError **error);

G_END_DECLS
