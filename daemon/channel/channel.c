/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/channel.h"

#include <cepa/event.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "channel/channel-private.h"
#include "channel/mux.h"

#define CHANNEL_ID_TRIES 64 /* draws of a circuit id before giving up, as C Tor */

char *
cepa_channel_target_describe (const CepaChannelTarget *target)
{
  char hex[41];

  cepa_hex_encode_to (target->rsa_id, sizeof target->rsa_id, hex);
  return g_strdup_printf ("$%s at %u.%u.%u.%u:%u", hex, target->ipv4 >> 24, target->ipv4 >> 16 & 255,
                          target->ipv4 >> 8 & 255, target->ipv4 & 255, target->or_port);
}

static void
channel_wake (gpointer user_data)
{
  cepa_channel_wants_write (user_data);
}

CepaChannel *
cepa_channel_new (const CepaChannelTarget *target, const CepaClock *clock, CepaRandom *random)
{
  CepaChannel *self = g_new0 (CepaChannel, 1);

  self->ref_count = 1;
  self->target = *target;
  self->clock = clock;
  self->random = random;
  self->circuits = g_hash_table_new (NULL, NULL);
  self->waiting = g_ptr_array_new ();
  self->dirty = g_ptr_array_new ();
  self->padders = cepa_padders_new (&self->counts, channel_wake, self);
  self->idle_since_us = cepa_clock_monotonic_us (clock);
  return self;
}

CepaChannel *
cepa_channel_ref (CepaChannel *self)
{
  self->ref_count++;
  return self;
}

void
cepa_channel_unref (CepaChannel *self)
{
  if (--self->ref_count > 0)
    return;
  g_clear_pointer (&self->tls_certificate, g_bytes_unref);
  g_clear_pointer (&self->circuits, g_hash_table_unref);
  g_clear_pointer (&self->waiting, g_ptr_array_unref);
  g_clear_pointer (&self->dirty, g_ptr_array_unref);
  g_clear_pointer (&self->padder, cepa_padder_free);
  g_clear_pointer (&self->padders, cepa_padders_free);
  cepa_buffer_clear (&self->output);
  cepa_channel_trace_clear (self);
  g_free (self);
}

void
cepa_channel_set_over_ipv6 (CepaChannel *self)
{
  self->is_over_ipv6 = TRUE;
}

void
cepa_channel_set_shell (CepaChannel *self, const CepaChannelShell *shell)
{
  self->shell = *shell;
}

void
cepa_channel_wants_write (CepaChannel *self)
{
  if (self->shell.wants_write != NULL)
    self->shell.wants_write (self->shell.user_data);
}

void
cepa_channel_start_handshake (CepaChannel *self, GBytes *tls_certificate)
{
  g_return_if_fail (self->stage == CEPA_LINK_IDLE);
  self->tls_certificate = g_bytes_ref (tls_certificate);
  cepa_link_handshake_start (self);
  cepa_channel_wants_write (self);
}

CepaChannelState
cepa_channel_get_state (const CepaChannel *self)
{
  return self->state;
}

const CepaChannelTarget *
cepa_channel_get_target (const CepaChannel *self)
{
  return &self->target;
}

guint
cepa_channel_get_n_circuits (const CepaChannel *self)
{
  return g_hash_table_size (self->circuits) + self->waiting->len;
}

guint64
cepa_channel_get_number (const CepaChannel *self)
{
  return self->number;
}

const char *
cepa_channel_get_nickname (const CepaChannel *self)
{
  return self->target.nickname;
}

CepaEventSink *
cepa_channel_get_events (const CepaChannel *self)
{
  return self->events;
}

gint64
cepa_channel_get_idle_since_us (const CepaChannel *self)
{
  return self->idle_since_us;
}

gint64
cepa_channel_get_last_received_us (const CepaChannel *self)
{
  return self->last_received_us;
}

gboolean
cepa_channel_tells_time (const CepaChannel *self)
{
  return self->tells_time;
}

gint64
cepa_channel_get_skew_s (const CepaChannel *self)
{
  return self->skew_s;
}

gboolean
cepa_channel_is_bad (const CepaChannel *self)
{
  return self->is_bad;
}

void
cepa_channel_set_bad (CepaChannel *self)
{
  self->is_bad = TRUE;
}

