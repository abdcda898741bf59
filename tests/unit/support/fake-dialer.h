/* SPDX-License-Identifier: BSD-3-Clause */
/* A dialer without a plugin: TCP to the target's IPv4 address, and whatever a test wants it to do instead. */
#pragma once

#include <glib.h>

#include "channel/dialer.h"

G_BEGIN_DECLS

/**
 * FakeDialer:
 * @base: for whoever wants a CepaDialer
 * @refuses: (nullable): attempts fail with this message before dial returns
 * @at_once: attempts succeed before dial returns
 * @is_silent: attempts never end
 * @says_ipv6: attempts end as if the connection were to the IPv6 address
 * @target: of the last attempt
 */
typedef struct
{
  CepaDialer base;
  const char *refuses;
  gboolean at_once, is_silent, says_ipv6;
  CepaChannelTarget target;
  guint n_dialed, n_cancelled;
  GMainContext *context;
  GHashTable *attempts; /* private */
} FakeDialer;

FakeDialer *fake_dialer_new (GMainContext *context);

/* Every attempt must have ended. */
void fake_dialer_free (FakeDialer *self);

G_END_DECLS
