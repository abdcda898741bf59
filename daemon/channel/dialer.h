/* SPDX-License-Identifier: BSD-3-Clause */
/* How channels get their connected sockets: callbacks that a higher folder fills. */
#pragma once

#include <glib.h>

#include "channel/channel.h"

G_BEGIN_DECLS

typedef struct _CepaDialer CepaDialer;

/**
 * CepaDialerFunc:
 * @fd: (transfer full): a connected, non-blocking stream socket; -1 with @error
 * @is_ipv6: which of the target's addresses it is connected to
 * @error: (nullable) (transfer none)
 *
 * Ends an attempt, once. May be called before dial returns.
 */
typedef void (*CepaDialerFunc) (gpointer user_data, int fd, gboolean is_ipv6, const GError *error);

/**
 * CepaDialer:
 * @dial: begins to connect to one of the addresses of @target (transfer none); returns the attempt's number, 0
 *   when @func has been called already
 * @cancel: ends an attempt whose @func has not been called, which then is not called any more
 * @context: of whoever fills this
 *
 * It outlives whatever was given it.
 */
struct _CepaDialer
{
  guint64 (*dial) (CepaDialer *self, const CepaChannelTarget *target, CepaDialerFunc func, gpointer user_data);
  void (*cancel) (CepaDialer *self, guint64 attempt);
  gpointer context;
};

G_END_DECLS
