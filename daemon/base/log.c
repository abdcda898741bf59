/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define LOG_MESSAGE_MAX 4096 /* bytes of text in a line, after escaping */
#define LOG_PREFIX_MAX 160   /* time, severity and function name */
#define LOG_KEPT_MAX 1000    /* lines kept for sinks that are not open yet */
#define LOG_MAX_LISTENERS 8
#define LOG_CUT "..."

G_STATIC_ASSERT (CEPA_LOG_PLUGIN + 1 == CEPA_LOG_N_TOPICS);
G_STATIC_ASSERT (CEPA_LOG_DEBUG + 1 == CEPA_LOG_N_SEVERITIES);

typedef struct
{
  CepaLogSinkKind kind;
  int fd;     /* -1 for syslog */
  char *path; /* (nullable) */
  CepaLogRule rule;
} LogSink;

typedef struct
{
  guint severities; /* bits; 0 for a free place */
  CepaLogFunc func;
  gpointer user_data;
} LogListener;

typedef struct
{
  CepaLogTopic topic;
  CepaLogSeverity severity;
  gsize text_start; /* where in @line the text begins, after time and severity */
  gsize len;
  char line[];
} LogKept;

/* While @startup_over is FALSE every line is wanted: a sink that is added later may ask for it. */
gint8 cepa_log_levels[CEPA_LOG_N_TOPICS] = { [0 ... CEPA_LOG_N_TOPICS - 1] = CEPA_LOG_DEBUG };

static GMutex log_mutex; /* guards the three below and all writing */
static GPtrArray *log_sinks;
static GPtrArray *log_kept;
static gboolean log_startup_over;
static gint log_safe = TRUE; /* atomic */

/* Held while listeners are called, so that one that ended is not called any more; taken before @log_mutex. */
static GRecMutex log_listener_mutex;
static LogListener log_listeners[LOG_MAX_LISTENERS]; /* changed with both held */
static _Thread_local gboolean log_is_listening;      /* in this thread a listener is being called */

static const char *const log_topic_names[CEPA_LOG_N_TOPICS] = {
  [CEPA_LOG_GENERAL] = "general",   [CEPA_LOG_CRYPTO] = "crypto",       [CEPA_LOG_NET] = "net",
  [CEPA_LOG_CONFIG] = "config",     [CEPA_LOG_FS] = "fs",               [CEPA_LOG_PROTOCOL] = "protocol",
  [CEPA_LOG_MM] = "mm",             [CEPA_LOG_HTTP] = "http",           [CEPA_LOG_APP] = "app",
  [CEPA_LOG_CONTROL] = "control",   [CEPA_LOG_CIRC] = "circ",           [CEPA_LOG_REND] = "rend",
  [CEPA_LOG_BUG] = "bug",           [CEPA_LOG_DIR] = "dir",             [CEPA_LOG_EDGE] = "edge",
  [CEPA_LOG_HANDSHAKE] = "handshake", [CEPA_LOG_CHANNEL] = "channel",   [CEPA_LOG_GUARD] = "guard",
  [CEPA_LOG_PLUGIN] = "plugin",
};

static const char *const log_severity_names[CEPA_LOG_N_SEVERITIES] = {
  [CEPA_LOG_ERR] = "err",   [CEPA_LOG_WARN] = "warn",   [CEPA_LOG_NOTICE] = "notice",
  [CEPA_LOG_INFO] = "info", [CEPA_LOG_DEBUG] = "debug",
};

static const int log_syslog_priorities[CEPA_LOG_N_SEVERITIES] = {
  [CEPA_LOG_ERR] = LOG_ERR,   [CEPA_LOG_WARN] = LOG_WARNING, [CEPA_LOG_NOTICE] = LOG_NOTICE,
  [CEPA_LOG_INFO] = LOG_INFO, [CEPA_LOG_DEBUG] = LOG_DEBUG,
};

