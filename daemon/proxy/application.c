/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/application.h"

#include <cepa/event.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "path/circuits-watch.h"
#include "proxy/exit-wish.h"
#include "proxy/target.h"
#include "wire/socks.h"

/* Taken from the application in one turn: 32 full cells. */
#define APPLICATION_READ_SIZE (32 * CEPA_RELAY_MAX_DATA)
/* Taken, and sent ahead, before the other end is there. */
#define APPLICATION_MAX_EARLY 8192
#define APPLICATION_MAX_PIECES 128
/* For one try on one circuit: twice this, then half as long again (ctor.md S6). */
#define APPLICATION_TRY_US (10 * G_USEC_PER_SEC)
#define APPLICATION_LATER_TRY_US (15 * G_USEC_PER_SEC)
/* Exits that may refuse before the application is told. */
#define APPLICATION_MAX_REFUSALS 3
/* Circuits that may go while they are asked: whoever ends them at will shall not have us build them without end. */
#define APPLICATION_MAX_TRIES 10
/* An application that will send no more may still be reading: its stream ends when nothing came for so long. */
#define APPLICATION_LINGER_US (5 * G_USEC_PER_SEC)
/* How long the last bytes may take to an application that does not read. */
#define APPLICATION_FLUSH_US (60 * G_USEC_PER_SEC)
#define APPLICATION_BEGIN_IPV6_OK 1

typedef enum
{
  APPLICATION_HANDSHAKE,
  APPLICATION_WAITING,    /* for a circuit */
  APPLICATION_CONNECTING, /* BEGIN was sent */
  APPLICATION_OPEN,
  APPLICATION_FLUSHING,   /* the stream is over; the last bytes go to the application */
  APPLICATION_ENDED,
} ApplicationState;

struct _CepaApplication
{
  const CepaApplicationShared *shared;
  ApplicationState state;
  int fd;
  guint64 number;
  char *isolation;
  gboolean keeps_alive;     /* KeepAliveIsolateSOCKSAuth, of its port */
  char *source_text;        /* "address:port" of the application */
  gboolean was_asked, was_connected, was_told_over; /* as far as events have said */
  guint end_reason;         /* of END, that it ended with */
  gint64 created_us;        /* since 1970 */
  guint64 bytes_read, bytes_written;
  CepaLoopWatch *source;
  CepaLoopWatch *timer;
  gint64 deadline_us;       /* of the handshake and the connecting */
  gint64 begun_us;          /* when this try began */
  guint tries, refusals;
  guint last_reason;        /* of the last exit that refused */
  CepaSocks socks;
  CepaCircuitsWish wish;
  CepaCircuitsRequest *request; /* (nullable) */
  CepaCircuit *circuit;     /* (nullable): of the stream; a reference */
  CepaStream *stream;       /* (nullable) */
  gboolean at_end;          /* the application sends no more */
  GByteArray *input;        /* from the application, not sent yet, or kept for another try */
  gsize early;              /* of @input, sent before the other end was there */
  CepaBuffer output;        /* to the application, not taken yet */
  guint n_pieces;
  struct iovec pieces[APPLICATION_MAX_PIECES]; /* to the application, still in the channel's input */
};

static void application_read (CepaApplication *self);
static void application_ask (CepaApplication *self);

/* ---- what is told ---- */

static void
application_tell (CepaApplication *self, guint what, guint reason, const GError *why)
{
  CepaEventSink *events = self->shared->events;
  CepaEvent event = { .size = sizeof event, .kind = CEPA_EVENT_STREAM, .what = what, .reason = reason,
                      .stream = self->number, .circuit = cepa_application_get_circuit_number (self) };

  if (!cepa_event_sink_wants (events, CEPA_EVENT_STREAM))
    return;
  event.time_ns = cepa_event_sink_now_ns (events);
  events->event (events, &event, self, why);
}

/* Once for each stream that was asked for; before it lets go of its circuit. @why: (nullable) */
static void
application_tell_over (CepaApplication *self, const GError *why)
{
  if (!self->was_asked || self->was_told_over)
    return;
  self->was_told_over = TRUE;
  application_tell (self, self->was_connected ? CEPA_STREAM_EVENT_ENDED : CEPA_STREAM_EVENT_FAILED, self->end_reason,
                    why);
}

