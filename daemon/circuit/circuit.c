/* SPDX-License-Identifier: BSD-3-Clause */
#include "circuit/circuit.h"

#include <cepa/event.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "circuit/circuit-private.h"

/* RELAY_EARLY cells that one circuit may send (tor-spec: handling-relay-early-cells). */
#define CIRCUIT_MAX_RELAY_EARLY 8
/* Zeros between a message and the random bytes behind it (proposal 289). */
#define CIRCUIT_PADDING_GAP 4

static void circuit_channel_opened (CepaChannelCircuit *base);
static void circuit_channel_cell (CepaChannelCircuit *base, guint8 command, guint8 *body);
static void circuit_channel_batch_end (CepaChannelCircuit *base);
static void circuit_channel_sendable (CepaChannelCircuit *base);
static void circuit_channel_closed (CepaChannelCircuit *base, const GError *reason);

static const CepaChannelCircuitFuncs circuit_channel_funcs
    = { circuit_channel_opened, circuit_channel_cell, circuit_channel_batch_end, circuit_channel_sendable,
        circuit_channel_closed };

CepaCircuit *
cepa_circuit_new (guint32 number, const CepaCircuitHop *hops, guint n_hops, guint package_window,
                  gboolean extend_by_ed25519, CepaRandom *random, const CepaCircuitOwner *owner)
{
  CepaCircuit *self;

  g_return_val_if_fail (n_hops > 0 && n_hops <= CEPA_CIRCUIT_MAX_HOPS, NULL);
  self = g_new0 (CepaCircuit, 1);
  self->ref_count = 1;
  self->base.funcs = &circuit_channel_funcs;
  self->number = number;
  self->base.number = number;
  self->n_hops = n_hops;
  self->base.for_applications = n_hops > 1;
  memcpy (self->hops, hops, n_hops * sizeof *hops);
  self->package_window_start = CLAMP (package_window, CEPA_CIRCUIT_WINDOW_STEP, CEPA_CIRCUIT_WINDOW);
  self->extend_by_ed25519 = extend_by_ed25519;
  self->random = random;
  self->owner = *owner;
  self->relay_early_left = CIRCUIT_MAX_RELAY_EARLY - (guint) cepa_random_below (random, 2);
  cepa_random_seeded_init_from (&self->padding, random);
  return self;
}

CepaCircuit *
cepa_circuit_ref (CepaCircuit *self)
{
  self->ref_count++;
  return self;
}

void
cepa_circuit_unref (CepaCircuit *self)
{
  if (--self->ref_count > 0)
    return;
  cepa_channel_detach (&self->base);
  g_clear_pointer (&self->ntor, cepa_ntor_free);
  for (guint i = 0; i < self->n_built; i++)
    cepa_tor1_free (self->layers[i]);
  cepa_secret_wipe (self, sizeof *self);
  g_free (self);
}

void
cepa_circuit_set_streams (CepaCircuit *self, const CepaCircuitStreams *streams)
{
  self->streams = *streams;
}

CepaCircuitState
cepa_circuit_get_state (const CepaCircuit *self)
{
  return self->state;
}

guint32
cepa_circuit_get_number (const CepaCircuit *self)
{
  return self->number;
}

guint
cepa_circuit_get_n_hops (const CepaCircuit *self)
{
  return self->n_hops;
}

guint
cepa_circuit_get_n_built (const CepaCircuit *self)
{
  return self->n_built;
}

const CepaCircuitHop *
cepa_circuit_get_hop (const CepaCircuit *self, guint index)
{
  g_return_val_if_fail (index < self->n_hops, NULL);
  return &self->hops[index];
}

CepaChannel *
cepa_circuit_get_channel (const CepaCircuit *self)
{
  return self->base.channel;
}

char *
cepa_circuit_describe_path (const CepaCircuit *self)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < self->n_hops; i++)
    {
      const CepaCircuitHop *hop = &self->hops[i];
      char hex[41];

      cepa_hex_encode_to (hop->target.rsa_id, sizeof hop->target.rsa_id, hex);
      g_string_append_printf (out, "%s$%s%s%s at %u.%u.%u.%u:%u", i > 0 ? ", " : "", hex,
                              hop->nickname[0] != '\0' ? "~" : "", hop->nickname, hop->target.ipv4 >> 24,
                              hop->target.ipv4 >> 16 & 255, hop->target.ipv4 >> 8 & 255, hop->target.ipv4 & 255,
                              hop->target.or_port);
    }
  return g_string_free (out, FALSE);
}

