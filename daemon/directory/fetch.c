/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/fetch.h"

#include <cepa/types.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "stream/stream.h"

/* So much must come in each of these times: silence ends a fetch, and so does a trickle. */
#define FETCH_STALL_US (15 * G_USEC_PER_SEC)
#define FETCH_MIN_PROGRESS 4096
/* And all of it in this time. */
#define FETCH_MAX_US (600 * G_USEC_PER_SEC)
/* Of the answer as it comes, compressed or not. */
#define FETCH_SLACK CEPA_HTTP_MAX_HEADERS
/* Bytes of the body that tell its encoding. */
#define FETCH_GUESS 8

struct _CepaFetch
{
  CepaChannelPool *channels;
  CepaRandom *random;
  guint32 number;
  CepaCircuitHop server;
  char *resource, *request;
  gsize max_size, request_sent;
  gsize received;        /* of the answer, as it comes */
  gsize counted;         /* of them, when the stall timer was set last */
  CepaFetchFuncs funcs;
  gpointer user_data;
  CepaLoopWatch *timer;        /* the start, then the stall, then the end */
  CepaLoopWatch *deadline;     /* of all of it */
  CepaCircuit *circuit;  /* (nullable) */
  CepaStreams *streams;  /* (nullable) */
  CepaStream *stream;    /* (nullable) */
  GByteArray *start;     /* the head, and of the body what came before its encoding was known */
  CepaHttpHead head;
  gboolean has_head;
  CepaDecompressor *body; /* (nullable): until the encoding is known */
  gsize body_received;
  GByteArray *unread;    /* of the body as it came: what has not been given to @body */
  CepaLoopWatch *unpacker; /* a step each turn, so that an answer does not hold the loop */
  gboolean is_packed;    /* in an encoding */
  gboolean is_unpacking; /* there is another step to do */
  gboolean is_started, is_done;
  GError *error;         /* (nullable): why it failed */
};

static void
fetch_free (CepaFetch *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "the directory request is over");

  self->is_done = TRUE;
  cepa_loop_clear (&self->timer);
  cepa_loop_clear (&self->deadline);
  cepa_loop_clear (&self->unpacker);
  if (self->circuit != NULL)
    cepa_circuit_close (self->circuit, reason);
  g_clear_pointer (&self->streams, cepa_streams_free);
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_clear_error (&self->error);
  g_clear_pointer (&self->body, cepa_decompressor_free);
  g_byte_array_unref (self->start);
  g_byte_array_unref (self->unread);
  g_free (self->resource);
  g_free (self->request);
  g_free (self);
}

/* What is behind the announced end of the body is not of it. */
static gboolean
fetch_take (CepaFetch *self, const guint8 *data, gsize len, GError **error)
{
  if (self->head.has_body_len)
    len = MIN (len, self->head.body_len - self->body_received);
  self->body_received += len;
  /* There is nothing to unpack, and what is only copied holds nobody. */
  if (!self->is_packed)
    return cepa_decompressor_feed (self->body, data, len, error);
  g_byte_array_append (self->unread, data, (guint) len);
  self->is_unpacking = TRUE;
  cepa_loop_set_delay (self->unpacker, 0);
  return TRUE;
}

/* Reads the head once it is whole, and begins with the body once it says its encoding. @is_all: no more comes */
static gboolean
fetch_begin_body (CepaFetch *self, gboolean is_all, GError **error)
{
  const guint8 *data = self->start->data;
  gsize len = self->start->len, rest;
  CepaEncoding encoding;

  if (!self->has_head)
    {
      if (!is_all && !cepa_http_head_is_whole (data, len))
        return TRUE;
      if (!cepa_http_parse_head (data, len, &self->head, error))
        return FALSE;
      self->has_head = TRUE;
    }
  rest = len - self->head.len;
  if (!is_all && rest < FETCH_GUESS)
    return TRUE;
  data = rest > 0 ? data + self->head.len : NULL;
  encoding = cepa_encoding_guess (data, rest);
  self->is_packed = encoding != CEPA_ENCODING_IDENTITY;
  self->body = cepa_decompressor_new (encoding, self->max_size);
  return fetch_take (self, data, rest, error);
}