static void
log_sink_free (void *data)
{
  LogSink *sink = data;

  if (sink->kind == CEPA_LOG_SINK_FILE)
    close (sink->fd);
  if (sink->kind == CEPA_LOG_SINK_SYSLOG)
    closelog ();
  g_free (sink->path);
  g_free (sink);
}

/* A sink that cannot be written to loses the line: there is nobody left to tell. */
static void
log_sink_write (const LogSink *sink, CepaLogSeverity severity, const char *line, gsize len, gsize text_start)
{
  if (sink->kind == CEPA_LOG_SINK_SYSLOG)
    {
      syslog (log_syslog_priorities[severity], "%.*s", (int) (len - text_start), line + text_start);
      return;
    }
  while (len > 0)
    {
      ssize_t n = write (sink->fd, line, len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return;
      line += n;
      len -= (gsize) n;
    }
}

static gboolean
log_sink_wants (const LogSink *sink, CepaLogTopic topic, CepaLogSeverity severity)
{
  return (sink->rule.levels[topic] >> severity & 1) != 0;
}

static gboolean
log_is_keeping (void)
{
  return !log_startup_over && (log_kept == NULL || log_kept->len < LOG_KEPT_MAX);
}

/* Called with the mutex held. */
static void
log_update_levels (void)
{
  for (guint topic = 0; topic < CEPA_LOG_N_TOPICS; topic++)
    {
      int level = log_is_keeping () ? CEPA_LOG_DEBUG : -1;

      for (guint i = 0; log_sinks != NULL && i < log_sinks->len; i++)
        level = MAX (level, g_bit_nth_msf (((LogSink *) log_sinks->pdata[i])->rule.levels[topic], -1));
      for (guint i = 0; i < LOG_MAX_LISTENERS; i++)
        level = MAX (level, g_bit_nth_msf (log_listeners[i].severities, -1));
      cepa_log_levels[topic] = (gint8) MIN (level, CEPA_LOG_DEBUG);
    }
}

void
cepa_log_listen (guint severities, CepaLogFunc func, gpointer user_data)
{
  LogListener *place = NULL;

  g_rec_mutex_lock (&log_listener_mutex);
  g_mutex_lock (&log_mutex);
  for (guint i = 0; i < LOG_MAX_LISTENERS; i++)
    {
      LogListener *listener = &log_listeners[i];

      if (listener->severities != 0 && listener->func == func && listener->user_data == user_data)
        listener->severities = 0;
      if (listener->severities == 0 && place == NULL)
        place = listener;
    }
  if (place != NULL && severities != 0)
    *place = (LogListener) { severities, func, user_data };
  log_update_levels ();
  g_mutex_unlock (&log_mutex);
  g_rec_mutex_unlock (&log_listener_mutex);
  g_warn_if_fail (place != NULL || severities == 0);
}

/* @text is behind time and severity; its newline is cut off. */
static void
log_tell (CepaLogTopic topic, CepaLogSeverity severity, char *text, gsize len)
{
  if (log_is_listening)
    return;
  text[len - 1] = '\0';
  log_is_listening = TRUE;
  g_rec_mutex_lock (&log_listener_mutex);
  for (guint i = 0; i < LOG_MAX_LISTENERS; i++)
    if ((log_listeners[i].severities >> severity & 1) != 0)
      log_listeners[i].func (log_listeners[i].user_data, topic, severity, text);
  g_rec_mutex_unlock (&log_listener_mutex);
  log_is_listening = FALSE;
}

/*
 * Copies @raw to @out with control characters and bytes that are not UTF-8 made visible, so that what a
 * relay or an application sent cannot start a line of its own or drive a terminal. Returns the length.
 */
static gsize
log_escape (char *out, gsize out_size, const char *raw, gsize raw_len, gboolean cut)
{
  const char *end = raw + raw_len;
  gsize len = 0;

  while (raw < end)
    {
      gunichar c = g_utf8_get_char_validated (raw, end - raw);
      gboolean bad = c == (gunichar) -1 || c == (gunichar) -2;
      gsize n = bad ? 1 : (gsize) (g_utf8_next_char (raw) - raw);
      char escaped[16];

      if (bad || g_unichar_iscntrl (c))
        g_snprintf (escaped, sizeof escaped, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\x%02X",
                    bad ? (guint8) *raw : (guint) c);
      else
        g_strlcpy (escaped, raw, n + 1);
      if (len + strlen (escaped) + strlen (LOG_CUT) > out_size)
        {
          cut = TRUE;
          break;
        }
      memcpy (out + len, escaped, strlen (escaped));
      len += strlen (escaped);
      raw += n;
    }
  if (cut)
    {
      memcpy (out + len, LOG_CUT, strlen (LOG_CUT));
      len += strlen (LOG_CUT);
    }
  return len;
}

/*
 * "Mon DD HH:MM:SS.mmm [sev] ". The month is English whatever the locale, and times are whole seconds, as
 * C Tor's are unless it is told otherwise: finer ones would help to match a log with traffic.
 */
static gsize
log_format_prefix (char *out, gsize out_size, CepaLogSeverity severity)
{
  static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
  time_t now = time (NULL);
  struct tm tm = { 0 };

  localtime_r (&now, &tm);
  g_snprintf (out, out_size, "%s %02d %02d:%02d:%02d.000 [%s] ", months[tm.tm_mon % 12], tm.tm_mday,
              tm.tm_hour, tm.tm_min, tm.tm_sec, log_severity_names[severity]);
  return strlen (out);
}

/* C Tor names the function where the reader is a developer: at info and debug, and in a report of a bug. */
static gsize
log_format_function (char *out, gsize out_size, CepaLogTopic topic, CepaLogSeverity severity,
                     const char *function)
{
  out[0] = '\0';
  if (function != NULL && (severity >= CEPA_LOG_INFO || topic == CEPA_LOG_BUG))
    g_snprintf (out, out_size, "%.64s(): ", function);
  if (topic == CEPA_LOG_BUG)
    g_strlcat (out, "Bug: ", out_size);
  return strlen (out);
}

static void
log_keep (CepaLogTopic topic, CepaLogSeverity severity, const char *line, gsize len, gsize text_start)
{
  LogKept *kept = g_malloc (sizeof *kept + len);

  kept->topic = topic;
  kept->severity = severity;
  kept->text_start = text_start;
  kept->len = len;
  memcpy (kept->line, line, len);
  if (log_kept == NULL)
    log_kept = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (log_kept, kept);
  if (!log_is_keeping ())
    log_update_levels ();
}

static void
log_dispatch (CepaLogTopic topic, CepaLogSeverity severity, const char *line, gsize len, gsize text_start)
{
  g_mutex_lock (&log_mutex);
  for (guint i = 0; log_sinks != NULL && i < log_sinks->len; i++)
    if (log_sink_wants (log_sinks->pdata[i], topic, severity))
      log_sink_write (log_sinks->pdata[i], severity, line, len, text_start);
  if (log_is_keeping ())
    log_keep (topic, severity, line, len, text_start);
  g_mutex_unlock (&log_mutex);
}

static void G_GNUC_PRINTF (4, 0)
log_write_va (CepaLogTopic topic, CepaLogSeverity severity, const char *function, const char *format,
              va_list args)
{
  char raw[LOG_MESSAGE_MAX + 1], line[LOG_PREFIX_MAX + LOG_MESSAGE_MAX + 1];
  int saved_errno = errno;
  int wanted = g_vsnprintf (raw, sizeof raw, format, args);
  gboolean cut = wanted >= (int) sizeof raw;
  gsize text_start = log_format_prefix (line, LOG_PREFIX_MAX, severity);
  gsize len = text_start;

  len += log_format_function (line + len, LOG_PREFIX_MAX - len, topic, severity, function);
  len += log_escape (line + len, LOG_MESSAGE_MAX, raw, wanted < 0 ? 0 : strlen (raw), cut);
  line[len++] = '\n';
  log_dispatch (topic, severity, line, len, text_start);
  log_tell (topic, severity, line + text_start, len - text_start);
  errno = saved_errno;
}

void
cepa_log_write (CepaLogTopic topic, CepaLogSeverity severity, const char *function, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  log_write_va (topic, severity, function, format, args);
  va_end (args);
}

const char *
cepa_log_scrub (const char *text)
{
  return g_atomic_int_get (&log_safe) ? "[scrubbed]" : text;
}

void
cepa_log_set_safe_logging (gboolean safe)
{
  g_atomic_int_set (&log_safe, safe);
}

static int
log_open_file (const char *path)
{
  return g_open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

static void
log_replay (const LogSink *sink)
{
  for (guint i = 0; log_kept != NULL && i < log_kept->len; i++)
    {
      const LogKept *kept = log_kept->pdata[i];

      if (log_sink_wants (sink, kept->topic, kept->severity))
        log_sink_write (sink, kept->severity, kept->line, kept->len, kept->text_start);
    }
}

gboolean
cepa_log_add_sink (CepaLogSinkKind kind, const char *path, const CepaLogRule *rule, GError **error)
{
  static const int fds[] = { [CEPA_LOG_SINK_STDOUT] = STDOUT_FILENO, [CEPA_LOG_SINK_STDERR] = STDERR_FILENO,
                             [CEPA_LOG_SINK_FILE] = -1, [CEPA_LOG_SINK_SYSLOG] = -1 };
  LogSink *sink;
  int fd;

  g_return_val_if_fail ((guint) kind < G_N_ELEMENTS (fds), FALSE);
  g_return_val_if_fail (rule != NULL && (path != NULL) == (kind == CEPA_LOG_SINK_FILE), FALSE);
  fd = kind == CEPA_LOG_SINK_FILE ? log_open_file (path) : fds[kind];
  if (kind == CEPA_LOG_SINK_FILE && fd < 0)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_FILE, "cannot open the log file %s: %s", path,
                   g_strerror (errno));
      return FALSE;
    }
  if (kind == CEPA_LOG_SINK_SYSLOG)
    openlog ("cepad", LOG_PID, LOG_DAEMON);
  sink = g_new0 (LogSink, 1);
  sink->kind = kind;
  sink->fd = fd;
  sink->path = g_strdup (path);
  sink->rule = *rule;

  g_mutex_lock (&log_mutex);
  if (log_sinks == NULL)
    log_sinks = g_ptr_array_new_with_free_func (log_sink_free);
  g_ptr_array_add (log_sinks, sink);
  log_replay (sink);
  log_update_levels ();
  g_mutex_unlock (&log_mutex);
  return TRUE;
}