static void
circuit_finish (CepaCircuit *self, const GError *reason)
{
  cepa_circuit_ref (self);
  self->state = CEPA_CIRCUIT_CLOSED;
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_INFO, "circuit %u closed: %s", self->number, reason->message);
  if (self->streams.closed != NULL)
    self->streams.closed (self->streams.user_data, reason);
  cepa_circuit_tell_closed (self, reason);
  self->owner.closed (self->owner.user_data, self, reason);
  cepa_circuit_unref (self);
}

static void
circuit_send_destroy (CepaCircuit *self)
{
  CepaChannel *channel = self->base.channel;
  guint8 *body;

  if (channel == NULL || self->base.id == 0 || self->is_destroyed
      || cepa_channel_get_state (channel) != CEPA_CHANNEL_OPEN)
    return;
  body = cepa_channel_reserve_cell (&self->base, CEPA_CELL_DESTROY);
  memset (body, 0, CEPA_CELL_BODY_LEN); /* an origin gives no reason: CEPA_DESTROY_NONE */
}

void
cepa_circuit_close (CepaCircuit *self, const GError *reason)
{
  if (self->state == CEPA_CIRCUIT_CLOSED)
    return;
  circuit_send_destroy (self);
  cepa_channel_detach (&self->base);
  circuit_finish (self, reason);
}

void
cepa_circuit_build (CepaCircuit *self, CepaChannel *channel)
{
  g_autoptr (GError) error = NULL;

  cepa_circuit_tell_launched (self, channel);
  if (!cepa_channel_attach (channel, &self->base, &error))
    cepa_circuit_close (self, error);
  else if (cepa_channel_get_state (channel) == CEPA_CHANNEL_OPEN)
    cepa_circuit_build_create (self);
}

static void
circuit_channel_opened (CepaChannelCircuit *base)
{
  cepa_circuit_build_create ((CepaCircuit *) base);
}

static void
circuit_channel_closed (CepaChannelCircuit *base, const GError *reason)
{
  CepaCircuit *self = (CepaCircuit *) base;

  if (self->state != CEPA_CIRCUIT_CLOSED)
    circuit_finish (self, reason);
}

/* ---- outgoing ---- */

/* A cell to @hop; RELAY_EARLY while there are some left: always when it extends, else beyond the first hop. */
static guint8 *
circuit_reserve (CepaCircuit *self, guint hop, guint8 command)
{
  gboolean early = self->relay_early_left > 0 && (command == CEPA_RELAY_EXTEND2 || hop > 0);

  if (early)
    self->relay_early_left--;
  return cepa_channel_reserve_relay_cell (&self->base, early ? CEPA_CELL_RELAY_EARLY : CEPA_CELL_RELAY, command);
}

/* Pads, marks for @hop and encrypts a cell whose message is in place. */
static void
circuit_seal (CepaCircuit *self, guint hop, guint8 *body, guint8 tag[CEPA_TOR1_TAG_LEN])
{
  guint used = CEPA_RELAY_HEADER_LEN + ((guint) body[9] << 8 | body[10]);
  guint left = CEPA_CELL_BODY_LEN - used;

  memset (body + used, 0, MIN (left, CIRCUIT_PADDING_GAP));
  if (left > CIRCUIT_PADDING_GAP)
    cepa_random_fill (&self->padding.random, body + used + CIRCUIT_PADDING_GAP, left - CIRCUIT_PADDING_GAP);
  cepa_tor1_originate (self->layers[hop], body, tag);
  for (guint i = hop + 1; i-- > 0;)
    cepa_tor1_encrypt (self->layers[i], body);
}

void
cepa_circuit_send_to_hop (CepaCircuit *self, guint hop, guint8 command, guint16 stream_id, const void *data, guint len)
{
  guint8 *body = circuit_reserve (self, hop, command);
  guint8 tag[CEPA_TOR1_TAG_LEN];

  cepa_relay_message_write_header (body, command, stream_id, len);
  if (len > 0)
    memcpy (body + CEPA_RELAY_HEADER_LEN, data, len);
  circuit_seal (self, hop, body, tag);
}

gboolean
cepa_circuit_can_send_data (const CepaCircuit *self)
{
  return self->state == CEPA_CIRCUIT_OPEN && self->flow.package_window > 0
         && G_LIKELY (!self->is_held || self->may_release) && cepa_channel_has_room (self->base.channel);
}