CepaApplicationState
cepa_application_get_state (const CepaApplication *self)
{
  if (!self->was_asked)
    return CEPA_APPLICATION_NONE;
  if (self->was_told_over)
    return CEPA_APPLICATION_CLOSED;
  return self->state == APPLICATION_OPEN         ? CEPA_APPLICATION_OPEN
         : self->state == APPLICATION_CONNECTING ? CEPA_APPLICATION_ATTACHED
                                                 : CEPA_APPLICATION_NEW;
}

guint64
cepa_application_get_number (const CepaApplication *self)
{
  return self->number;
}

guint64
cepa_application_get_circuit_number (const CepaApplication *self)
{
  return self->circuit != NULL ? cepa_circuit_get_number (self->circuit) : 0;
}

char *
cepa_application_dup_target (const CepaApplication *self)
{
  gboolean is_ipv6 = strchr (self->socks.host, ':') != NULL;

  return g_strdup_printf (is_ipv6 ? "[%s]:%u" : "%s:%u", self->socks.host, self->socks.port);
}

const char *
cepa_application_get_source (const CepaApplication *self)
{
  return self->source_text;
}

gint64
cepa_application_get_created_us (const CepaApplication *self)
{
  return self->created_us;
}

guint64
cepa_application_get_bytes_read (const CepaApplication *self)
{
  return self->bytes_read;
}

guint64
cepa_application_get_bytes_written (const CepaApplication *self)
{
  return self->bytes_written;
}

/* ---- the end ---- */

static void
application_free (CepaApplication *self)
{
  cepa_loop_clear (&self->source);
  cepa_loop_clear (&self->timer);
  close (self->fd);
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
  g_byte_array_unref (self->input);
  cepa_buffer_clear (&self->output);
  g_free (self->source_text);
  g_free (self->isolation);
  g_free (self);
}

/* Its stream is not on its circuit any more. */
static void
application_let_go (CepaApplication *self)
{
  if (self->circuit != NULL && self->wish.keeps_alive)
    cepa_circuits_note_kept (self->shared->circuits, self->circuit);
  g_clear_pointer (&self->circuit, cepa_circuit_unref);
}

static void
application_drop_stream (CepaApplication *self)
{
  if (self->request != NULL)
    cepa_circuits_cancel (self->shared->circuits, g_steal_pointer (&self->request));
  /* Relays are not told why: C Tor's clients always say MISC. */
  if (self->stream != NULL)
    cepa_stream_close (g_steal_pointer (&self->stream), CEPA_END_MISC);
  application_let_go (self);
}

/* Ends it in a turn of its own: this is called from anywhere below the circuit. */
static void
application_end (CepaApplication *self)
{
  if (self->state == APPLICATION_ENDED)
    return;
  application_tell_over (self, NULL);
  application_drop_stream (self);
  self->state = APPLICATION_ENDED;
  cepa_loop_clear (&self->source); /* an error on the socket would call again and again */
  cepa_loop_set_delay (self->timer, 0);
}

void
cepa_application_abort (CepaApplication *self)
{
  g_autoptr (GError) why = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "shutting down");

  application_tell_over (self, why);
  application_drop_stream (self);
  application_free (self);
}

/* ---- to the application ---- */

static void
application_update_condition (CepaApplication *self)
{
  GIOCondition condition = 0;
  gboolean early_full = self->state < APPLICATION_OPEN && self->input->len >= APPLICATION_MAX_EARLY;
  gboolean late_full = self->state == APPLICATION_OPEN && self->input->len > 0;

  if (self->state == APPLICATION_ENDED)
    return;
  if (!self->at_end && !early_full && !late_full && self->state != APPLICATION_FLUSHING)
    condition |= G_IO_IN;
  if (self->output.len > 0)
    condition |= G_IO_OUT;
  cepa_loop_set_condition (self->source, condition);
}

/* Keeps what the socket did not take of the pieces, from byte @done on. */
static void
application_keep_pieces (CepaApplication *self, gsize done)
{
  for (guint i = 0; i < self->n_pieces; i++)
    {
      gsize skip = MIN (done, self->pieces[i].iov_len);

      done -= skip;
      cepa_buffer_append (&self->output, (guint8 *) self->pieces[i].iov_base + skip, self->pieces[i].iov_len - skip);
    }
  self->n_pieces = 0;
}