/* A free id with the initiator's high bit (tor-spec: channels § circuit ids); 0 when none was found. */
static guint32
channel_draw_circuit_id (CepaChannel *self)
{
  guint32 high = self->link_version >= 4 ? 0x80000000u : 0x8000u;

  for (guint i = 0; i < CHANNEL_ID_TRIES; i++)
    {
      guint32 id = high | (cepa_random_u32 (self->random) & (high - 1));

      if (!g_hash_table_contains (self->circuits, GUINT_TO_POINTER (id)))
        return id;
    }
  return 0;
}

static gboolean
channel_give_id (CepaChannel *self, CepaChannelCircuit *circuit, GError **error)
{
  guint32 id = channel_draw_circuit_id (self);

  if (id == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "no circuit id is free on the channel");
      return FALSE;
    }
  circuit->id = id;
  g_hash_table_insert (self->circuits, GUINT_TO_POINTER (id), circuit);
  return TRUE;
}

gboolean
cepa_channel_attach (CepaChannel *self, CepaChannelCircuit *circuit, GError **error)
{
  g_return_val_if_fail (circuit->channel == NULL, FALSE);
  if (self->state == CEPA_CHANNEL_CLOSED)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED, "the channel is closed");
      return FALSE;
    }
  circuit->id = 0;
  circuit->is_dirty = FALSE;
  if (self->state == CEPA_CHANNEL_CONNECTING)
    g_ptr_array_add (self->waiting, circuit);
  else if (!channel_give_id (self, circuit, error))
    return FALSE;
  circuit->channel = cepa_channel_ref (self);
  self->idle_since_us = 0;
  if (circuit->for_applications && self->n_for_applications++ == 0)
    cepa_padder_set_in_use (self->padder, TRUE);
  return TRUE;
}

void
cepa_channel_detach (CepaChannelCircuit *circuit)
{
  CepaChannel *self = circuit->channel;

  if (self == NULL)
    return;
  if (circuit->id != 0)
    g_hash_table_remove (self->circuits, GUINT_TO_POINTER (circuit->id));
  else
    g_ptr_array_remove (self->waiting, circuit);
  if (self->last == circuit)
    self->last = NULL;
  for (guint i = 0; circuit->is_dirty && i < self->dirty->len; i++)
    if (g_ptr_array_index (self->dirty, i) == circuit)
      self->dirty->pdata[i] = NULL;
  circuit->is_dirty = FALSE;
  g_clear_pointer (&circuit->padder, cepa_padder_free);
  if (circuit->for_applications && --self->n_for_applications == 0)
    cepa_padder_set_in_use (self->padder, FALSE);
  circuit->channel = NULL;
  circuit->id = 0;
  if (cepa_channel_get_n_circuits (self) == 0)
    self->idle_since_us = cepa_clock_monotonic_us (self->clock);
  cepa_channel_unref (self);
}

gboolean
cepa_channel_has_room (const CepaChannel *self)
{
  return self->state == CEPA_CHANNEL_OPEN && self->output.len + self->unsent < CEPA_CHANNEL_HIGH_WATER;
}

guint8 *
cepa_channel_reserve_cell (CepaChannelCircuit *circuit, guint8 command)
{
  return cepa_channel_reserve_relay_cell (circuit, command, 0);
}

guint8 *
cepa_channel_reserve_relay_cell (CepaChannelCircuit *circuit, guint8 command, guint8 relay_command)
{
  CepaChannel *self = circuit->channel;
  guint8 *out = cepa_buffer_reserve (&self->output, cepa_cell_fixed_len (self->link_version));

  if (G_UNLIKELY (cepa_event_sink_wants (self->events, CEPA_EVENT_CELL)))
    cepa_channel_trace_queued (self, circuit->number, command, relay_command);
  if (!cepa_channel_has_room (self))
    self->is_blocked = TRUE;
  self->counts.sent++;
  circuit->counts.sent++;
  cepa_channel_wants_write (self);
  return out + cepa_cell_write_header (out, self->link_version, circuit->id, command);
}

CepaBuffer *
cepa_channel_get_output (CepaChannel *self)
{
  return &self->output;
}

/* A copy of the attached circuits that outlasts whatever the calls on them do. */
static GPtrArray *
channel_list_circuits (CepaChannel *self)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer circuit;

  g_hash_table_iter_init (&iter, self->circuits);
  while (g_hash_table_iter_next (&iter, NULL, &circuit))
    g_ptr_array_add (list, circuit);
  return list;
}

