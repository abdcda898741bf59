/* SPDX-License-Identifier: BSD-3-Clause */
/* BW and STREAM_BW. */
#include "bandwidth.h"

#include <cepa/loop.h>
#include <cepa/services.h>

#include "describe.h"
#include "events.h"
#include "text.h"

#define TOR_BANDWIDTH_EVENTS (CEPA_TOR_EVENT_BW | CEPA_TOR_EVENT_STREAM_BW)

typedef struct
{
  guint64 read, written;
} TorBandwidthPair;

struct _CepaTorBandwidth
{
  CepaTorControl *control;
  uint64_t timer;
  guint64 mask;
  gint64 due_us;
  TorBandwidthPair last;
  TorBandwidthPair kept[CEPA_TOR_BANDWIDTH_KEPT];
  guint64 n_kept;      /* in all; the last of them are there */
  gboolean is_primed;  /* the streams that were there at the beginning have been looked at */
  GHashTable *streams; /* of guint64 to TorBandwidthPair: what each had when it was last looked at */
};

static TorBandwidthPair
tor_bandwidth_read (CepaTorBandwidth *self)
{
  g_autoptr (GVariant) read = cepa_tor_get (self->control, "Client1", "BytesRead", "t");
  g_autoptr (GVariant) written = cepa_tor_get (self->control, "Client1", "BytesWritten", "t");

  return (TorBandwidthPair) { read != NULL ? g_variant_get_uint64 (read) : 0,
                              written != NULL ? g_variant_get_uint64 (written) : 0 };
}

static void
tor_bandwidth_tell (CepaTorBandwidth *self)
{
  TorBandwidthPair now = tor_bandwidth_read (self);
  TorBandwidthPair *pair = &self->kept[self->n_kept++ % CEPA_TOR_BANDWIDTH_KEPT];
  char text[64];
  int len;

  *pair = (TorBandwidthPair) { now.read - MIN (now.read, self->last.read),
                               now.written - MIN (now.written, self->last.written) };
  self->last = now;
  len = g_snprintf (text, sizeof text, "650 BW %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\r\n", pair->read,
                    pair->written);
  cepa_tor_events_emit (self->control, CEPA_TOR_EVENT_BW, text, (gsize) len);
}

static TorBandwidthPair
tor_bandwidth_read_stream (GVariant *stream)
{
  return (TorBandwidthPair) { cepa_tor_dict_number (stream, "bytes-read"),
                              cepa_tor_dict_number (stream, "bytes-written") };
}

/* The event of a stream, if it has moved. */
static void
tor_bandwidth_tell_stream (CepaTorBandwidth *self, guint64 id, TorBandwidthPair now)
{
  const TorBandwidthPair *known = g_hash_table_lookup (self->streams, &id);
  TorBandwidthPair before = known != NULL ? *known : (TorBandwidthPair) { 0, 0 };
  g_autoptr (GString) out = g_string_new (NULL);
  guint64 written = now.written - MIN (now.written, before.written), read = now.read - MIN (now.read, before.read);

  if (written == 0 && read == 0)
    return;
  g_string_printf (out, "650 STREAM_BW %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " ", id,
                   written, read);
  cepa_tor_text_append_time_us (out, cepa_host_wall_s (self->control->host) * G_USEC_PER_SEC);
  g_string_append (out, "\r\n");
  cepa_tor_events_emit (self->control, CEPA_TOR_EVENT_STREAM_BW, out->str, out->len);
}

static void
tor_bandwidth_on_streams (gpointer user_data, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  CepaTorBandwidth *self = user_data;
  GHashTable *seen;
  g_autoptr (GVariant) list = NULL;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    return;
  seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  list = g_variant_get_child_value (result, 0);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) stream = g_variant_get_child_value (list, i);
      guint64 id = cepa_tor_dict_number (stream, "id");
      TorBandwidthPair now = tor_bandwidth_read_stream (stream);

      if (self->is_primed)
        tor_bandwidth_tell_stream (self, id, now);
      g_hash_table_replace (seen, g_memdup2 (&id, sizeof id), g_memdup2 (&now, sizeof now));
    }
  g_hash_table_unref (self->streams);
  self->streams = seen;
  self->is_primed = TRUE;
}

static void
tor_bandwidth_look_at_streams (CepaTorBandwidth *self)
{
  cepa_tor_call (self->control, "Streams1", "List", NULL, tor_bandwidth_on_streams, self, NULL);
}

void
cepa_tor_bandwidth_end_stream (CepaTorBandwidth *self, guint64 id, GVariant *stream)
{
  if ((self->mask & CEPA_TOR_EVENT_STREAM_BW) == 0 || !self->is_primed)
    return;
  tor_bandwidth_tell_stream (self, id, tor_bandwidth_read_stream (stream));
  g_hash_table_remove (self->streams, &id);
}

static void
tor_bandwidth_on_second (void *user_data)
{
  CepaTorBandwidth *self = user_data;
  gint64 now_us = cepa_host_monotonic_us (self->control->host);

  /* Seconds that nobody was there for are not made up for. */
  self->due_us = MAX (self->due_us, now_us - G_USEC_PER_SEC) + G_USEC_PER_SEC;
  cepa_host_timer_set (self->control->host, self->timer, MAX (self->due_us - now_us, 0));
  tor_bandwidth_tell (self);
  if ((self->mask & CEPA_TOR_EVENT_STREAM_BW) != 0)
    tor_bandwidth_look_at_streams (self);
}

CepaTorBandwidth *
cepa_tor_bandwidth_new (CepaTorControl *control)
{
  CepaTorBandwidth *self = g_new0 (CepaTorBandwidth, 1);

  self->control = control;
  self->timer = cepa_host_timer_new (control->host, tor_bandwidth_on_second, self);
  self->streams = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  return self;
}

void
cepa_tor_bandwidth_free (CepaTorBandwidth *self)
{
  cepa_host_timer_free (self->control->host, self->timer);
  g_hash_table_unref (self->streams);
  g_free (self);
}

void
cepa_tor_bandwidth_update (CepaTorBandwidth *self, guint64 mask)
{
  guint64 old = self->mask;

  self->mask = mask & TOR_BANDWIDTH_EVENTS;
  if ((self->mask & CEPA_TOR_EVENT_STREAM_BW) == 0)
    {
      g_hash_table_remove_all (self->streams);
      self->is_primed = FALSE;
    }
  else if ((old & CEPA_TOR_EVENT_STREAM_BW) == 0)
    tor_bandwidth_look_at_streams (self);
  if ((old != 0) == (self->mask != 0))
    return;
  if (self->mask == 0)
    {
      cepa_host_timer_set (self->control->host, self->timer, -1);
      self->n_kept = 0;
      return;
    }
  self->last = tor_bandwidth_read (self);
  self->due_us = cepa_host_monotonic_us (self->control->host) + G_USEC_PER_SEC;
  cepa_host_timer_set (self->control->host, self->timer, G_USEC_PER_SEC);
}

void
cepa_tor_bandwidth_append_cache (const CepaTorBandwidth *self, GString *out)
{
  guint64 first = self->n_kept - MIN (self->n_kept, CEPA_TOR_BANDWIDTH_KEPT);

  for (guint64 i = first; i < self->n_kept; i++)
    {
      const TorBandwidthPair *pair = &self->kept[i % CEPA_TOR_BANDWIDTH_KEPT];

      g_string_append_printf (out, "%s%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT, i > first ? " " : "", pair->read,
                              pair->written);
    }
}