guint
cepa_log_get_n_sinks (void)
{
  guint n;

  g_mutex_lock (&log_mutex);
  n = log_sinks != NULL ? log_sinks->len : 0;
  g_mutex_unlock (&log_mutex);
  return n;
}

/* Closing one syslog sink closes what all share; called with the mutex held. */
static void
log_reopen_syslog (void)
{
  for (guint i = 0; log_sinks != NULL && i < log_sinks->len; i++)
    if (((LogSink *) log_sinks->pdata[i])->kind == CEPA_LOG_SINK_SYSLOG)
      openlog ("cepad", LOG_PID, LOG_DAEMON);
}

static void
log_remove_range (guint first, guint n)
{
  if (n > 0)
    g_ptr_array_remove_range (log_sinks, first, n);
  log_reopen_syslog ();
  log_update_levels ();
}

void
cepa_log_remove_sinks (guint n)
{
  g_mutex_lock (&log_mutex);
  log_remove_range (0, MIN (n, log_sinks != NULL ? log_sinks->len : 0));
  g_mutex_unlock (&log_mutex);
}

void
cepa_log_truncate_sinks (guint n)
{
  guint len;

  g_mutex_lock (&log_mutex);
  len = log_sinks != NULL ? log_sinks->len : 0;
  log_remove_range (n, len - MIN (n, len));
  g_mutex_unlock (&log_mutex);
}