/* What sendmsg() took; 0 when it would wait, -1 when the socket is gone. */
static gssize
application_send (CepaApplication *self, struct iovec *iov, guint n)
{
  struct msghdr message = { .msg_iov = iov, .msg_iovlen = n };
  ssize_t sent = sendmsg (self->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return 0;
  return sent;
}

static void
application_flush_pieces (CepaApplication *self)
{
  gssize sent = 0;

  if (self->n_pieces == 0)
    return;
  if (self->output.len == 0 && self->state != APPLICATION_ENDED)
    sent = application_send (self, self->pieces, self->n_pieces);
  if (sent < 0)
    {
      self->n_pieces = 0;
      application_end (self);
      return;
    }
  application_keep_pieces (self, (gsize) sent);
}

static void
application_flush_output (CepaApplication *self)
{
  struct iovec iov[16];
  gssize sent = 1;

  while (self->output.len > 0 && sent > 0)
    {
      sent = application_send (self, iov, cepa_buffer_peek (&self->output, iov, G_N_ELEMENTS (iov)));
      if (sent > 0)
        cepa_buffer_drain (&self->output, (gsize) sent);
    }
  if (sent < 0)
    application_end (self);
  else if (self->stream != NULL)
    cepa_stream_note_queued (self->stream, self->output.len);
  else if (self->output.len == 0 && self->state == APPLICATION_FLUSHING)
    application_end (self);
}

/* The stream is over: the last bytes go out, then the connection ends. */
static void
application_finish (CepaApplication *self)
{
  if (self->state == APPLICATION_ENDED)
    return;
  application_tell_over (self, NULL);
  application_drop_stream (self);
  self->state = APPLICATION_FLUSHING;
  cepa_loop_set_delay (self->timer, APPLICATION_FLUSH_US);
  application_flush_output (self);
  application_update_condition (self);
}

static void
application_refuse (CepaApplication *self, CepaSocksReply reply)
{
  guint8 bytes[CEPA_SOCKS_MAX_REPLY];

  cepa_buffer_append (&self->output, bytes, cepa_socks_write_reply (reply, bytes));
  application_finish (self);
}

/* ---- from the circuit ---- */

static const CepaCircuitHop *
application_get_exit (const CepaApplication *self)
{
  return cepa_circuit_get_hop (self->circuit, cepa_circuit_get_n_hops (self->circuit) - 1);
}

static void
application_connected (gpointer user_data, G_GNUC_UNUSED const CepaConnected *connected)
{
  CepaApplication *self = user_data;
  guint8 bytes[CEPA_SOCKS_MAX_REPLY];

  self->state = APPLICATION_OPEN;
  self->was_connected = TRUE;
  cepa_circuits_note_answer (self->shared->circuits, self->circuit);
  cepa_tracked_exits_note (self->shared->exits, self->socks.host, application_get_exit (self)->target.rsa_id);
  application_tell (self, CEPA_STREAM_EVENT_SUCCEEDED, 0, NULL);
  cepa_loop_set_delay (self->timer, self->at_end ? APPLICATION_LINGER_US : -1);
  g_byte_array_remove_range (self->input, 0, (guint) self->early);
  self->early = 0;
  cepa_buffer_append (&self->output, bytes, cepa_socks_write_reply (CEPA_SOCKS_SUCCEEDED, bytes));
  application_flush_output (self);
  application_update_condition (self);
}

static void
application_data (gpointer user_data, const guint8 *data, gsize len)
{
  CepaApplication *self = user_data;

  if (self->state == APPLICATION_ENDED)
    return;
  if (self->n_pieces == APPLICATION_MAX_PIECES)
    application_flush_pieces (self);
  self->bytes_read += len;
  self->pieces[self->n_pieces].iov_base = (guint8 *) data;
  self->pieces[self->n_pieces].iov_len = len;
  self->n_pieces++;
}

static void
application_batch_end (gpointer user_data)
{
  CepaApplication *self = user_data;

  application_flush_pieces (self);
  if (self->state == APPLICATION_ENDED)
    return;
  if (self->stream != NULL)
    cepa_stream_note_queued (self->stream, self->output.len);
  if (self->at_end)
    cepa_loop_set_delay (self->timer, APPLICATION_LINGER_US);
  application_update_condition (self);
}

/* Sends what is in the input; TRUE when all of it went. */
static gboolean
application_send_input (CepaApplication *self)
{
  gsize sent;

  if (self->stream == NULL || self->input->len == self->early)
    return self->stream != NULL;
  sent = cepa_stream_send (self->stream, self->input->data + self->early, self->input->len - self->early);
  self->bytes_written += sent;
  if (self->state == APPLICATION_OPEN)
    g_byte_array_remove_range (self->input, 0, (guint) sent);
  else
    self->early += sent; /* kept: another circuit may have to be tried */
  return self->input->len == self->early;
}

static void
application_sendable (gpointer user_data)
{
  CepaApplication *self = user_data;

  if (application_send_input (self) && self->state == APPLICATION_OPEN && !self->at_end)
    application_read (self);
  if (self->state != APPLICATION_ENDED)
    application_update_condition (self);
}

static gboolean
application_may_retry (CepaApplication *self, guint reason)
{
  switch (reason)
    {
    case CEPA_END_DESTROY:
      if (cepa_circuit_get_state (self->circuit) == CEPA_CIRCUIT_CLOSED)
        return TRUE; /* the circuit went: no exit has said anything */
      G_GNUC_FALLTHROUGH;
    case CEPA_END_MISC:
    case CEPA_END_RESOLVEFAILED:
    case CEPA_END_EXITPOLICY:
    case CEPA_END_NOROUTE:
    case CEPA_END_HIBERNATING:
    case CEPA_END_RESOURCELIMIT:
      self->last_reason = reason;
      return ++self->refusals < APPLICATION_MAX_REFUSALS;
    default:
      return FALSE;
    }
}

/* The exit has said no: the circuit works then, unless its words are those of a broken one. */
static void
application_note_refusal (CepaApplication *self, guint reason)
{
  if (cepa_circuit_get_state (self->circuit) == CEPA_CIRCUIT_CLOSED)
    return;
  if (reason != CEPA_END_DESTROY && reason != CEPA_END_TORPROTOCOL)
    cepa_circuits_note_answer (self->shared->circuits, self->circuit);
  cepa_circuits_note_refusal (self->shared->circuits, self->circuit, reason);
}

/* It leaves its circuit for another one. */
static void
application_detach (CepaApplication *self, guint reason)
{
  cepa_circuits_note_left (self->shared->circuits, self->circuit);
  application_tell (self, CEPA_STREAM_EVENT_DETACHED, reason, NULL);
  self->end_reason = 0;
  self->bytes_written = 0; /* sent ahead, in vain */
}

/* Also when it is the one that is to be used again for the host: this time it is another one. */
static void
application_avoid_exit (CepaApplication *self)
{
  const CepaCircuitHop *exit = application_get_exit (self);

  cepa_tracked_exits_note_failure (self->shared->exits, self->socks.host, exit->target.rsa_id);
  self->wish.has_exit = FALSE;
  if (self->wish.n_avoid < CEPA_CIRCUITS_MAX_AVOID)
    memcpy (self->wish.avoid[self->wish.n_avoid++], exit->target.rsa_id, sizeof self->wish.avoid[0]);
}

static void
application_ended (gpointer user_data, const CepaEnd *end)
{
  CepaApplication *self = user_data;

  self->stream = NULL;
  if (self->state == APPLICATION_ENDED)
    return;
  cepa_log (CEPA_LOG_EDGE, CEPA_LOG_INFO, "stream %" G_GUINT64_FORMAT " ended: %s", self->number, cepa_end_reason_name (end->reason));
  self->end_reason = end->reason;
  application_flush_pieces (self);
  if (self->state != APPLICATION_CONNECTING)
    {
      application_finish (self);
      return;
    }
  application_note_refusal (self, end->reason);
  if (!application_may_retry (self, end->reason) || self->tries >= APPLICATION_MAX_TRIES)
    {
      application_refuse (self, cepa_socks_reply_for_end (end->reason));
      return;
    }
  if (cepa_circuit_get_state (self->circuit) != CEPA_CIRCUIT_CLOSED)
    application_avoid_exit (self);
  application_detach (self, end->reason);
  /* Asked for from the timer: the circuit may be on its way out, and this is called from below it. */
  self->state = APPLICATION_WAITING;
  application_let_go (self);
  cepa_loop_set_delay (self->timer, 0);
}

static const CepaStreamFuncs application_stream_funcs
    = { application_connected, application_data, application_batch_end, application_sendable, application_ended };

static void
application_set_try_deadline (CepaApplication *self)
{
  gint64 now = cepa_clock_monotonic_us (self->shared->clock);
  gint64 wait = self->shared->try_us > 0 ? self->shared->try_us
                : self->tries <= 2       ? APPLICATION_TRY_US
                                         : APPLICATION_LATER_TRY_US;

  cepa_loop_set_delay (self->timer, MAX (MIN (wait, self->deadline_us - now), 0));
}

/* There is no circuit: what the exits that were asked said, if there were any, else why. */
static CepaSocksReply
application_reply_for_error (CepaApplication *self, const GError *error)
{
  if (self->refusals > 0)
    return cepa_socks_reply_for_end (self->last_reason);
  if (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_NO_PATH))
    return self->wish.n_avoid > 0 ? CEPA_SOCKS_TTL_EXPIRED  /* those that let the port through did not answer */
                                  : CEPA_SOCKS_NOT_ALLOWED; /* no exit lets it through */
  if (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_CONFIG))
    return CEPA_SOCKS_NOT_ALLOWED; /* a country that cannot be had */
  if (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_CANCELLED))
    return CEPA_SOCKS_GENERAL_FAILURE;
  return CEPA_SOCKS_NETWORK_UNREACHABLE;
}

