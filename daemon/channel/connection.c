/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/connection.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "channel/tls.h"
#include "wire/cell.h"

/* From the first packet to an open channel. */
#define CONNECTION_TIMEOUT_US (20 * G_USEC_PER_SEC)
/* A good many records in one turn; with room for the beginning of the longest cell, left over from the last one,
   and for a record that goes beyond the turn. */
#define CONNECTION_TURN_SIZE (128 * 1024)
#define CONNECTION_INPUT_SIZE (CEPA_CELL_MAX_VARIABLE_LEN + CONNECTION_TURN_SIZE + 16384)
/* Data waits while the channel is full; control cells do not. A relay that lets so many bytes of them pile up does
   not read. */
#define CONNECTION_MAX_QUEUED (4 * 1024 * 1024)

struct _CepaConnection
{
  CepaChannel *channel;
  CepaRandom *random;
  CepaConnectionFuncs funcs;
  GMainContext *context;
  CepaDialer *dialer;
  guint64 attempt; /* of the dialer; 0 for none */
  int fd;          /* -1 before the dialer has given it */
  CepaLoopWatch *source;   /* the socket's readiness, and writes that are due */
  CepaLoopWatch *deadline; /* (nullable): until the channel is open; then: the end of closing */
  CepaTls *tls;      /* (nullable): once @fd is there */
  gboolean is_secure, was_open, is_closing;
  gboolean has_more; /* the last turn of reading ended at its limit */
  gsize input_len;
  guint8 *input;
};

static void
connection_free (CepaConnection *self)
{
  cepa_loop_clear (&self->source);
  cepa_loop_clear (&self->deadline);
  g_clear_pointer (&self->tls, cepa_tls_free);
  if (self->fd >= 0)
    close (self->fd);
  cepa_channel_set_shell (self->channel, &(CepaChannelShell){ 0 });
  cepa_channel_unref (self->channel);
  g_free (self->input);
  g_main_context_unref (self->context);
  g_free (self);
}

static void
connection_finish (CepaConnection *self)
{
  self->funcs.closed (self->funcs.user_data, self);
  connection_free (self);
}

/* Closes the channel, which calls connection_channel_closed(). */
static void
connection_fail (CepaConnection *self, const GError *error)
{
  cepa_channel_close (self->channel, error);
}

static void
connection_progress (CepaConnection *self, CepaConnectionStage stage)
{
  if (self->funcs.progress != NULL)
    self->funcs.progress (self->funcs.user_data, self, stage);
}

static void
connection_update_condition (CepaConnection *self)
{
  GIOCondition condition = G_IO_IN;

  if (self->tls != NULL && cepa_tls_get_unsent (self->tls) > 0)
    condition |= G_IO_OUT;
  cepa_loop_set_condition (self->source, condition);
}

static gsize
connection_get_queued (CepaConnection *self)
{
  return cepa_channel_get_output (self->channel)->len + cepa_tls_get_unsent (self->tls);
}

/* Sends what the channel has queued; FALSE when the connection failed. */
static gboolean
connection_write (CepaConnection *self)
{
  CepaBuffer *output = cepa_channel_get_output (self->channel);
  g_autoptr (GError) error = NULL;
  CepaTlsStatus status;
  gsize queued = output->len;

  if (!self->is_secure)
    return TRUE;
  status = cepa_tls_write (self->tls, output, &error);
  cepa_channel_note_written (self->channel, queued - output->len);
  if (status == CEPA_TLS_FAILED)
    {
      connection_fail (self, error);
      return FALSE;
    }
  if (connection_get_queued (self) > CONNECTION_MAX_QUEUED)
    {
      g_set_error (&error, CEPA_ERROR, CEPA_ERROR_LIMIT, "the relay does not read what it is sent");
      connection_fail (self, error);
      return FALSE;
    }
  cepa_channel_note_sent (self->channel, cepa_tls_get_unsent (self->tls));
  return TRUE;
}

static void
connection_note_open (CepaConnection *self)
{
  if (self->was_open || cepa_channel_get_state (self->channel) != CEPA_CHANNEL_OPEN)
    return;
  self->was_open = TRUE;
  cepa_loop_clear (&self->deadline);
  connection_progress (self, CEPA_CONNECTION_HANDSHAKE_DONE);
}

