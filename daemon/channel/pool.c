/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/pool.h"

#include <string.h>

#include "base/error.h"
#include "base/loop.h"

/* A channel without circuits closes after a random time in this range (ctor.md P7: 180 to 270 s). */
#define POOL_IDLE_MIN_S 180
#define POOL_IDLE_SPREAD_S 90

struct _CepaChannelPool
{
  GMainContext *context;
  const CepaClock *clock;
  CepaRandom *random;
  CepaDialer *dialer;
  CepaChannelPoolFuncs funcs;
  CepaEventSink *events;  /* (nullable) */
  CepaChannelTotals totals;
  GPtrArray *connections; /* (element-type CepaConnection): they free themselves after closed */
  CepaLoopWatch *idle;          /* looks for channels that nobody uses */
  gint64 idle_limit_us;
  CepaPadding *padding;   /* (nullable) */
};

static void
pool_connection_progress (gpointer user_data, CepaConnection *connection, CepaConnectionStage stage)
{
  CepaChannelPool *self = user_data;

  if (self->funcs.opened != NULL && stage == CEPA_CONNECTION_HANDSHAKE_DONE)
    self->funcs.opened (self->funcs.user_data, cepa_connection_get_channel (connection));
  if (self->funcs.progress != NULL)
    self->funcs.progress (self->funcs.user_data, stage);
}

static void
pool_connection_closed (gpointer user_data, CepaConnection *connection)
{
  CepaChannelPool *self = user_data;

  g_ptr_array_remove_fast (self->connections, connection);
}

/* Closes what is due; returns microseconds until the next may be, -1 when nothing is idle. */
static gint64
pool_close_idle (CepaChannelPool *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "nothing uses it any more");
  gint64 now = cepa_clock_monotonic_us (self->clock), next = -1;

  for (guint i = 0; i < self->connections->len; i++)
    {
      CepaChannel *channel = cepa_connection_get_channel (g_ptr_array_index (self->connections, i));
      gint64 since = cepa_channel_get_idle_since_us (channel);
      gint64 left = since + self->idle_limit_us - now;

      if (cepa_channel_get_state (channel) == CEPA_CHANNEL_CLOSED)
        continue;
      if (since != 0 && left <= 0)
        cepa_channel_close (channel, reason);
      else
        next = next < 0 ? MAX (left, self->idle_limit_us / 4) : MIN (next, MAX (left, self->idle_limit_us / 4));
    }
  return next;
}

static void
pool_idle_due (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaChannelPool *self = user_data;

  cepa_loop_set_delay (self->idle, pool_close_idle (self));
}

CepaChannelPool *
cepa_channel_pool_new (GMainContext *context, const CepaClock *clock, CepaRandom *random, CepaDialer *dialer,
                       const CepaChannelPoolFuncs *funcs, CepaEventSink *events)
{
  CepaChannelPool *self = g_new0 (CepaChannelPool, 1);

  self->context = g_main_context_ref (context);
  self->clock = clock;
  self->random = random;
  self->dialer = dialer;
  self->funcs = *funcs;
  self->events = events;
  self->connections = g_ptr_array_new ();
  self->idle = cepa_loop_watch_fd (context, -1, "channel idle", pool_idle_due, self);
  self->idle_limit_us
      = (POOL_IDLE_MIN_S + (gint64) cepa_random_below (random, POOL_IDLE_SPREAD_S + 1)) * G_USEC_PER_SEC;
  return self;
}

void
cepa_channel_pool_set_padding (CepaChannelPool *self, CepaPadding *padding)
{
  self->padding = padding;
}

void
cepa_channel_pool_free (CepaChannelPool *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (self->connections->len == 0);
  cepa_loop_clear (&self->idle);
  g_ptr_array_unref (self->connections);
  g_main_context_unref (self->context);
  g_free (self);
}

static gboolean
pool_fits (CepaChannel *channel, const CepaChannelTarget *target)
{
  const CepaChannelTarget *have = cepa_channel_get_target (channel);

  if (cepa_channel_get_state (channel) == CEPA_CHANNEL_CLOSED || cepa_channel_is_bad (channel))
    return FALSE;
  /* Not every source of a target knows the IPv6 address; the identity is what counts. */
  if (memcmp (have->rsa_id, target->rsa_id, sizeof have->rsa_id) != 0 || have->ipv4 != target->ipv4
      || have->or_port != target->or_port)
    return FALSE;
  /* One that was made without knowing the Ed25519 identity has not checked it. */
  return !target->has_ed25519_id
         || (have->has_ed25519_id
             && memcmp (have->ed25519_id, target->ed25519_id, sizeof have->ed25519_id) == 0);
}

CepaChannel *
cepa_channel_pool_get (CepaChannelPool *self, const CepaChannelTarget *target)
{
  CepaConnectionFuncs funcs = { pool_connection_progress, pool_connection_closed, self };
  CepaChannel *channel;

  for (guint i = 0; i < self->connections->len; i++)
    {
      channel = cepa_connection_get_channel (g_ptr_array_index (self->connections, i));
      if (pool_fits (channel, target))
        return cepa_channel_ref (channel);
    }
  channel = cepa_channel_new (target, self->clock, self->random);
  cepa_channel_set_padding (channel, self->padding);
  g_ptr_array_add (self->connections, cepa_connection_new (self->context, channel, self->dialer, self->random, &funcs));
  if (!cepa_loop_has_delay (self->idle))
    cepa_loop_set_delay (self->idle, self->idle_limit_us);
  cepa_channel_launched (channel, self->events, &self->totals);
  return channel;
}

void
cepa_channel_pool_foreach (CepaChannelPool *self, CepaChannelPoolFunc func, gpointer user_data)
{
  for (guint i = 0; i < self->connections->len; i++)
    {
      CepaChannel *channel = cepa_connection_get_channel (g_ptr_array_index (self->connections, i));

      if (cepa_channel_get_state (channel) != CEPA_CHANNEL_CLOSED)
        func (user_data, channel);
    }
}

const CepaChannelTotals *
cepa_channel_pool_get_totals (const CepaChannelPool *self)
{
  return &self->totals;
}

void
cepa_channel_pool_close_unused (CepaChannelPool *self, const GError *reason)
{
  for (guint i = 0; i < self->connections->len; i++)
    {
      CepaChannel *channel = cepa_connection_get_channel (g_ptr_array_index (self->connections, i));

      if (cepa_channel_get_n_circuits (channel) == 0)
        cepa_channel_close (channel, reason);
    }
}

void
cepa_channel_pool_close_all (CepaChannelPool *self, const GError *reason)
{
  for (guint i = 0; i < self->connections->len; i++)
    cepa_channel_close (cepa_connection_get_channel (g_ptr_array_index (self->connections, i)), reason);
}

gboolean
cepa_channel_pool_is_empty (const CepaChannelPool *self)
{
  return self->connections->len == 0;
}
