/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream/stream.h"

#include <string.h>

#include "base/error.h"

/* Streams that we ended are remembered so that what was on its way can be told from what must not come; a relay
   need not answer END, so only the latest are kept. */
#define STREAMS_MAX_HALF_CLOSED 256

typedef enum
{
  STREAM_BEGUN, /* BEGIN was sent, CONNECTED has not come */
  STREAM_OPEN,
  STREAM_HALF_CLOSED, /* we sent END; the other end may not know yet */
} StreamState;

struct _CepaStream
{
  CepaStreams *streams;
  guint16 id;
  guint8 state;
  gboolean is_dirty;   /* batch_end is due */
  gboolean is_blocked; /* was told that it cannot send */
  gboolean was_connected;
  guint package_window, deliver_window;
  const CepaStreamFuncs *funcs;
  gpointer user_data;
};

struct _CepaStreams
{
  CepaCircuit *circuit;
  GHashTable *table; /* (element-type guint16 CepaStream): owns them */
  GPtrArray *dirty;  /* (element-type CepaStream) (nullable elements) */
  GQueue blocked;    /* (element-type CepaStream): in the order in which they may go on */
  GQueue half_closed; /* (element-type CepaStream): oldest first */
  CepaStream *last;  /* (nullable): of the last message */
  guint16 next_id;
  guint n_open;
};

static gboolean streams_message (gpointer user_data, const CepaRelayMessage *message, GError **error);
static void streams_batch_end (gpointer user_data);
static void streams_sendable (gpointer user_data);
static void streams_closed (gpointer user_data, const GError *reason);
static guint streams_count (gpointer user_data);

CepaStreams *
cepa_streams_new (CepaCircuit *circuit, CepaRandom *random)
{
  CepaStreams *self = g_new0 (CepaStreams, 1);
  CepaCircuitStreams funcs = { streams_message, streams_batch_end, streams_sendable, streams_closed, self, streams_count };

  self->circuit = circuit;
  self->table = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->dirty = g_ptr_array_new ();
  g_queue_init (&self->blocked);
  g_queue_init (&self->half_closed);
  self->next_id = (guint16) cepa_random_u32 (random);
  cepa_circuit_set_streams (circuit, &funcs);
  return self;
}

void
cepa_streams_free (CepaStreams *self)
{
  if (self == NULL)
    return;
  cepa_circuit_set_streams (self->circuit, &(CepaCircuitStreams){ 0 });
  g_hash_table_unref (self->table);
  g_ptr_array_unref (self->dirty);
  g_queue_clear (&self->blocked);
  g_queue_clear (&self->half_closed);
  g_free (self);
}

guint
cepa_streams_get_n_open (const CepaStreams *self)
{
  return self->n_open;
}

static guint
streams_count (gpointer user_data)
{
  return cepa_streams_get_n_open (user_data);
}

/* A free stream id, never 0; 0 when all are in use. */
static guint16
streams_draw_id (CepaStreams *self)
{
  for (guint i = 0; i < G_MAXUINT16; i++)
    {
      guint16 id = self->next_id++;

      if (id != 0 && !g_hash_table_contains (self->table, GUINT_TO_POINTER (id)))
        return id;
    }
  return 0;
}

CepaStream *
cepa_streams_begin (CepaStreams *self, const char *host, guint16 port, guint32 flags, const CepaStreamFuncs *funcs,
                    gpointer user_data, GError **error)
{
  guint8 body[CEPA_RELAY_MAX_DATA];
  gsize len = host != NULL ? cepa_begin_write (host, port, flags, body) : 0;
  guint16 id = streams_draw_id (self);
  CepaStream *stream;

  if (host != NULL && len == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "a target that cannot be asked for");
      return NULL;
    }
  if (id == 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_LIMIT, "the circuit has no free stream id");
      return NULL;
    }
  stream = g_new0 (CepaStream, 1);
  stream->streams = self;
  stream->id = id;
  stream->package_window = stream->deliver_window = CEPA_STREAM_WINDOW;
  stream->funcs = funcs;
  stream->user_data = user_data;
  g_hash_table_insert (self->table, GUINT_TO_POINTER (id), stream);
  if (self->n_open++ == 0)
    cepa_circuit_note_streams (self->circuit, TRUE);
  cepa_circuit_send_message (self->circuit, host != NULL ? CEPA_RELAY_BEGIN : CEPA_RELAY_BEGIN_DIR, id, body,
                             (guint) len);
  return stream;
}