void
cepa_log_startup_done (void)
{
  g_mutex_lock (&log_mutex);
  log_startup_over = TRUE;
  g_clear_pointer (&log_kept, g_ptr_array_unref);
  log_update_levels ();
  g_mutex_unlock (&log_mutex);
}

void
cepa_log_reopen (void)
{
  g_autoptr (GString) failed = g_string_new (NULL);

  g_mutex_lock (&log_mutex);
  for (guint i = 0; log_sinks != NULL && i < log_sinks->len; i++)
    {
      LogSink *sink = log_sinks->pdata[i];
      int fd = sink->kind == CEPA_LOG_SINK_FILE ? log_open_file (sink->path) : -1;

      if (fd >= 0)
        {
          close (sink->fd);
          sink->fd = fd;
        }
      else if (sink->kind == CEPA_LOG_SINK_FILE)
        g_string_append_printf (failed, "%s%s: %s", failed->len > 0 ? "; " : "", sink->path,
                                g_strerror (errno));
    }
  g_mutex_unlock (&log_mutex);
  if (failed->len > 0)
    cepa_log (CEPA_LOG_FS, CEPA_LOG_WARN, "cannot open the log again, going on with the old file: %s",
              failed->str);
}

void
cepa_log_close (void)
{
  g_rec_mutex_lock (&log_listener_mutex);
  g_mutex_lock (&log_mutex);
  memset (log_listeners, 0, sizeof log_listeners);
  g_clear_pointer (&log_sinks, g_ptr_array_unref);
  g_clear_pointer (&log_kept, g_ptr_array_unref);
  log_startup_over = FALSE;
  log_update_levels ();
  g_mutex_unlock (&log_mutex);
  g_rec_mutex_unlock (&log_listener_mutex);
}

