/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cepa/loop.h>
#include <cepa/services.h>

#include "format.h"
#include "ring.h"

/* From the first event to its write. */
#define TRACE_DELAY_US (100 * 1000)

/* What one turn of the loop formats and writes: about 2,000 events in 2 ms. */
#define TRACE_BUFFER_SIZE (256 * 1024)

struct _CepaTrace
{
  const CepaHost *host;
  CepaTraceFormat format;
  guint32 kinds;
  const char *path; /* the host's */
  guint64 max_bytes;
  int fd;           /* -1 while nothing is written */
  guint64 size;     /* of the file */
  CepaTraceRing ring;
  char *buffer;
  uint64_t timer;
};

CepaTrace *
cepa_trace_new (const CepaHost *host)
{
  CepaTrace *self = g_new0 (CepaTrace, 1);

  self->host = host;
  self->fd = -1;
  return self;
}

/* Nothing is taken or written any more. */
static void
trace_close (CepaTrace *self)
{
  cepa_metrics_want (self->host, 0);
  cepa_host_timer_free (self->host, self->timer);
  self->timer = 0;
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
  cepa_trace_ring_clear (&self->ring);
  g_clear_pointer (&self->buffer, g_free);
}

void
cepa_trace_free (CepaTrace *self)
{
  if (self == NULL)
    return;
  trace_close (self);
  g_free (self);
}

/* ---- writing ---- */

/* The file gets all of @buffer, or whole lines of it. */
static gboolean
trace_write (CepaTrace *self, gsize len, GError **error)
{
  gsize done = 0, whole;
  struct stat info;
  int code;

  while (done < len)
    {
      ssize_t n = write (self->fd, self->buffer + done, len - done);

      if (n < 0 && errno != EINTR)
        break;
      done += n > 0 ? (gsize) n : 0;
    }
  self->size += done;
  if (done == len)
    return TRUE;
  code = errno;
  for (whole = done; whole > 0 && self->buffer[whole - 1] != '\n';)
    whole--;
  if (whole < done && fstat (self->fd, &info) == 0 && S_ISREG (info.st_mode)
      && ftruncate (self->fd, info.st_size - (off_t) (done - whole)) != 0)
    cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, "The trace ends with a part of a line");
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "writing to %s: %s; the trace ends there", self->path,
               g_strerror (code));
  return FALSE;
}

/* Writes what fits into the buffer. FALSE without an error: there is no more room in the file. */
static gboolean
trace_drain (CepaTrace *self, GError **error)
{
  const CepaEvent *event;
  gboolean is_full = FALSE;
  gsize len = 0;

  while (!is_full && len + CEPA_TRACE_MAX_LINE <= TRACE_BUFFER_SIZE && (event = cepa_trace_ring_peek (&self->ring)) != NULL)
    {
      gsize n = cepa_trace_format (self->format, event, self->buffer + len);

      is_full = self->max_bytes != 0 && self->size + len + n > self->max_bytes;
      if (!is_full)
        len += n;
      cepa_trace_ring_pop (&self->ring);
    }
  return trace_write (self, len, error) && !is_full;
}

static void
trace_tell_full (CepaTrace *self)
{
  g_autofree char *text = g_strdup_printf ("%s has come to its max-bytes of %" G_GUINT64_FORMAT
                                           ": nothing more is written", self->path, self->max_bytes);

  cepa_host_log (self->host, CEPA_HOST_LOG_WARNING, text);
  trace_close (self);
}

static void
trace_timer (void *user_data)
{
  CepaTrace *self = user_data;
  GError *error = NULL;

  if (trace_drain (self, &error))
    {
      cepa_host_timer_set (self->host, self->timer, self->ring.n > 0 ? 0 : -1);
      return;
    }
  if (error == NULL)
    {
      trace_tell_full (self);
      return;
    }
  trace_close (self);
  cepa_host_fail (self->host, error);
}

void
cepa_trace_event (CepaTrace *self, const CepaEvent *event)
{
  if (self->fd < 0)
    return;
  cepa_trace_ring_push (&self->ring, event);
  if (self->ring.n == 1)
    cepa_host_timer_set (self->host, self->timer, TRACE_DELAY_US);
  else if (self->ring.n == CEPA_TRACE_RING_SIZE / 2)
    cepa_host_timer_set (self->host, self->timer, 0);
}

