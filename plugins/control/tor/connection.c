/* SPDX-License-Identifier: BSD-3-Clause */
/* One controller: its socket, and the commands one after the other. */
#include "connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <cepa/loop.h>
#include <cepa/services.h>

#include "commands.h"
#include "events.h"
#include "query.h"
#include "text.h"

#define TOR_CONNECTION_READ_SIZE 16384

/* Commands in one turn of the loop. */
#define TOR_CONNECTION_BATCH 64

/* How long a connection that is to be closed waits for its controller to read the last answer. */
#define TOR_CONNECTION_LINGER_US (5 * G_USEC_PER_SEC)

static const char tor_connection_no_proxy[] =
  "HTTP/1.0 501 This is no HTTP proxy\r\nContent-Type: text/plain\r\n\r\n"
  "This is a control port of Tor, not an HTTP proxy. Applications connect to the SocksPort.\r\n";

static void tor_connection_process (CepaTorConnection *self);

gboolean
cepa_tor_connection_is_flushed (const CepaTorConnection *self)
{
  return self->sent == self->output->len;
}

static gboolean
tor_connection_is_full (const CepaTorConnection *self)
{
  return self->output->len - self->sent > CEPA_TOR_OUTPUT_HIGH;
}

static void
tor_connection_update_watch (CepaTorConnection *self)
{
  uint32_t events = 0;

  if (self->socket == NULL)
    return;
  if (!self->busy && !self->closing && !self->ended && !tor_connection_is_full (self))
    events |= CEPA_WATCH_READ;
  if (!cepa_tor_connection_is_flushed (self))
    events |= CEPA_WATCH_WRITE;
  cepa_host_watch_set (self->control->host, self->watch, events);
}

void
cepa_tor_connection_unref (CepaTorConnection *self)
{
  if (--self->refs > 0)
    return;
  cepa_tor_input_clear (&self->input);
  g_string_free (self->output, TRUE);
  g_string_free (self->events, TRUE);
  g_clear_pointer (&self->wanted, g_free);
  g_clear_pointer (&self->query, cepa_tor_query_free);
  g_free (self);
}

void
cepa_tor_connection_close (CepaTorConnection *self)
{
  CepaTorControl *control = self->control;

  if (self->socket == NULL)
    return;
  cepa_host_watch_free (control->host, self->watch);
  cepa_host_timer_free (control->host, self->timer);
  self->watch = self->timer = 0;
  self->closing = TRUE;
  self->event_mask = 0;
  g_clear_object (&self->socket);
  self->refs++;
  cepa_tor_control_forget (control, self);
  cepa_tor_events_update (control);
  if (self->owning)
    {
      self->owning = FALSE;
      cepa_host_log (control->host, CEPA_HOST_LOG_NOTICE, "the controller that owns the daemon has gone: it ends");
      cepa_tor_call (control, "Client1", "Shutdown", NULL, NULL, NULL, NULL);
    }
  cepa_tor_connection_unref (self);
}

void
cepa_tor_connection_flush (CepaTorConnection *self)
{
  while (self->socket != NULL && !cepa_tor_connection_is_flushed (self))
    {
      ssize_t n = send (g_socket_get_fd (self->socket), self->output->str + self->sent, self->output->len - self->sent,
                        MSG_NOSIGNAL | MSG_DONTWAIT);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        break;
      if (n <= 0)
        {
          cepa_tor_connection_close (self);
          return;
        }
      self->sent += (gsize) n;
    }
  if (cepa_tor_connection_is_flushed (self))
    {
      g_string_truncate (self->output, 0);
      self->sent = self->n_event_bytes = 0;
      if (self->closing)
        cepa_tor_connection_close (self);
    }
  tor_connection_update_watch (self);
}

void
cepa_tor_connection_finish (CepaTorConnection *self)
{
  if (self->closing)
    return;
  self->closing = TRUE;
  cepa_host_timer_set (self->control->host, self->timer, TOR_CONNECTION_LINGER_US);
}