/* The whole answer has come. (transfer full) (nullable): its body */
static GBytes *
fetch_end_body (CepaFetch *self, GError **error)
{
  /* Of one that is too short to have begun, it takes the few bytes. */
  if (self->body == NULL
      && (!fetch_begin_body (self, TRUE, error)
          || !cepa_decompressor_feed (self->body, self->unread->data, self->unread->len, error)))
    return NULL;
  if (self->head.has_body_len && self->body_received < self->head.body_len)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                   "answer cut short: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes", self->body_received,
                   self->head.body_len);
      return NULL;
    }
  return cepa_decompressor_finish (self->body, error);
}

static void
fetch_finish (CepaFetch *self)
{
  CepaHttpResponse response = { 0 };

  if (self->error == NULL)
    response.body = fetch_end_body (self, &self->error);
  response.status = self->head.status;
  response.date_s = self->head.date_s;
  self->funcs.done (self->user_data, self, self->error == NULL ? &response : NULL, self->error);
  cepa_http_response_clear (&response);
  fetch_free (self);
}

/* The end comes in a turn of its own: this is called from below the circuit; and when what came before it has been
   unpacked, which may end it otherwise. @error: (transfer full) (nullable) */
static void
fetch_end (CepaFetch *self, GError *error)
{
  if (self->is_done)
    {
      g_clear_error (&error);
      return;
    }
  self->is_done = TRUE;
  self->error = error;
  cepa_loop_set_delay (self->timer, self->is_unpacking ? -1 : 0);
}

/* Whatever has been told of the end, this comes before it. @error: (transfer full) */
static void
fetch_end_unpacking (CepaFetch *self, GError *error)
{
  g_clear_error (&self->error);
  self->is_unpacking = self->is_done = FALSE;
  fetch_end (self, error);
}

static void
fetch_unpack (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaFetch *self = user_data;
  GError *error = NULL;
  gboolean is_unpacked;
  gsize used;

  if (!cepa_decompressor_step (self->body, self->unread->data, self->unread->len, &used, &is_unpacked, &error))
    {
      fetch_end_unpacking (self, error);
      return;
    }
  if (used > 0)
    g_byte_array_remove_range (self->unread, 0, (guint) used);
  self->is_unpacking = !is_unpacked;
  if (self->stream != NULL)
    cepa_stream_note_queued (self->stream, self->unread->len);
  if (self->is_unpacking)
    cepa_loop_set_delay (self->unpacker, 0);
  else if (self->is_done)
    cepa_loop_set_delay (self->timer, 0);
}

static void
fetch_progress (CepaFetch *self, CepaFetchStage stage)
{
  cepa_loop_set_delay (self->timer, FETCH_STALL_US);
  if (self->funcs.progress != NULL && !self->is_done)
    self->funcs.progress (self->user_data, self, stage);
}

static void
fetch_send (gpointer user_data)
{
  CepaFetch *self = user_data;

  self->request_sent += cepa_stream_send (self->stream, (const guint8 *) self->request + self->request_sent,
                                          strlen (self->request) - self->request_sent);
}

static void
fetch_connected (G_GNUC_UNUSED gpointer user_data, G_GNUC_UNUSED const CepaConnected *connected)
{
}

static void
fetch_data (gpointer user_data, const guint8 *data, gsize len)
{
  CepaFetch *self = user_data;
  GError *error = NULL;

  if (self->is_done || len == 0)
    return;
  if (self->received == 0)
    fetch_progress (self, CEPA_FETCH_ANSWERING);
  self->received += len;
  if (self->received > self->max_size + FETCH_SLACK)
    {
      fetch_end (self, g_error_new (CEPA_ERROR, CEPA_ERROR_LIMIT, "answer over %" G_GSIZE_FORMAT " bytes",
                                    self->max_size));
      return;
    }
  if (self->body != NULL)
    fetch_take (self, data, len, &error);
  else
    {
      g_byte_array_append (self->start, data, (guint) len);
      fetch_begin_body (self, FALSE, &error);
    }
  if (error != NULL)
    fetch_end (self, error);
}

static void
fetch_batch_end (gpointer user_data)
{
  CepaFetch *self = user_data;

  if (self->is_done)
    return;
  if (self->received - self->counted >= FETCH_MIN_PROGRESS)
    {
      self->counted = self->received;
      cepa_loop_set_delay (self->timer, FETCH_STALL_US);
    }
  cepa_stream_note_queued (self->stream, self->unread->len);
}