static void
application_got_circuit (gpointer user_data, CepaCircuit *circuit, CepaStreams *streams, const GError *error)
{
  CepaApplication *self = user_data;
  g_autoptr (GError) failed = NULL;

  self->request = NULL;
  if (error != NULL && self->wish.has_exit)
    {
      /* The exit of last time is not to be had: then any. */
      cepa_tracked_exits_forget (self->shared->exits, self->socks.host);
      self->wish.has_exit = FALSE;
      cepa_loop_set_delay (self->timer, 0);
      return;
    }
  if (error != NULL)
    {
      self->end_reason = self->last_reason; /* what exits said before; 0 when none was asked */
      application_tell_over (self, error);
      application_refuse (self, application_reply_for_error (self, error));
      return;
    }
  self->circuit = cepa_circuit_ref (circuit);
  self->state = APPLICATION_CONNECTING;
  self->begun_us = cepa_clock_monotonic_us (self->shared->clock);
  self->tries++;
  self->early = 0;
  self->stream = cepa_streams_begin (streams, self->socks.host, self->socks.port,
                                     self->socks.is_address ? 0 : APPLICATION_BEGIN_IPV6_OK,
                                     &application_stream_funcs, self, &failed);
  if (self->stream == NULL)
    {
      cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "stream %" G_GUINT64_FORMAT ": %s", self->number, failed->message);
      application_let_go (self);
      application_tell_over (self, failed);
      application_refuse (self, CEPA_SOCKS_GENERAL_FAILURE);
      return;
    }
  cepa_log (CEPA_LOG_EDGE, CEPA_LOG_INFO, "stream %" G_GUINT64_FORMAT " attached to circuit %u", self->number,
            cepa_circuit_get_number (circuit));
  application_tell (self, CEPA_STREAM_EVENT_ATTACHED, 0, NULL);
  application_set_try_deadline (self);
  application_send_input (self);
}