static gboolean
channel_has_circuit (CepaChannel *self, gpointer circuit)
{
  GHashTableIter iter;
  gpointer other;

  g_hash_table_iter_init (&iter, self->circuits);
  while (g_hash_table_iter_next (&iter, NULL, &other))
    if (other == circuit)
      return TRUE;
  return FALSE;
}

void
cepa_channel_note_sent (CepaChannel *self, gsize unsent)
{
  g_autoptr (GPtrArray) circuits = NULL;
  guint start;

  self->unsent = unsent;
  /* Encryption makes bytes more: it may be what fills the channel, and whoever asks now waits to be told. */
  if (self->output.len + unsent >= CEPA_CHANNEL_HIGH_WATER)
    self->is_blocked = TRUE;
  if (!self->is_blocked || self->output.len + unsent >= CEPA_CHANNEL_LOW_WATER)
    return;
  self->is_blocked = FALSE;
  circuits = channel_list_circuits (self);
  if (circuits->len == 0)
    return;
  /* Starting anywhere: the first one must not always be the one that fills the queue again. */
  start = (guint) cepa_random_below (self->random, circuits->len);
  cepa_channel_ref (self);
  for (guint i = 0; i < circuits->len && cepa_channel_has_room (self); i++)
    {
      CepaChannelCircuit *circuit = g_ptr_array_index (circuits, (start + i) % circuits->len);

      if (channel_has_circuit (self, circuit))
        circuit->funcs->sendable (circuit);
    }
  if (!cepa_channel_has_room (self))
    self->is_blocked = TRUE;
  cepa_channel_unref (self);
}

static void
channel_become_open (CepaChannel *self)
{
  g_autofree char *who = cepa_channel_target_describe (&self->target);

  cepa_log (CEPA_LOG_CHANNEL, CEPA_LOG_INFO, "channel to %s is open, link protocol %u", who, self->link_version);
  self->state = CEPA_CHANNEL_OPEN;
  cepa_channel_padding_open (self);
  cepa_channel_tell_opened (self);
  while (self->waiting->len > 0 && self->state == CEPA_CHANNEL_OPEN)
    {
      CepaChannelCircuit *circuit = g_ptr_array_steal_index (self->waiting, 0);
      g_autoptr (GError) error = NULL;

      if (channel_give_id (self, circuit, &error))
        circuit->funcs->opened (circuit);
      else
        {
          g_ptr_array_add (self->waiting, circuit); /* where detach looks for one without an id */
          cepa_channel_detach (circuit);
          circuit->funcs->closed (circuit, error);
        }
    }
}

static void
channel_close_circuit (CepaChannelCircuit *circuit, const GError *reason)
{
  cepa_channel_detach (circuit);
  circuit->funcs->closed (circuit, reason);
}

void
cepa_channel_close (CepaChannel *self, const GError *reason)
{
  gboolean was_open = self->state == CEPA_CHANNEL_OPEN;
  g_autofree char *who = NULL;
  GHashTableIter iter;
  gpointer circuit;

  if (self->state == CEPA_CHANNEL_CLOSED)
    return;
  who = cepa_channel_target_describe (&self->target);
  cepa_log (CEPA_LOG_CHANNEL, CEPA_LOG_INFO, "channel to %s closes: %s", who, reason->message);
  cepa_channel_ref (self);
  self->state = CEPA_CHANNEL_CLOSED;
  g_clear_pointer (&self->padder, cepa_padder_free);
  while (self->waiting->len > 0)
    channel_close_circuit (g_ptr_array_index (self->waiting, 0), reason);
  for (g_hash_table_iter_init (&iter, self->circuits); g_hash_table_iter_next (&iter, NULL, &circuit);
       g_hash_table_iter_init (&iter, self->circuits))
    channel_close_circuit (circuit, reason);
  cepa_channel_tell_closed (self, was_open, reason);
  if (self->shell.closed != NULL)
    self->shell.closed (self->shell.user_data);
  cepa_channel_unref (self);
}

/* Relay cells of circuits are told by them, who know what is in them. */
static inline void
channel_tell_cell (CepaChannel *self, const CepaCell *cell)
{
  if (G_UNLIKELY (cepa_event_sink_wants (self->events, CEPA_EVENT_CELL)))
    cepa_channel_tell_cell (self, cell);
}