/* Takes it out of every list but the table. */
static void
stream_unlink (CepaStream *self)
{
  CepaStreams *streams = self->streams;

  if (self->state != STREAM_HALF_CLOSED)
    {
      if (--streams->n_open == 0)
        cepa_circuit_note_streams (streams->circuit, FALSE);
    }
  else
    g_queue_remove (&streams->half_closed, self);
  if (self->is_blocked)
    g_queue_remove (&streams->blocked, self);
  for (guint i = 0; self->is_dirty && i < streams->dirty->len; i++)
    if (g_ptr_array_index (streams->dirty, i) == self)
      streams->dirty->pdata[i] = NULL;
  self->is_dirty = self->is_blocked = FALSE;
}

static void
stream_forget (CepaStream *self)
{
  CepaStreams *streams = self->streams;

  stream_unlink (self);
  if (streams->last == self)
    streams->last = NULL;
  g_hash_table_remove (streams->table, GUINT_TO_POINTER (self->id));
}

static void
stream_block (CepaStream *self)
{
  if (self->is_blocked)
    return;
  self->is_blocked = TRUE;
  g_queue_push_tail (&self->streams->blocked, self);
}

gboolean
cepa_stream_can_send (CepaStream *self)
{
  if (self->package_window > 0 && cepa_circuit_can_send_data (self->streams->circuit))
    return TRUE;
  stream_block (self);
  return FALSE;
}

gsize
cepa_stream_send (CepaStream *self, const guint8 *data, gsize len)
{
  CepaCircuit *circuit = self->streams->circuit;
  gsize done = 0;

  while (done < len && cepa_stream_can_send (self))
    {
      guint n = (guint) MIN (len - done, CEPA_RELAY_MAX_DATA);

      cepa_circuit_send_message (circuit, CEPA_RELAY_DATA, self->id, data + done, n);
      self->package_window--;
      done += n;
    }
  return done;
}

void
cepa_stream_note_queued (CepaStream *self, gsize queued)
{
  if (queued > CEPA_STREAM_MAX_QUEUED)
    return;
  while (self->deliver_window + CEPA_STREAM_WINDOW_STEP <= CEPA_STREAM_WINDOW)
    {
      self->deliver_window += CEPA_STREAM_WINDOW_STEP;
      cepa_circuit_send_message (self->streams->circuit, CEPA_RELAY_SENDME, self->id, NULL, 0);
    }
}

void
cepa_stream_close (CepaStream *self, CepaEndReason reason)
{
  guint8 body = (guint8) reason;

  if (cepa_circuit_get_state (self->streams->circuit) == CEPA_CIRCUIT_OPEN)
    cepa_circuit_send_message (self->streams->circuit, CEPA_RELAY_END, self->id, &body, 1);
  self->was_connected = self->state == STREAM_OPEN;
  stream_unlink (self);
  self->state = STREAM_HALF_CLOSED;
  self->funcs = NULL;
  self->user_data = NULL;
  g_queue_push_tail (&self->streams->half_closed, self);
  if (self->streams->half_closed.length > STREAMS_MAX_HALF_CLOSED)
    stream_forget (g_queue_peek_head (&self->streams->half_closed));
}

/* ---- what comes in ---- */

static gboolean
stream_violation (const CepaRelayMessage *message, const char *what, GError **error)
{
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "%s (relay message with command %u, stream %u)", what,
               message->command, message->stream_id);
  return FALSE;
}

static gboolean
stream_data (CepaStream *self, const CepaRelayMessage *message, GError **error)
{
  if (self->state == STREAM_BEGUN || (self->state == STREAM_HALF_CLOSED && !self->was_connected))
    return stream_violation (message, "DATA before CONNECTED", error);
  if (self->deliver_window == 0)
    return stream_violation (message, "DATA beyond the stream window", error);
  self->deliver_window--;
  if (self->state == STREAM_HALF_CLOSED)
    return TRUE;
  if (!self->is_dirty)
    {
      self->is_dirty = TRUE;
      g_ptr_array_add (self->streams->dirty, self);
    }
  self->funcs->data (self->user_data, message->data, message->len);
  return TRUE;
}

static gboolean
stream_connected (CepaStream *self, const CepaRelayMessage *message, GError **error)
{
  CepaConnected connected;

  if (self->state == STREAM_OPEN || self->was_connected)
    return stream_violation (message, "a second CONNECTED", error);
  if (!cepa_connected_parse (message->data, message->len, &connected))
    return stream_violation (message, "CONNECTED that cannot be read", error);
  self->was_connected = TRUE;
  if (self->state == STREAM_HALF_CLOSED)
    return TRUE;
  self->state = STREAM_OPEN;
  self->funcs->connected (self->user_data, &connected);
  return TRUE;
}

