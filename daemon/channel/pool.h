/* SPDX-License-Identifier: BSD-3-Clause */
/* The channels there are: one for each relay, made when first wanted, closed when long unused. */
#pragma once

#include <glib.h>

#include "channel/connection.h"

G_BEGIN_DECLS

typedef struct _CepaChannelPool CepaChannelPool;

/**
 * CepaChannelPoolFuncs:
 * @progress: a connection reached a stage; for the bootstrap report
 * @opened: (nullable): the link handshake of @channel is done: cepa_channel_tells_time() and the like can be asked
 */
typedef struct
{
  void (*progress) (gpointer user_data, CepaConnectionStage stage);
  gpointer user_data;
  void (*opened) (gpointer user_data, CepaChannel *channel);
} CepaChannelPoolFuncs;

/* @clock: @random: @dialer: @events: (nullable): outlive the pool and whatever has a channel of it. */
CepaChannelPool *cepa_channel_pool_new (GMainContext *context, const CepaClock *clock, CepaRandom *random,
                                        CepaDialer *dialer, const CepaChannelPoolFuncs *funcs,
                                        CepaEventSink *events);

/* @padding: (transfer none): outlives the pool; for channels that are made from now on. */
void cepa_channel_pool_set_padding (CepaChannelPool *self, CepaPadding *padding);

/* Every channel must have been closed and ended: see cepa_channel_pool_close_all() and _is_empty(). */
void cepa_channel_pool_free (CepaChannelPool *self);

/**
 * cepa_channel_pool_get:
 *
 * Returns: (transfer full): a channel to @target, connecting or open: one that is there, is not bad and is for
 * the same identities and IPv4 address, else a new one.
 */
CepaChannel *cepa_channel_pool_get (CepaChannelPool *self, const CepaChannelTarget *target);

typedef void (*CepaChannelPoolFunc) (gpointer user_data, CepaChannel *channel);

/* Calls @func for every channel that is not closed; it makes and closes none. */
void cepa_channel_pool_foreach (CepaChannelPool *self, CepaChannelPoolFunc func, gpointer user_data);

/* Returns: (transfer none): what went over all channels that there were; grows. */
const CepaChannelTotals *cepa_channel_pool_get_totals (const CepaChannelPool *self);

/* Closes those that no circuit uses, now. */
void cepa_channel_pool_close_unused (CepaChannelPool *self, const GError *reason);

/* Closes every channel; they end over the next turns of the loop. */
void cepa_channel_pool_close_all (CepaChannelPool *self, const GError *reason);
gboolean cepa_channel_pool_is_empty (const CepaChannelPool *self);

G_END_DECLS