guint8 *
cepa_circuit_begin_message (CepaCircuit *self, guint8 command, guint16 stream_id, guint len)
{
  g_return_val_if_fail (self->state == CEPA_CIRCUIT_OPEN && self->pending == NULL, NULL);
  g_return_val_if_fail (command != CEPA_RELAY_DATA || self->flow.package_window > 0, NULL);
  self->pending = circuit_reserve (self, self->n_hops - 1, command);
  cepa_relay_message_write_header (self->pending, command, stream_id, len);
  return self->pending + CEPA_RELAY_HEADER_LEN;
}

void
cepa_circuit_end_message (CepaCircuit *self)
{
  guint8 *body = g_steal_pointer (&self->pending);
  guint8 tag[CEPA_TOR1_TAG_LEN];
  gboolean is_data = body[0] == CEPA_RELAY_DATA;

  circuit_seal (self, self->n_hops - 1, body, tag);
  if (is_data)
    {
      cepa_circuit_flow_note_sent (&self->flow, tag);
      self->may_release = FALSE;
    }
  if (self->flow.package_window == 0)
    self->is_blocked = TRUE;
}

void
cepa_circuit_send_message (CepaCircuit *self, guint8 command, guint16 stream_id, const void *data, guint len)
{
  guint8 *to = cepa_circuit_begin_message (self, command, stream_id, len);

  if (len > 0)
    memcpy (to, data, len);
  cepa_circuit_end_message (self);
}

void
cepa_circuit_tell_sendable (CepaCircuit *self)
{
  if (self->streams.sendable != NULL && cepa_circuit_can_send_data (self))
    self->streams.sendable (self->streams.user_data);
}

static void
circuit_channel_sendable (CepaChannelCircuit *base)
{
  cepa_circuit_tell_sendable ((CepaCircuit *) base);
}

/* ---- incoming ---- */

static void
circuit_channel_batch_end (CepaChannelCircuit *base)
{
  CepaCircuit *self = (CepaCircuit *) base;

  if (self->streams.batch_end != NULL)
    self->streams.batch_end (self->streams.user_data);
}

static gboolean
circuit_data (CepaCircuit *self, const CepaRelayMessage *message, const guint8 tag[CEPA_TOR1_TAG_LEN], GError **error)
{
  guint8 sendme[3 + CEPA_TOR1_TAG_LEN] = { 1, 0, CEPA_TOR1_TAG_LEN };
  gboolean wants_sendme = FALSE;

  if (!cepa_circuit_flow_note_received (&self->flow, &wants_sendme, error))
    return FALSE;
  if (wants_sendme)
    {
      memcpy (sendme + 3, tag, CEPA_TOR1_TAG_LEN);
      cepa_circuit_send_to_hop (self, self->n_hops - 1, CEPA_RELAY_SENDME, 0, sendme, sizeof sendme);
    }
  return self->streams.message (self->streams.user_data, message, error);
}

static gboolean
circuit_sendme (CepaCircuit *self, const CepaRelayMessage *message, GError **error)
{
  if (!cepa_circuit_flow_acknowledged (&self->flow, message, error))
    return FALSE;
  if (self->is_blocked)
    {
      self->is_blocked = FALSE;
      cepa_circuit_tell_sendable (self);
    }
  return TRUE;
}

static gboolean
circuit_refuse (const CepaRelayMessage *message, const char *why, GError **error)
{
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "relay message with command %u %s", message->command, why);
  return FALSE;
}

static gboolean
circuit_truncated (CepaCircuit *self, const CepaRelayMessage *message, GError **error)
{
  if (message->len == 0)
    return circuit_refuse (message, "without a reason", error);
  self->remote_reason = message->data[0];
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED, "truncated by a relay: %s",
               cepa_destroy_reason_name (message->data[0]));
  return FALSE;
}

static gboolean
circuit_stream_message (CepaCircuit *self, guint hop, const CepaRelayMessage *message,
                        const guint8 tag[CEPA_TOR1_TAG_LEN], GError **error)
{
  if (self->state != CEPA_CIRCUIT_OPEN || hop != self->n_hops - 1)
    return circuit_refuse (message, "from a hop that has no streams", error);
  if (message->command == CEPA_RELAY_SENDME && message->stream_id == 0)
    return circuit_sendme (self, message, error);
  if (message->stream_id == 0)
    return circuit_refuse (message, "without a stream id", error);
  if (self->streams.message == NULL)
    return circuit_refuse (message, "on a circuit without streams", error);
  if (message->command == CEPA_RELAY_DATA)
    return circuit_data (self, message, tag, error);
  return self->streams.message (self->streams.user_data, message, error);
}