const char *
cepa_log_topic_name (CepaLogTopic topic)
{
  return (guint) topic < CEPA_LOG_N_TOPICS ? log_topic_names[topic] : NULL;
}

const char *
cepa_log_severity_name (CepaLogSeverity severity)
{
  return (guint) severity < CEPA_LOG_N_SEVERITIES ? log_severity_names[severity] : NULL;
}

static void
log_severity_of_glib (GLogLevelFlags level, CepaLogTopic *topic, CepaLogSeverity *severity)
{
  *topic = (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0 ? CEPA_LOG_BUG : CEPA_LOG_GENERAL;
  if ((level & G_LOG_LEVEL_ERROR) != 0)
    *severity = CEPA_LOG_ERR;
  else if ((level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) != 0)
    *severity = CEPA_LOG_WARN;
  else if ((level & G_LOG_LEVEL_MESSAGE) != 0)
    *severity = CEPA_LOG_NOTICE;
  else
    *severity = (level & G_LOG_LEVEL_INFO) != 0 ? CEPA_LOG_INFO : CEPA_LOG_DEBUG;
}

static GLogWriterOutput
log_write_from_glib (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  const char *domain = NULL, *message = "", *function = NULL;
  int message_len = 0;
  CepaLogTopic topic;
  CepaLogSeverity severity;

  (void) data;
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      {
        message = fields[i].value;
        message_len = fields[i].length < 0 ? (int) strlen (message) : (int) fields[i].length;
      }
    else if (g_str_equal (fields[i].key, "GLIB_DOMAIN"))
      domain = fields[i].value;
    else if (g_str_equal (fields[i].key, "CODE_FUNC"))
      function = fields[i].value;

  log_severity_of_glib (level, &topic, &severity);
  if (cepa_log_enabled (topic, severity))
    cepa_log_write (topic, severity, function, "%s%s%.*s", domain != NULL ? domain : "",
                    domain != NULL ? ": " : "", message_len, message);
  /* The process may end right after this one, before any sink is open. */
  if ((level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR)) != 0)
    g_log_writer_standard_streams (level, fields, n_fields, NULL);
  return G_LOG_WRITER_HANDLED;
}

void
cepa_log_capture_glib (void)
{
  g_log_set_writer_func (log_write_from_glib, NULL, NULL);
}
