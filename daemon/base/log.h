/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: C Tor's severities, domains and line form. The one piece of state that a process shares. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  CEPA_LOG_ERR,
  CEPA_LOG_WARN,
  CEPA_LOG_NOTICE,
  CEPA_LOG_INFO,
  CEPA_LOG_DEBUG,
} CepaLogSeverity;

#define CEPA_LOG_N_SEVERITIES 5

/* The topics that Cepa logs under; their names are C Tor's log domains. */
typedef enum
{
  CEPA_LOG_GENERAL,
  CEPA_LOG_CRYPTO,
  CEPA_LOG_NET,
  CEPA_LOG_CONFIG,
  CEPA_LOG_FS,
  CEPA_LOG_PROTOCOL,
  CEPA_LOG_MM,
  CEPA_LOG_HTTP,
  CEPA_LOG_APP,
  CEPA_LOG_CONTROL,
  CEPA_LOG_CIRC,
  CEPA_LOG_REND,
  CEPA_LOG_BUG,
  CEPA_LOG_DIR,
  CEPA_LOG_EDGE,
  CEPA_LOG_HANDSHAKE,
  CEPA_LOG_CHANNEL,
  CEPA_LOG_GUARD,
  CEPA_LOG_PLUGIN,
} CepaLogTopic;

#define CEPA_LOG_N_TOPICS 19

/* Per topic the highest severity that any sink wants, -1 for none. Read through cepa_log_enabled(). */
extern gint8 cepa_log_levels[CEPA_LOG_N_TOPICS];

static inline gboolean
cepa_log_enabled (CepaLogTopic topic, CepaLogSeverity severity)
{
  return (int) severity <= cepa_log_levels[topic];
}

/**
 * cepa_log:
 * @topic: a CepaLogTopic
 * @severity: a CepaLogSeverity
 *
 * Formats and writes one line, without a newline in the format, to every sink that wants it. Nothing is
 * formatted when none does. Never called per cell. Targets and addresses of users go through
 * cepa_log_scrub().
 */
#define cepa_log(topic, severity, ...) \
  G_STMT_START \
    { \
      if (G_UNLIKELY (cepa_log_enabled ((topic), (severity)))) \
        cepa_log_write ((topic), (severity), __func__, __VA_ARGS__); \
    } \
  G_STMT_END

void cepa_log_write (CepaLogTopic topic, CepaLogSeverity severity, const char *function, const char *format, ...)
  G_GNUC_PRINTF (4, 5);

/* Returns: (transfer none): @text, or "[scrubbed]" while SafeLogging is on, which it is from the start. */
const char *cepa_log_scrub (const char *text);
void cepa_log_set_safe_logging (gboolean safe);

/* Where lines go. */
typedef enum
{
  CEPA_LOG_SINK_STDOUT,
  CEPA_LOG_SINK_STDERR,
  CEPA_LOG_SINK_FILE,
  CEPA_LOG_SINK_SYSLOG,
} CepaLogSinkKind;

/**
 * CepaLogRule:
 * @levels: per topic the severities wanted, as bits 1 << CepaLogSeverity
 */
typedef struct
{
  guint8 levels[CEPA_LOG_N_TOPICS];
} CepaLogRule;

/**
 * cepa_log_add_sink:
 * @kind: where to
 * @path: (nullable): the file, for CEPA_LOG_SINK_FILE; opened for appending, mode 0600
 * @rule: what
 *
 * Lines logged before the first call are kept (up to 1000 of them) and are replayed to each sink that is
 * added before cepa_log_startup_done().
 *
 * Returns: FALSE with CEPA_ERROR_FILE when the file cannot be opened.
 */
gboolean cepa_log_add_sink (CepaLogSinkKind kind, const char *path, const CepaLogRule *rule, GError **error);

/* Forgets the lines kept for replay; sinks added later start empty. */
void cepa_log_startup_done (void);

/* How many sinks there are; taking away the first @n, and all behind the first @n: so that a new set can be put in the
   place of an old one, or taken back. */
guint cepa_log_get_n_sinks (void);
void cepa_log_remove_sinks (guint n);
void cepa_log_truncate_sinks (guint n);

/**
 * CepaLogFunc:
 * @text: what the line says, without time and severity and without a newline; scrubbed and escaped as in the sinks
 *
 * Called in the thread that logs, after the sinks have got the line. What is logged inside goes to the sinks alone.
 */
typedef void (*CepaLogFunc) (gpointer user_data, CepaLogTopic topic, CepaLogSeverity severity, const char *text);

/**
 * cepa_log_listen:
 * @severities: bits 1 << CepaLogSeverity, of every topic; 0 ends it
 *
 * Gives lines to @func too, from now on; in place of an earlier call with the same @func and @user_data. When it ends,
 * @func is called no more, in no thread.
 */
void cepa_log_listen (guint severities, CepaLogFunc func, gpointer user_data);

/* Closes and opens log files again, for log rotation. */
void cepa_log_reopen (void);

/* Closes every sink and ends every listening; the log is as at the start of the process. For its end and for tests. */
void cepa_log_close (void);

/* Sends what GLib's g_warning() and its sisters say, from any library, into the log. Call once, at the start. */
void cepa_log_capture_glib (void);

/* Returns: (transfer none) (nullable): C Tor's name of @topic ("circ"), or of @severity ("notice"). */
const char *cepa_log_topic_name (CepaLogTopic topic);
const char *cepa_log_severity_name (CepaLogSeverity severity);

G_END_DECLS
