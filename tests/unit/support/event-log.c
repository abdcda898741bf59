/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/event-log.h"

#include <string.h>

#define LOG_START 99 /* nothing was told of it yet */
#define ALL_KINDS (CEPA_EVENT_CHANNEL | CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM)

/* A channel, circuit or stream. */
typedef struct
{
  guint kind;
  guint64 number;
  guint what; /* the last event */
  guint n;    /* hops */
  guint64 on; /* what it is on: its channel, its circuit; 0 for none */
} Life;

static const char *const log_channel_names[] = { "launched", "opened", "failed", "ended" };
static const char *const log_circuit_names[] = { "launched", "extended", "built", "failed", "ended" };
static const char *const log_stream_names[] = { "new", "attached", "succeeded", "detached", "failed", "ended" };

static Life *
log_find (EventLog *self, guint kind, guint64 number)
{
  guint64 key = number * 8 + kind;
  Life *life = g_hash_table_lookup (self->lives, &key);

  if (life != NULL)
    return life;
  life = g_new0 (Life, 1);
  life->kind = kind;
  life->number = number;
  life->what = LOG_START;
  g_hash_table_insert (self->lives, g_memdup2 (&key, sizeof key), life);
  return life;
}

static gboolean
log_is_over (const Life *life)
{
  return life->kind == CEPA_EVENT_CHANNEL   ? life->what >= CEPA_CHANNEL_EVENT_FAILED
         : life->kind == CEPA_EVENT_CIRCUIT ? life->what >= CEPA_CIRCUIT_EVENT_FAILED
                                            : life->what >= CEPA_STREAM_EVENT_FAILED;
}

/* Nothing may live on what has ended. */
static void
log_check_left (EventLog *self, guint kind, guint64 number)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->lives);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const Life *life = value;

      if (life->kind == kind << 1 && life->on == number)
        g_assert_true (log_is_over (life));
    }
}

static void
log_check_channel (Life *life, const CepaEvent *event)
{
  if (event->what == CEPA_CHANNEL_EVENT_LAUNCHED)
    g_assert_cmpuint (life->what, ==, LOG_START);
  else if (event->what == CEPA_CHANNEL_EVENT_ENDED)
    g_assert_cmpuint (life->what, ==, CEPA_CHANNEL_EVENT_OPENED);
  else
    g_assert_cmpuint (life->what, ==, CEPA_CHANNEL_EVENT_LAUNCHED);
}

/* It was made longer: it stays one that was built. */
static gboolean
log_is_made_longer (const Life *life, const CepaEvent *event)
{
  return event->kind == CEPA_EVENT_CIRCUIT && life->what == CEPA_CIRCUIT_EVENT_BUILT
         && event->what == CEPA_CIRCUIT_EVENT_EXTENDED;
}

static void
log_check_circuit (Life *life, const CepaEvent *event)
{
  gboolean is_building = life->what == CEPA_CIRCUIT_EVENT_LAUNCHED || life->what == CEPA_CIRCUIT_EVENT_EXTENDED;

  if (event->what == CEPA_CIRCUIT_EVENT_LAUNCHED)
    g_assert_cmpuint (life->what, ==, LOG_START);
  else if (event->what == CEPA_CIRCUIT_EVENT_ENDED)
    g_assert_cmpuint (life->what, ==, CEPA_CIRCUIT_EVENT_BUILT);
  else
    g_assert_true (is_building || log_is_made_longer (life, event));
  g_assert_cmpuint (event->n, ==, life->n + (event->what == CEPA_CIRCUIT_EVENT_EXTENDED));
  life->n = event->n;
  life->on = event->channel;
}

static void
log_check_stream (EventLog *self, Life *life, const CepaEvent *event)
{
  gboolean is_waiting = life->what == CEPA_STREAM_EVENT_NEW || life->what == CEPA_STREAM_EVENT_DETACHED;

  switch (event->what)
    {
    case CEPA_STREAM_EVENT_NEW:
      g_assert_cmpuint (life->what, ==, LOG_START);
      g_assert_cmpuint (event->circuit, ==, 0);
      break;
    case CEPA_STREAM_EVENT_ATTACHED:
      g_assert_true (is_waiting);
      g_assert_cmpuint (log_find (self, CEPA_EVENT_CIRCUIT, event->circuit)->what, ==, CEPA_CIRCUIT_EVENT_BUILT);
      life->on = event->circuit;
      break;
    case CEPA_STREAM_EVENT_FAILED:
      g_assert_true (is_waiting || life->what == CEPA_STREAM_EVENT_ATTACHED);
      break;
    case CEPA_STREAM_EVENT_ENDED:
      g_assert_cmpuint (life->what, ==, CEPA_STREAM_EVENT_SUCCEEDED);
      break;
    default:
      g_assert_cmpuint (life->what, ==, CEPA_STREAM_EVENT_ATTACHED);
    }
  g_assert_cmpuint (event->circuit, ==, life->on);
  if (event->what == CEPA_STREAM_EVENT_DETACHED)
    life->on = 0;
}