static void
channel_circuit_cell (CepaChannel *self, CepaCell *cell)
{
  CepaChannelCircuit *circuit = self->last;

  if (circuit == NULL || circuit->id != cell->circuit_id)
    {
      circuit = g_hash_table_lookup (self->circuits, GUINT_TO_POINTER (cell->circuit_id));
      if (circuit == NULL) /* of a circuit that has just been closed */
        {
          channel_tell_cell (self, cell);
          return;
        }
      self->last = circuit;
    }
  if (!circuit->is_dirty)
    {
      circuit->is_dirty = TRUE;
      g_ptr_array_add (self->dirty, circuit);
    }
  circuit->counts.received++;
  circuit->funcs->cell (circuit, cell->command, cell->body);
}

static gboolean
channel_open_cell (CepaChannel *self, CepaCell *cell, GError **error)
{
  switch (cell->command)
    {
    case CEPA_CELL_RELAY:
    case CEPA_CELL_RELAY_EARLY:
      channel_circuit_cell (self, cell);
      return TRUE;
    case CEPA_CELL_CREATED:
    case CEPA_CELL_CREATED_FAST:
    case CEPA_CELL_CREATED2:
    case CEPA_CELL_DESTROY:
      channel_tell_cell (self, cell);
      channel_circuit_cell (self, cell);
      return TRUE;
    case CEPA_CELL_VERSIONS:
    case CEPA_CELL_CERTS:
    case CEPA_CELL_AUTH_CHALLENGE:
    case CEPA_CELL_NETINFO:
    case CEPA_CELL_CREATE:
    case CEPA_CELL_CREATE_FAST:
    case CEPA_CELL_CREATE2:
      channel_tell_cell (self, cell);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "cell with command %u on an open channel", cell->command);
      return FALSE;
    case CEPA_CELL_PADDING:
    case CEPA_CELL_VPADDING:
      self->counts.padding_received++;
      channel_tell_cell (self, cell);
      return TRUE;
    default:
      channel_tell_cell (self, cell);
      return TRUE; /* what later versions may send; clients heed no PADDING_NEGOTIATE of relays */
    }
}

static gboolean
channel_handle_cell (CepaChannel *self, CepaCell *cell, GError **error)
{
  if (G_LIKELY (self->state == CEPA_CHANNEL_OPEN))
    {
      self->counts.received++;
      return channel_open_cell (self, cell, error);
    }
  channel_tell_cell (self, cell);
  if (!cepa_link_handshake_cell (self, cell, error))
    return FALSE;
  if (self->stage == CEPA_LINK_DONE)
    {
      channel_become_open (self);
      cepa_channel_wants_write (self);
    }
  return TRUE;
}

gsize
cepa_channel_receive (CepaChannel *self, guint8 *data, gsize len)
{
  gsize done = 0, n;
  guint n_cells = 0;
  CepaCell cell;

  cepa_channel_ref (self);
  self->turn_us = cepa_clock_monotonic_us (self->clock);
  while (self->state != CEPA_CHANNEL_CLOSED && done < len
         && (n = cepa_cell_parse (data + done, len - done, self->link_version, &cell)) > 0)
    {
      g_autoptr (GError) error = NULL;

      done += n;
      n_cells++;
      if (G_UNLIKELY (!channel_handle_cell (self, &cell, &error)))
        {
          g_autofree char *who = cepa_channel_target_describe (&self->target);

          cepa_log (CEPA_LOG_PROTOCOL, CEPA_LOG_WARN, "closing the channel to %s: %s", who, error->message);
          cepa_channel_close (self, error);
        }
    }
  if (done > 0)
    self->last_received_us = self->turn_us;
  cepa_channel_note_read (self, done, n_cells);
  cepa_channel_unref (self);
  return done;
}

void
cepa_channel_end_batch (CepaChannel *self)
{
  cepa_channel_ref (self);
  for (guint i = 0; i < self->dirty->len; i++)
    {
      CepaChannelCircuit *circuit = g_ptr_array_index (self->dirty, i);

      if (circuit == NULL)
        continue;
      circuit->is_dirty = FALSE;
      self->dirty->pdata[i] = NULL;
      circuit->funcs->batch_end (circuit);
    }
  g_ptr_array_set_size (self->dirty, 0);
  cepa_channel_unref (self);
}