static void
fetch_ended (gpointer user_data, const CepaEnd *end)
{
  CepaFetch *self = user_data;

  self->stream = NULL;
  if (cepa_circuit_get_state (self->circuit) == CEPA_CIRCUIT_CLOSED)
    return; /* fetch_circuit_closed() is told why */
  if (end->reason == CEPA_END_DONE)
    fetch_end (self, NULL);
  else
    fetch_end (self, g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "the directory stream ended: %s",
                                  cepa_end_reason_name (end->reason)));
}

static const CepaStreamFuncs fetch_stream_funcs
    = { fetch_connected, fetch_data, fetch_batch_end, fetch_send, fetch_ended };

static void
fetch_circuit_opened (gpointer user_data, CepaCircuit *circuit)
{
  CepaFetch *self = user_data;
  GError *error = NULL;

  self->streams = cepa_streams_new (circuit, self->random);
  self->stream = cepa_streams_begin (self->streams, NULL, 0, 0, &fetch_stream_funcs, self, &error);
  if (self->stream == NULL)
    {
      fetch_end (self, error);
      return;
    }
  fetch_send (self);
  fetch_progress (self, CEPA_FETCH_ASKED);
}

static void
fetch_circuit_closed (gpointer user_data, G_GNUC_UNUSED CepaCircuit *circuit, const GError *reason)
{
  fetch_end (user_data, g_error_copy (reason));
}

static void
fetch_start (CepaFetch *self)
{
  CepaCircuitOwner owner = { fetch_circuit_opened, fetch_circuit_closed, self };
  g_autoptr (CepaChannel) channel = cepa_channel_pool_get (self->channels, &self->server.target);

  self->is_started = TRUE;
  self->circuit = cepa_circuit_new (self->number, &self->server, 1, CEPA_CIRCUIT_WINDOW, FALSE, self->random, &owner);
  cepa_circuit_set_purpose (self->circuit, CEPA_PURPOSE_DIRECTORY);
  cepa_loop_set_delay (self->timer, FETCH_STALL_US);
  cepa_loop_set_delay (self->deadline, FETCH_MAX_US);
  cepa_circuit_build (self->circuit, channel);
}

static void
fetch_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaFetch *self = user_data;

  if (self->is_done)
    fetch_finish (self);
  else if (!self->is_started)
    fetch_start (self);
  else
    {
      CepaChannel *channel = cepa_circuit_get_channel (self->circuit);

      /* Neither should the next one be kept waiting by a channel that does not answer. */
      if (channel != NULL && self->received == 0)
        cepa_channel_set_bad (channel);
      fetch_end (self, g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "the directory server does not answer, or too slowly"));
    }
}

static void
fetch_too_long (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  fetch_end (user_data, g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "the directory server answers too slowly"));
}

CepaFetch *
cepa_fetch_new (GMainContext *context, CepaChannelPool *channels, CepaRandom *random, guint32 number,
                const CepaCircuitHop *server, const char *resource, const char *headers, gsize max_size,
                const CepaFetchFuncs *funcs, gpointer user_data)
{
  CepaFetch *self = g_new0 (CepaFetch, 1);
  guint32 ip = server->target.ipv4;

  self->channels = channels;
  self->random = random;
  self->number = number;
  self->server = *server;
  self->resource = g_strdup (resource);
  self->request = g_strdup_printf ("GET %s HTTP/1.0\r\nHost: %u.%u.%u.%u\r\n"
                                   "Accept-Encoding: " CEPA_ENCODINGS_ALL "\r\n%s\r\n",
                                   resource, ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
                                   headers != NULL ? headers : "");
  self->max_size = max_size;
  self->funcs = *funcs;
  self->user_data = user_data;
  self->start = g_byte_array_new ();
  self->unread = g_byte_array_new ();
  self->unpacker = cepa_loop_watch_fd (context, -1, "directory answer", fetch_unpack, self);
  self->timer = cepa_loop_watch_fd (context, -1, "directory fetch", fetch_timer, self);
  cepa_loop_set_delay (self->timer, 0);
  self->deadline = cepa_loop_watch_fd (context, -1, "directory fetch deadline", fetch_too_long, self);
  return self;
}

void
cepa_fetch_cancel (CepaFetch *self)
{
  fetch_free (self);
}

const CepaCircuitHop *
cepa_fetch_get_server (const CepaFetch *self)
{
  return &self->server;
}

CepaCircuit *
cepa_fetch_get_circuit (const CepaFetch *self)
{
  return self->circuit;
}

const char *
cepa_fetch_get_resource (const CepaFetch *self)
{
  return self->resource;
}

gsize
cepa_fetch_get_received (const CepaFetch *self)
{
  return self->received;
}