static gboolean
circuit_message (CepaCircuit *self, guint hop, const CepaRelayMessage *message, const guint8 tag[CEPA_TOR1_TAG_LEN],
                 GError **error)
{
  switch (message->command)
    {
    case CEPA_RELAY_DATA:
    case CEPA_RELAY_END:
    case CEPA_RELAY_CONNECTED:
    case CEPA_RELAY_SENDME:
    case CEPA_RELAY_RESOLVED:
      return circuit_stream_message (self, hop, message, tag, error);
    case CEPA_RELAY_EXTENDED2:
      return hop == self->n_built - 1 ? cepa_circuit_build_extended (self, message, error)
                                      : circuit_refuse (message, "from a hop that was not asked", error);
    case CEPA_RELAY_TRUNCATED:
      return circuit_truncated (self, message, error);
    case CEPA_RELAY_BEGIN:
    case CEPA_RELAY_BEGIN_DIR:
    case CEPA_RELAY_RESOLVE:
    case CEPA_RELAY_EXTEND2:
    case CEPA_RELAY_TRUNCATE:
      return circuit_refuse (message, "that only a client sends", error);
    case CEPA_RELAY_DROP:
      self->base.counts.padding_received++;
      return TRUE;
    default:
      return TRUE; /* others may come from later versions */
    }
}

static inline void
circuit_tell_cell (CepaCircuit *self, guint8 command, guint8 relay_command)
{
  if (G_UNLIKELY (cepa_event_sink_wants (self->events, CEPA_EVENT_CELL)))
    cepa_channel_tell_relay_cell (&self->base, command, relay_command);
}

static gboolean
circuit_relay_cell (CepaCircuit *self, guint8 *body, GError **error)
{
  guint8 tag[CEPA_TOR1_TAG_LEN];
  CepaRelayMessage message;

  for (guint hop = 0; hop < self->n_built; hop++)
    {
      cepa_tor1_decrypt (self->layers[hop], body);
      if (!cepa_tor1_recognize (self->layers[hop], body, tag))
        continue;
      circuit_tell_cell (self, CEPA_CELL_RELAY, body[0]);
      if (!cepa_relay_message_parse (body, &message))
        {
          g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "relay message longer than its cell");
          return FALSE;
        }
      return circuit_message (self, hop, &message, tag, error);
    }
  circuit_tell_cell (self, CEPA_CELL_RELAY, 0);
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "relay cell that none of the hops sent");
  return FALSE;
}

static gboolean
circuit_cell (CepaCircuit *self, guint8 command, guint8 *body, GError **error)
{
  switch (command)
    {
    case CEPA_CELL_RELAY:
      return circuit_relay_cell (self, body, error);
    case CEPA_CELL_RELAY_EARLY:
      circuit_tell_cell (self, CEPA_CELL_RELAY_EARLY, 0);
      cepa_log (CEPA_LOG_PROTOCOL, CEPA_LOG_WARN,
                "circuit %u: a RELAY_EARLY cell came in, which no honest relay sends. It may be an attempt to mark "
                "the circuit.", self->number);
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "inbound RELAY_EARLY cell");
      return FALSE;
    case CEPA_CELL_CREATED2:
    case CEPA_CELL_CREATED_FAST:
      return cepa_circuit_build_created (self, command, body, error);
    case CEPA_CELL_DESTROY:
      self->is_destroyed = TRUE;
      self->remote_reason = body[0];
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CLOSED, "destroyed by the first relay: %s",
                   cepa_destroy_reason_name (body[0]));
      return FALSE;
    default:
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "cell with command %u on a circuit of ours", command);
      return FALSE;
    }
}

static void
circuit_channel_cell (CepaChannelCircuit *base, guint8 command, guint8 *body)
{
  CepaCircuit *self = (CepaCircuit *) base;
  GError *error = NULL;

  cepa_circuit_ref (self);
  if (G_UNLIKELY (!circuit_cell (self, command, body, &error)))
    {
      if (error->code == CEPA_ERROR_PROTOCOL)
        {
          g_autofree char *path = cepa_circuit_describe_path (self);

          cepa_log (CEPA_LOG_PROTOCOL, CEPA_LOG_WARN, "closing circuit %u through %s: %s", self->number, path,
                    error->message);
        }
      cepa_circuit_close (self, error);
      g_error_free (error);
    }
  cepa_circuit_unref (self);
}