/* Gives the channel every complete cell of the input. */
static void
connection_feed (CepaConnection *self)
{
  gsize done = cepa_channel_receive (self->channel, self->input, self->input_len);

  /* The cells stay where they are until the batch has ended: what waits for a socket points to them. */
  cepa_channel_end_batch (self->channel);
  if (done > 0 && self->input_len > done)
    memmove (self->input, self->input + done, self->input_len - done);
  self->input_len -= done;
  connection_note_open (self);
}

static void
connection_read (CepaConnection *self)
{
  CepaTlsStatus status = CEPA_TLS_DONE;
  g_autoptr (GError) error = NULL;
  gsize n = 0, turn = 0;

  while (status == CEPA_TLS_DONE && turn < CONNECTION_TURN_SIZE)
    {
      status = cepa_tls_read (self->tls, self->input + self->input_len, CONNECTION_INPUT_SIZE - self->input_len, &n,
                              &error);
      if (status != CEPA_TLS_DONE)
        break;
      self->input_len += n;
      turn += n;
    }
  if (turn > 0)
    connection_feed (self);
  if (self->is_closing)
    return;
  if (status == CEPA_TLS_CLOSED)
    g_set_error (&error, CEPA_ERROR, CEPA_ERROR_CLOSED, "the relay closed the connection");
  if (error != NULL)
    connection_fail (self, error);
  self->has_more = status == CEPA_TLS_DONE;
}

/* What is still to be done without waiting for the socket gets the next turn: records that were read ahead do not
   poll, and whoever was told that there is room again may have queued more. What was queued before is written. */
static void
connection_plan (CepaConnection *self)
{
  gboolean can_write = cepa_channel_get_output (self->channel)->len > 0 && cepa_tls_get_unsent (self->tls) == 0;

  cepa_loop_set_due_us (self->source, self->has_more || can_write ? 0 : cepa_channel_get_turn_due_us (self->channel));
}

static void
connection_transfer (CepaConnection *self, GIOCondition revents)
{
  if ((revents & ~G_IO_OUT) != 0)
    cepa_tls_note_readable (self->tls);
  if ((revents & ~G_IO_OUT) != 0 || self->has_more)
    connection_read (self);
  if (!self->is_closing)
    connection_write (self);
  if (!self->is_closing)
    cepa_channel_end_turn (self->channel);
  if (!self->is_closing)
    connection_plan (self);
}

static void
connection_start_link (CepaConnection *self)
{
  g_autoptr (GBytes) certificate = cepa_tls_get_peer_certificate (self->tls);
  g_autofree char *suite = cepa_tls_describe (self->tls);

  if (certificate == NULL)
    {
      g_autoptr (GError) error = g_error_new (CEPA_ERROR, CEPA_ERROR_PROTOCOL, "TLS without a certificate");

      connection_fail (self, error);
      return;
    }
  cepa_log (CEPA_LOG_HANDSHAKE, CEPA_LOG_DEBUG, "TLS is up: %s", suite);
  self->is_secure = TRUE;
  cepa_channel_start_handshake (self->channel, certificate);
  self->has_more = TRUE; /* the relay's first cells may have been read ahead with its last TLS message */
  connection_transfer (self, 0);
}

static void
connection_continue_tls (CepaConnection *self)
{
  g_autoptr (GError) error = NULL;

  cepa_tls_note_readable (self->tls);
  switch (cepa_tls_handshake (self->tls, &error))
    {
    case CEPA_TLS_DONE:
      connection_start_link (self);
      break;
    case CEPA_TLS_AGAIN:
      break;
    default:
      connection_fail (self, error);
    }
}

static void
connection_start_tls (CepaConnection *self)
{
  g_autoptr (GError) error = NULL;

  self->tls = cepa_tls_new (self->fd, self->random, &error);
  if (self->tls == NULL)
    {
      connection_fail (self, error);
      return;
    }
  connection_progress (self, CEPA_CONNECTION_HANDSHAKE);
  connection_continue_tls (self);
}

/* The last of the channel's bytes are offered to the socket once more, then all is over. */
static void
connection_end (CepaConnection *self)
{
  if (self->is_secure)
    {
      CepaBuffer *output = cepa_channel_get_output (self->channel);
      gsize queued = output->len;

      cepa_tls_write (self->tls, output, NULL);
      cepa_channel_note_written (self->channel, queued - output->len);
      cepa_tls_bye (self->tls);
    }
  connection_finish (self);
}