static gboolean
stream_sendme (CepaStream *self, const CepaRelayMessage *message, GError **error)
{
  if (self->package_window + CEPA_STREAM_WINDOW_STEP > CEPA_STREAM_WINDOW)
    return stream_violation (message, "SENDME for data that was never sent", error);
  self->package_window += CEPA_STREAM_WINDOW_STEP;
  if (self->state != STREAM_HALF_CLOSED && self->is_blocked && cepa_circuit_can_send_data (self->streams->circuit))
    {
      g_queue_remove (&self->streams->blocked, self);
      self->is_blocked = FALSE;
      self->funcs->sendable (self->user_data);
    }
  return TRUE;
}

static gboolean
stream_end (CepaStream *self, const CepaRelayMessage *message, GError **error)
{
  CepaEnd end;

  if (!cepa_end_parse (message->data, message->len, &end))
    return stream_violation (message, "END that cannot be read", error);
  if (self->state != STREAM_HALF_CLOSED)
    {
      const CepaStreamFuncs *funcs = self->funcs;
      gpointer user_data = self->user_data;

      stream_forget (self);
      funcs->ended (user_data, &end);
      return TRUE;
    }
  stream_forget (self);
  return TRUE;
}

static gboolean
streams_message (gpointer user_data, const CepaRelayMessage *message, GError **error)
{
  CepaStreams *self = user_data;
  CepaStream *stream = self->last;

  if (stream == NULL || stream->id != message->stream_id)
    {
      stream = g_hash_table_lookup (self->table, GUINT_TO_POINTER (message->stream_id));
      if (stream == NULL)
        return TRUE; /* of a stream that both ends have ended */
      self->last = stream;
    }
  switch (message->command)
    {
    case CEPA_RELAY_DATA:
      return stream_data (stream, message, error);
    case CEPA_RELAY_CONNECTED:
      return stream_connected (stream, message, error);
    case CEPA_RELAY_SENDME:
      return stream_sendme (stream, message, error);
    case CEPA_RELAY_END:
      return stream_end (stream, message, error);
    default:
      return stream_violation (message, "not an answer to anything we ask", error);
    }
}

static void
streams_batch_end (gpointer user_data)
{
  CepaStreams *self = user_data;
  CepaCircuit *circuit = cepa_circuit_ref (self->circuit);

  /* A call may close the circuit, and with it free this. */
  for (guint i = 0; cepa_circuit_get_state (circuit) == CEPA_CIRCUIT_OPEN && i < self->dirty->len; i++)
    {
      CepaStream *stream = g_ptr_array_index (self->dirty, i);

      if (stream == NULL)
        continue;
      stream->is_dirty = FALSE;
      self->dirty->pdata[i] = NULL;
      stream->funcs->batch_end (stream->user_data);
    }
  if (cepa_circuit_get_state (circuit) == CEPA_CIRCUIT_OPEN)
    g_ptr_array_set_size (self->dirty, 0);
  cepa_circuit_unref (circuit);
}

static void
streams_sendable (gpointer user_data)
{
  CepaStreams *self = user_data;
  CepaCircuit *circuit = cepa_circuit_ref (self->circuit);
  guint n = self->blocked.length;

  /* Each gets one turn; who is blocked again goes to the end of the queue. */
  while (n-- > 0 && cepa_circuit_can_send_data (circuit) && self->blocked.length > 0)
    {
      CepaStream *stream = g_queue_pop_head (&self->blocked);

      stream->is_blocked = FALSE;
      if (stream->package_window > 0)
        stream->funcs->sendable (stream->user_data);
      else
        stream_block (stream);
    }
  cepa_circuit_unref (circuit);
}

static void
streams_closed (gpointer user_data, G_GNUC_UNUSED const GError *reason)
{
  CepaStreams *self = user_data;
  CepaEnd end = { .reason = CEPA_END_DESTROY };
  GHashTableIter iter;
  gpointer value;

  for (g_hash_table_iter_init (&iter, self->table); g_hash_table_iter_next (&iter, NULL, &value);
       g_hash_table_iter_init (&iter, self->table))
    {
      CepaStream *stream = value;
      const CepaStreamFuncs *funcs = stream->funcs;
      gpointer stream_user = stream->user_data;

      stream_forget (stream);
      if (funcs != NULL)
        funcs->ended (stream_user, &end);
    }
}