static void
application_ask (CepaApplication *self)
{
  gint64 now = cepa_clock_monotonic_us (self->shared->clock);

  cepa_loop_set_delay (self->timer, MAX (self->deadline_us - now, 0));
  self->state = APPLICATION_WAITING;
  /* The answer may come during the call: then there is nothing to cancel. */
  self->request = cepa_circuits_request (self->shared->circuits, &self->wish, application_got_circuit, self);
}

/* ---- from the application ---- */

static void
application_set_isolation (CepaApplication *self)
{
  g_autofree char *user = cepa_hex_encode (self->socks.user, self->socks.user_len);
  g_autofree char *password = cepa_hex_encode (self->socks.password, self->socks.password_len);
  char *whole = g_strdup_printf ("%s %d %s %s", self->isolation, self->socks.has_auth, user, password);

  g_free (self->isolation);
  self->isolation = whole;
  self->wish.isolation = whole;
}

/* Which exit it is to be: one in a country, or the one of last time. */
static gboolean
application_wish_exit (CepaApplication *self, GError **error)
{
  CepaTrackedExits *exits = self->shared->exits;
  const guint8 *exit;

  if (!cepa_exit_wish_parse (self->socks.user, self->socks.user_len, self->wish.country, error))
    return FALSE;
  cepa_tracked_exits_set_identity (exits, cepa_circuits_get_identity (self->shared->circuits));
  exit = cepa_tracked_exits_find (exits, self->socks.host);
  self->wish.has_exit = exit != NULL && self->wish.country[0] == '\0';
  if (self->wish.has_exit)
    memcpy (self->wish.exit, exit, sizeof self->wish.exit);
  return TRUE;
}