static void
connection_ready (gpointer user_data, GIOCondition revents)
{
  CepaConnection *self = user_data;

  if (self->is_closing)
    {
      connection_end (self);
      return;
    }
  if (self->tls == NULL)
    connection_start_tls (self);
  else if (!self->is_secure)
    connection_continue_tls (self);
  else
    connection_transfer (self, revents);
  if (!self->is_closing)
    connection_update_condition (self);
}

static void
connection_stop_dialing (CepaConnection *self)
{
  guint64 attempt = self->attempt;

  self->attempt = 0;
  if (attempt != 0)
    self->dialer->cancel (self->dialer, attempt);
}

/* The dialer may call this from wherever it is: TLS begins in a turn of its own. */
static void
connection_dialed (gpointer user_data, int fd, gboolean is_ipv6, const GError *error)
{
  CepaConnection *self = user_data;

  self->attempt = 0;
  if (self->is_closing)
    {
      if (fd >= 0)
        close (fd);
      return;
    }
  if (fd < 0)
    {
      g_autoptr (GError) failure = g_error_copy (error);

      g_prefix_error (&failure, "connecting: ");
      connection_fail (self, failure);
      return;
    }
  self->fd = fd;
  if (is_ipv6)
    cepa_channel_set_over_ipv6 (self->channel);
  cepa_loop_clear (&self->source);
  self->source = cepa_loop_watch_fd (self->context, fd, "channel", connection_ready, self);
  connection_progress (self, CEPA_CONNECTION_CONNECTED);
  cepa_loop_set_delay (self->source, 0);
}

static void
connection_dial (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaConnection *self = user_data;
  guint64 attempt;

  connection_progress (self, CEPA_CONNECTION_CONNECTING);
  attempt = self->dialer->dial (self->dialer, cepa_channel_get_target (self->channel), connection_dialed, self);
  self->attempt = attempt;
  if (self->is_closing) /* by what the dialer called: it did not know the number */
    connection_stop_dialing (self);
}

static void
connection_timed_out (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaConnection *self = user_data;
  const char *step = self->fd < 0 ? "connecting" : !self->is_secure ? "the TLS handshake" : "the link handshake";
  g_autoptr (GError) error = g_error_new (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "%s took too long", step);

  connection_fail (self, error);
}

static void
connection_wants_write (gpointer user_data)
{
  CepaConnection *self = user_data;

  if (self->is_secure)
    cepa_loop_set_delay (self->source, 0);
}

static void
connection_channel_closed (gpointer user_data)
{
  CepaConnection *self = user_data;

  /* The call may come from anywhere, also from below connection_read(): the end is its own turn. */
  self->is_closing = TRUE;
  connection_stop_dialing (self);
  cepa_loop_clear (&self->deadline);
  cepa_loop_clear (&self->source);
  self->source = cepa_loop_watch_fd (self->context, -1, "channel closing", connection_ready, self);
  cepa_loop_set_delay (self->source, 0);
}

CepaConnection *
cepa_connection_new (GMainContext *context, CepaChannel *channel, CepaDialer *dialer, CepaRandom *random,
                     const CepaConnectionFuncs *funcs)
{
  CepaConnection *self = g_new0 (CepaConnection, 1);
  CepaChannelShell shell = { connection_wants_write, connection_channel_closed, self };

  self->context = g_main_context_ref (context);
  self->channel = cepa_channel_ref (channel);
  self->dialer = dialer;
  self->random = random;
  self->funcs = *funcs;
  self->fd = -1;
  self->input = g_malloc (CONNECTION_INPUT_SIZE);
  cepa_channel_set_shell (channel, &shell);
  self->source = cepa_loop_watch_fd (context, -1, "channel dial", connection_dial, self);
  cepa_loop_set_delay (self->source, 0);
  self->deadline = cepa_loop_watch_fd (context, -1, "channel deadline", connection_timed_out, self);
  cepa_loop_set_delay (self->deadline, CONNECTION_TIMEOUT_US);
  return self;
}

CepaChannel *
cepa_connection_get_channel (CepaConnection *self)
{
  return self->channel;
}