static void
log_write (EventLog *self, const char *kind, guint64 number, const char *what, const CepaEvent *event)
{
  g_string_append_printf (self->lines, "%s %" G_GUINT64_FORMAT " %s", kind, number, what);
  if (event->kind == CEPA_EVENT_CIRCUIT && event->what == CEPA_CIRCUIT_EVENT_EXTENDED)
    g_string_append_printf (self->lines, " %u", event->n);
  if (event->kind == CEPA_EVENT_STREAM && event->circuit != 0)
    g_string_append_printf (self->lines, " on %" G_GUINT64_FORMAT, event->circuit);
  if (event->reason != 0)
    g_string_append_printf (self->lines, " reason %u", event->reason);
  g_string_append_c (self->lines, '\n');
}

static void
log_cell (EventLog *self, const CepaEvent *event)
{
  g_array_append_val (self->cells, *event);
  g_assert_cmpint (event->queued_ns, <=, event->time_ns);
  if ((self->shown & CEPA_EVENT_CELL) != 0)
    g_string_append_printf (self->lines, "cell %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " %s %u relay %u\n",
                            event->channel, event->circuit,
                            event->what == CEPA_CELL_EVENT_SENT ? "sent" : "received", event->command,
                            event->relay_command);
}

static void
log_event (CepaEventSink *sink, const CepaEvent *event, gpointer object, const GError *reason)
{
  EventLog *self = (EventLog *) sink;
  guint64 number = event->kind == CEPA_EVENT_CHANNEL   ? event->channel
                   : event->kind == CEPA_EVENT_CIRCUIT ? event->circuit
                                                       : event->stream;
  const char *const *names = event->kind == CEPA_EVENT_CHANNEL   ? log_channel_names
                             : event->kind == CEPA_EVENT_CIRCUIT ? log_circuit_names
                                                                 : log_stream_names;
  const char *kind = event->kind == CEPA_EVENT_CHANNEL   ? "channel"
                     : event->kind == CEPA_EVENT_CIRCUIT ? "circuit"
                                                         : "stream";
  Life *life;

  g_assert_cmpuint (event->size, ==, sizeof *event);
  g_assert_cmpuint (event->kind & sink->wanted, !=, 0);
  g_assert_nonnull (object);
  g_assert_cmpint (event->time_ns, >, 0);
  if (event->kind == CEPA_EVENT_CELL)
    {
      log_cell (self, event);
      return;
    }
  g_assert_cmpuint (number, >, 0);
  life = log_find (self, event->kind, number);
  if (event->kind == CEPA_EVENT_CHANNEL)
    log_check_channel (life, event);
  else if (event->kind == CEPA_EVENT_CIRCUIT)
    log_check_circuit (life, event);
  else
    log_check_stream (self, life, event);
  if (!log_is_made_longer (life, event))
    life->what = event->what;
  if (log_is_over (life))
    log_check_left (self, event->kind, number);
  if (event->kind != CEPA_EVENT_STREAM)
    g_assert_cmpint (reason != NULL, ==, log_is_over (life));
  if ((self->shown & event->kind) != 0)
    log_write (self, kind, number, names[event->what], event);
}

void
event_log_init (EventLog *self, const CepaClock *clock)
{
  memset (self, 0, sizeof *self);
  self->sink.event = log_event;
  self->sink.clock = clock;
  self->sink.wanted = self->shown = ALL_KINDS;
  self->lines = g_string_new (NULL);
  self->cells = g_array_new (FALSE, FALSE, sizeof (CepaEvent));
  self->lives = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

void
event_log_clear (EventLog *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->lives);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_assert_true (log_is_over (value));
  g_hash_table_unref (self->lives);
  g_array_unref (self->cells);
  g_string_free (self->lines, TRUE);
}

void
event_log_expect (EventLog *self, const char *lines)
{
  g_assert_cmpstr (self->lines->str, ==, lines);
  g_string_truncate (self->lines, 0);
}

guint
event_log_count (const EventLog *self, const char *beginning)
{
  guint n = 0;

  for (const char *line = self->lines->str; *line != '\0'; line = strchr (line, '\n') + 1)
    n += g_str_has_prefix (line, beginning);
  return n;
}