static void
application_requested (CepaApplication *self)
{
  const char *refusal = cepa_target_check (self->socks.host, self->shared->reject_internal);
  g_autoptr (GError) unclear = NULL;

  cepa_log (CEPA_LOG_APP, CEPA_LOG_INFO, "stream %" G_GUINT64_FORMAT " to %s:%u", self->number, cepa_log_scrub (self->socks.host),
            self->socks.port);
  self->was_asked = TRUE;
  self->created_us = cepa_clock_wall_us (self->shared->clock);
  application_tell (self, CEPA_STREAM_EVENT_NEW, 0, NULL);
  if (refusal != NULL)
    {
      g_autoptr (GError) why = g_error_new (CEPA_ERROR, CEPA_ERROR_CONFIG, "the target is %s", refusal);

      cepa_log (CEPA_LOG_APP, CEPA_LOG_NOTICE, "stream %" G_GUINT64_FORMAT " refused: %s is %s", self->number,
                cepa_log_scrub (self->socks.host), refusal);
      application_tell_over (self, why);
      application_refuse (self, CEPA_SOCKS_NOT_ALLOWED);
      return;
    }
  if (!application_wish_exit (self, &unclear))
    {
      cepa_log (CEPA_LOG_APP, CEPA_LOG_WARN, "stream %" G_GUINT64_FORMAT " refused: %s", self->number, unclear->message);
      application_tell_over (self, unclear);
      application_refuse (self, CEPA_SOCKS_NOT_ALLOWED);
      return;
    }
  self->wish.port = self->socks.port;
  self->wish.ipv6 = cepa_target_is_ipv6 (self->socks.host);
  self->wish.keeps_alive = self->keeps_alive && (self->socks.user_len > 0 || self->socks.password_len > 0);
  application_set_isolation (self);
  application_ask (self);
}

static void
application_handshake (CepaApplication *self)
{
  g_autoptr (GByteArray) reply = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  gsize consumed = 0;
  CepaSocksStatus status
      = cepa_socks_feed (&self->socks, self->input->data, self->input->len, &consumed, reply, &error);

  g_byte_array_remove_range (self->input, 0, (guint) consumed);
  cepa_buffer_append (&self->output, reply->data, reply->len);
  if (status == CEPA_SOCKS_REQUEST)
    application_requested (self);
  else if (status == CEPA_SOCKS_REFUSED)
    {
      cepa_log (CEPA_LOG_APP, CEPA_LOG_WARN, "refused an application's request: %s", error->message);
      application_finish (self);
    }
  else if (self->input->len >= CEPA_SOCKS_MAX_REQUEST)
    application_end (self);
  if (self->state < APPLICATION_FLUSHING)
    application_flush_output (self);
}

/* The application sends no more. It may go on reading, which a stream cannot tell the other end. */
static void
application_input_ended (CepaApplication *self)
{
  self->at_end = TRUE;
  if (self->state == APPLICATION_HANDSHAKE)
    application_end (self);
  else if (self->state == APPLICATION_OPEN)
    cepa_loop_set_delay (self->timer, APPLICATION_LINGER_US);
}

static void
application_took (CepaApplication *self, const guint8 *data, gsize len)
{
  gsize sent = 0;

  /* While nothing waits, bytes go straight from here into cells. */
  if (self->state == APPLICATION_OPEN && self->input->len == 0)
    sent = cepa_stream_send (self->stream, data, len);
  self->bytes_written += sent;
  g_byte_array_append (self->input, data + sent, (guint) (len - sent));
  if (self->state == APPLICATION_HANDSHAKE)
    application_handshake (self);
  else if (self->state == APPLICATION_CONNECTING)
    application_send_input (self);
}

static void
application_read (CepaApplication *self)
{
  guint8 bytes[APPLICATION_READ_SIZE];
  gsize room = self->state == APPLICATION_OPEN ? sizeof bytes : APPLICATION_MAX_EARLY - self->input->len;
  ssize_t n;

  if (self->state >= APPLICATION_FLUSHING || self->at_end || room == 0)
    return;
  if (self->state == APPLICATION_OPEN && (self->input->len > 0 || !cepa_stream_can_send (self->stream)))
    {
      cepa_loop_set_condition (self->source, self->output.len > 0 ? G_IO_OUT : 0); /* until it is sendable */
      return;
    }
  n = recv (self->fd, bytes, room, 0);
  if (n > 0)
    application_took (self, bytes, (gsize) n);
  else if (n == 0)
    application_input_ended (self);
  else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    application_end (self);
  if (self->state != APPLICATION_ENDED)
    application_update_condition (self);
}