/* Answers */

/* What is sent takes no memory any more, however long somebody reads. */
static void
tor_connection_compact (CepaTorConnection *self)
{
  if (self->sent > CEPA_TOR_OUTPUT_HIGH && self->sent > self->output->len / 2)
    {
      g_string_erase (self->output, 0, (gssize) self->sent);
      self->sent = 0;
    }
}

void
cepa_tor_connection_line (CepaTorConnection *self, guint code, const char *text)
{
  g_string_append_printf (self->output, "%03u-", code);
  cepa_tor_text_append_line (self->output, text);
  g_string_append (self->output, "\r\n");
}

static void
tor_connection_done (CepaTorConnection *self)
{
  self->busy = FALSE;
  g_clear_pointer (&self->query, cepa_tor_query_free);
  if (!self->processing)
    tor_connection_process (self);
}

void
cepa_tor_connection_reply (CepaTorConnection *self, guint code, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_string_append_printf (self->output, "%03u ", code);
  cepa_tor_text_append_line (self->output, text);
  g_string_append (self->output, "\r\n");
  tor_connection_done (self);
}

void
cepa_tor_connection_reply_lines (CepaTorConnection *self, const char *text, gsize len)
{
  g_string_append_len (self->output, text, (gssize) len);
  tor_connection_done (self);
}

void
cepa_tor_connection_add_event (CepaTorConnection *self, const char *text, gsize len)
{
  if (self->closing || self->overflow)
    return;
  self->overflow = self->n_event_bytes + len > CEPA_TOR_MAX_EVENTS;
  self->n_event_bytes += len;
  if (!self->overflow)
    g_string_append_len (self->events, text, (gssize) len);
}

void
cepa_tor_connection_flush_events (CepaTorConnection *self)
{
  if (self->overflow)
    {
      cepa_host_log (self->control->host, CEPA_HOST_LOG_NOTICE,
                     "a controller has not read its events for too long, and is closed");
      cepa_tor_connection_close (self);
      return;
    }
  if (self->events->len == 0 || self->closing)
    return;
  tor_connection_compact (self);
  g_string_append_len (self->output, self->events->str, (gssize) self->events->len);
  g_string_truncate (self->events, 0);
  cepa_tor_connection_flush (self);
}

/* Commands */

static void
tor_connection_take (CepaTorConnection *self, CepaTorInputResult result, CepaTorCommand *command)
{
  self->busy = TRUE;
  if (result == CEPA_TOR_INPUT_COMMAND)
    cepa_tor_commands_run (self, command);
  else if (result == CEPA_TOR_INPUT_TOO_LONG)
    {
      cepa_tor_connection_finish (self);
      cepa_tor_connection_reply (self, 500, "Line too long.");
    }
  else if (self->authenticated)
    cepa_tor_connection_reply (self, 500, "A command has no zero bytes.");
  else
    {
      cepa_tor_connection_finish (self);
      cepa_tor_connection_reply (self, 514, "Authentication required.");
    }
}

static gboolean
tor_connection_refuse_http (CepaTorConnection *self)
{
  if (self->authenticated || self->closing || !cepa_tor_input_is_http (&self->input))
    return FALSE;
  g_string_append (self->output, tor_connection_no_proxy);
  cepa_tor_connection_finish (self);
  return TRUE;
}

static void
tor_connection_process (CepaTorConnection *self)
{
  guint left = TOR_CONNECTION_BATCH;

  self->processing = TRUE;
  self->refs++;
  (void) tor_connection_refuse_http (self);
  while (!self->busy && !self->closing && !tor_connection_is_full (self))
    {
      g_autoptr (CepaTorCommand) command = NULL;
      CepaTorInputResult result;

      if (left-- == 0)
        {
          cepa_tor_connection_yield (self);
          break;
        }
      result = cepa_tor_input_next (&self->input, &command);
      if (result == CEPA_TOR_INPUT_MORE && self->ended)
        cepa_tor_connection_finish (self);
      if (result == CEPA_TOR_INPUT_MORE)
        break;
      tor_connection_take (self, result, command);
    }
  self->processing = FALSE;
  cepa_tor_connection_flush (self);
  cepa_tor_connection_unref (self);
}