static void
trace_note (CepaTrace *self, CepaTraceWhat what, gint64 value)
{
  const CepaEvent event = { .size = sizeof event, .kind = CEPA_TRACE_OWN, .what = what, .queued_ns = value,
                            .time_ns = cepa_host_monotonic_us (self->host) * 1000 };

  cepa_trace_event (self, &event);
}

/* ---- start and stop ---- */

static gboolean
trace_fail_file (const CepaTrace *self, const char *what, GError **error)
{
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s: %s", self->path, what);
  return FALSE;
}

/* What is there stays: a trace goes on behind it, in a line of its own. */
static gboolean
trace_open (CepaTrace *self, GError **error)
{
  struct stat info;
  char last = '\n';
  gsize len = 0;

  self->fd = open (self->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
  if (self->fd < 0)
    return trace_fail_file (self, errno == ELOOP ? "is a symbolic link: give the file itself" : g_strerror (errno), error);
  if (fstat (self->fd, &info) != 0)
    return trace_fail_file (self, g_strerror (errno), error);
  if (!S_ISREG (info.st_mode) && !S_ISCHR (info.st_mode))
    return trace_fail_file (self, "is not a file", error);
  self->size = S_ISREG (info.st_mode) ? (guint64) info.st_size : 0;
  if (self->size > 0 && pread (self->fd, &last, 1, info.st_size - 1) == 1 && last != '\n')
    self->buffer[len++] = '\n';
  if (self->size == 0 && self->format == CEPA_TRACE_CSV)
    {
      len = strlen (CEPA_TRACE_CSV_HEADER);
      memcpy (self->buffer, CEPA_TRACE_CSV_HEADER, len);
    }
  return trace_write (self, len, error);
}

static gboolean
trace_read_options (CepaTrace *self, GError **error)
{
  const char *const *events = cepa_host_option (self->host, "events");

  self->path = cepa_host_option_text (self->host, "output", NULL);
  self->format = g_str_equal (cepa_host_option_text (self->host, "format", "json"), "csv") ? CEPA_TRACE_CSV : CEPA_TRACE_JSON;
  self->max_bytes = (guint64) cepa_host_option_int (self->host, "max-bytes", 0);
  self->kinds = events == NULL || events[0] == NULL ? CEPA_EVENT_CIRCUIT | CEPA_EVENT_STREAM : 0;
  for (guint i = 0; events != NULL && events[i] != NULL; i++)
    self->kinds |= g_str_equal (events[i], "channel")   ? CEPA_EVENT_CHANNEL
                   : g_str_equal (events[i], "circuit") ? CEPA_EVENT_CIRCUIT
                   : g_str_equal (events[i], "stream")  ? CEPA_EVENT_STREAM
                                                        : CEPA_EVENT_CELL;
  if (self->path != NULL)
    return TRUE;
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                       "its option output is not set: \"PluginOption metrics.trace.output FILE\" says where to write");
  return FALSE;
}

void
cepa_trace_start (CepaTrace *self, uint64_t task)
{
  GError *error = NULL;

  trace_close (self);
  self->buffer = g_malloc (TRACE_BUFFER_SIZE);
  cepa_trace_ring_init (&self->ring, CEPA_TRACE_RING_SIZE);
  if (!trace_read_options (self, &error) || !trace_open (self, &error))
    trace_close (self);
  else
    {
      self->timer = cepa_host_timer_new (self->host, trace_timer, self);
      trace_note (self, CEPA_TRACE_STARTED, cepa_host_wall_s (self->host));
      cepa_metrics_want (self->host, self->kinds);
    }
  cepa_host_complete (self->host, task, error);
}

void
cepa_trace_stop (CepaTrace *self, uint64_t task)
{
  GError *error = NULL;

  if (self->fd >= 0)
    trace_note (self, CEPA_TRACE_STOPPED, 0);
  while (self->ring.n > 0)
    if (!trace_drain (self, &error))
      {
        if (error == NULL)
          trace_tell_full (self);
        break;
      }
  trace_close (self);
  cepa_host_complete (self->host, task, error);
}