static void
application_ready (gpointer user_data, GIOCondition revents)
{
  CepaApplication *self = user_data;

  if ((revents & (G_IO_ERR | G_IO_HUP | G_IO_NVAL)) != 0 && (revents & G_IO_IN) == 0)
    {
      application_end (self);
      return;
    }
  if ((revents & G_IO_OUT) != 0)
    application_flush_output (self);
  if (self->state != APPLICATION_ENDED && (revents & G_IO_IN) != 0)
    application_read (self);
  else if (self->state != APPLICATION_ENDED)
    application_update_condition (self);
}

/* ---- in time ---- */

static void
application_refuse_late (CepaApplication *self)
{
  g_autoptr (GError) why = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_TIMEOUT, "no exit answered in time");

  application_tell_over (self, why);
  application_drop_stream (self);
  application_refuse (self, CEPA_SOCKS_TTL_EXPIRED);
}

static void
application_try_timed_out (CepaApplication *self)
{
  gint64 now = cepa_clock_monotonic_us (self->shared->clock);

  cepa_log (CEPA_LOG_EDGE, CEPA_LOG_INFO, "stream %" G_GUINT64_FORMAT " got no answer on circuit %u", self->number,
            cepa_circuit_get_number (self->circuit));
  cepa_circuits_note_timeout (self->shared->circuits, self->circuit, self->begun_us);
  application_avoid_exit (self);
  if (now >= self->deadline_us)
    {
      application_refuse_late (self);
      return;
    }
  application_detach (self, 0);
  application_drop_stream (self);
  application_ask (self);
}

static void
application_timer (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaApplication *self = user_data;
  gboolean is_late = cepa_clock_monotonic_us (self->shared->clock) >= self->deadline_us;

  switch (self->state)
    {
    case APPLICATION_HANDSHAKE:
    case APPLICATION_FLUSHING:
      application_end (self);
      break;
    case APPLICATION_WAITING:
      if (is_late)
        application_refuse_late (self);
      else
        application_ask (self);
      break;
    case APPLICATION_CONNECTING:
      application_try_timed_out (self);
      break;
    case APPLICATION_OPEN:
      if (self->input->len > 0)
        cepa_loop_set_delay (self->timer, APPLICATION_LINGER_US); /* not all of it could be sent yet */
      else if (self->at_end)
        application_finish (self);
      break;
    case APPLICATION_ENDED:
      self->shared->closed (self->shared->user_data, self);
      application_free (self);
      break;
    }
}

void
cepa_application_close (CepaApplication *self, guint reason)
{
  g_autoptr (GError) why = g_error_new_literal (CEPA_ERROR, CEPA_ERROR_CANCELLED, "closed by a controller");

  if (self->was_told_over || !self->was_asked)
    return;
  self->end_reason = reason;
  application_tell_over (self, why);
  if (self->was_connected)
    application_finish (self);
  else
    {
      application_drop_stream (self);
      application_refuse (self, cepa_socks_reply_for_end (reason));
    }
}

CepaApplication *
cepa_application_new (const CepaApplicationShared *shared, int fd, guint64 number, const char *listener,
                      gboolean keeps_alive, const char *peer, guint16 peer_port)
{
  CepaApplication *self = g_new0 (CepaApplication, 1);

  self->shared = shared;
  self->fd = fd;
  self->number = number;
  self->isolation = g_strdup_printf ("%s %s", listener, peer);
  self->keeps_alive = keeps_alive;
  self->source_text = g_strdup_printf (strchr (peer, ':') != NULL ? "[%s]:%u" : "%s:%u", peer, peer_port);
  self->input = g_byte_array_new ();
  self->deadline_us = cepa_clock_monotonic_us (shared->clock) + shared->timeout_us;
  self->source = cepa_loop_watch_fd (shared->context, fd, "application", application_ready, self);
  self->timer = cepa_loop_watch_fd (shared->context, -1, "application timer", application_timer, self);
  cepa_loop_set_delay (self->timer, shared->timeout_us);
  cepa_loop_set_condition (self->source, G_IO_IN);
  return self;
}