void
cepa_tor_connection_yield (CepaTorConnection *self)
{
  if (!self->closing)
    cepa_host_timer_set (self->control->host, self->timer, 0);
}

static void
tor_connection_on_timer (void *user_data)
{
  CepaTorConnection *self = user_data;

  if (self->closing)
    cepa_tor_connection_close (self);
  else if (self->query != NULL)
    cepa_tor_query_run (self->query);
  else if (!self->busy)
    tor_connection_process (self);
}

static void
tor_connection_read (CepaTorConnection *self)
{
  guint8 data[TOR_CONNECTION_READ_SIZE];
  ssize_t n = recv (g_socket_get_fd (self->socket), data, sizeof data, MSG_DONTWAIT);

  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
    return;
  if (n < 0)
    {
      cepa_tor_connection_close (self);
      return;
    }
  self->ended = n == 0;
  cepa_tor_input_add (&self->input, data, (gsize) n);
  explicit_bzero (data, (gsize) n);
  tor_connection_process (self);
}

static void
tor_connection_on_ready (void *user_data, G_GNUC_UNUSED int fd, uint32_t events)
{
  CepaTorConnection *self = user_data;
  gboolean was_full = tor_connection_is_full (self);

  self->refs++;
  if ((events & CEPA_WATCH_WRITE) != 0)
    {
      cepa_tor_connection_flush (self);
      /* Commands that came while there was no room for answers lie in the input. */
      if (self->socket != NULL && was_full && !tor_connection_is_full (self) && !self->busy)
        tor_connection_process (self);
    }
  if (self->socket != NULL && (events & CEPA_WATCH_READ) != 0 && !self->busy && !self->closing && !self->ended)
    tor_connection_read (self);
  else if (self->socket != NULL && (events & CEPA_WATCH_ERROR) != 0)
    cepa_tor_connection_close (self);
  cepa_tor_connection_unref (self);
}

void
cepa_tor_connection_open (CepaTorControl *control, GSocket *socket)
{
  CepaTorConnection *self = g_new0 (CepaTorConnection, 1);

  self->refs = 1;
  self->control = control;
  self->socket = socket;
  self->output = g_string_new (NULL);
  self->events = g_string_new (NULL);
  cepa_tor_input_init (&self->input);
  g_ptr_array_add (control->connections, self);
  self->timer = cepa_host_timer_new (control->host, tor_connection_on_timer, self);
  self->watch = cepa_host_watch_new (control->host, g_socket_get_fd (socket), CEPA_WATCH_READ, tor_connection_on_ready,
                                     self);
}

/* Calls */

typedef struct
{
  CepaTorConnection *connection;
  CepaTorConnectionFunc func;
  gpointer data;
  GDestroyNotify destroy;
} TorConnectionCall;

static void
tor_connection_on_reply (gpointer user_data, GVariant *result, const GError *error)
{
  TorConnectionCall *call = user_data;

  if (call->connection->socket != NULL)
    call->func (call->connection, call->data, result, error);
}

static void
tor_connection_call_free (gpointer data)
{
  TorConnectionCall *call = data;

  if (call->destroy != NULL)
    call->destroy (call->data);
  cepa_tor_connection_unref (call->connection);
  g_free (call);
}

void
cepa_tor_connection_call (CepaTorConnection *self, const char *interface_name, const char *method, GVariant *args,
                          CepaTorConnectionFunc func, gpointer data, GDestroyNotify destroy)
{
  TorConnectionCall *call = g_new0 (TorConnectionCall, 1);

  *call = (TorConnectionCall) { .connection = self, .func = func, .data = data, .destroy = destroy };
  self->refs++;
  cepa_tor_call (self->control, interface_name, method, args, tor_connection_on_reply, call, tor_connection_call_free);
}
