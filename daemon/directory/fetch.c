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
/* Of the answer as it comes, compressed or not. */
#define FETCH_SLACK CEPA_HTTP_MAX_HEADERS

struct _CepaFetch
{
  CepaChannelPool *channels;
  CepaRandom *random;
  guint32 number;
  CepaCircuitHop server;
  char *resource, *request;
  gsize max_size, request_sent;
  gsize counted;         /* of the answer, when the stall timer was set last */
  CepaFetchFuncs funcs;
  gpointer user_data;
  GSource *timer;        /* the start, then the stall, then the end */
  CepaCircuit *circuit;  /* (nullable) */
  CepaStreams *streams;  /* (nullable) */
  CepaStream *stream;    /* (nullable) */
  GByteArray *answer;
  gboolean is_started, is_done;
  GError *error;         /* (nullable): why it failed */
};

static void
fetch_free (CepaFetch *self)
{
  g_autoptr (GError) reason = g_error_new (CEPA_ERROR, CEPA_ERROR_CLOSED, "the directory request is over");

  self->is_done = TRUE;
  cepa_loop_clear (&self->timer);
  if (self->circuit != NULL)
    cepa_circuit_close (self->circuit, reason);
  g_clear_pointer (&self->streams, cepa_streams_free);
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_clear_error (&self->error);
  g_byte_array_unref (self->answer);
  g_free (self->resource);
  g_free (self->request);
  g_free (self);
}

static void
fetch_finish (CepaFetch *self)
{
  CepaHttpResponse response = { 0 };

  if (self->error == NULL
      && cepa_http_parse_response (self->answer->data, self->answer->len, self->max_size, &response, &self->error))
    self->funcs.done (self->user_data, self, &response, NULL);
  else
    self->funcs.done (self->user_data, self, NULL, self->error);
  cepa_http_response_clear (&response);
  fetch_free (self);
}

/* The end comes in a turn of its own: this is called from below the circuit. @error: (transfer full) (nullable) */
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

  if (self->is_done || len == 0)
    return;
  if (self->answer->len == 0)
    fetch_progress (self, CEPA_FETCH_ANSWERING);
  if (self->answer->len + len > self->max_size + FETCH_SLACK)
    fetch_end (self, g_error_new (CEPA_ERROR, CEPA_ERROR_LIMIT, "answer over %" G_GSIZE_FORMAT " bytes",
                                  self->max_size));
  else
    g_byte_array_append (self->answer, data, (guint) len);
}

static void
fetch_batch_end (gpointer user_data)
{
  CepaFetch *self = user_data;

  if (self->is_done)
    return;
  if (self->answer->len - self->counted >= FETCH_MIN_PROGRESS)
    {
      self->counted = self->answer->len;
      cepa_loop_set_delay (self->timer, FETCH_STALL_US);
    }
  cepa_stream_note_queued (self->stream, 0);
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
      if (channel != NULL && self->answer->len == 0)
        cepa_channel_set_bad (channel);
      fetch_end (self, g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "the directory server does not answer, or too slowly"));
    }
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
  self->request = g_strdup_printf ("GET %s HTTP/1.0\r\nHost: %u.%u.%u.%u\r\nAccept-Encoding: deflate, gzip, identity\r\n"
                                   "%s\r\n",
                                   resource, ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255,
                                   headers != NULL ? headers : "");
  self->max_size = max_size;
  self->funcs = *funcs;
  self->user_data = user_data;
  self->answer = g_byte_array_new ();
  self->timer = cepa_loop_watch_fd (context, -1, "directory fetch", fetch_timer, self);
  cepa_loop_set_delay (self->timer, 0);
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
