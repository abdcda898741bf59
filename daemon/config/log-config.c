/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/log-config.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/log.h"
#include "config/command-line.h"
#include "config/paths.h"

#define LOG_CONFIG_SPACE " \t\r\n\v\f"

typedef struct
{
  CepaLogRule rule;
  CepaLogSinkKind kind;
  char *path; /* (nullable): absolute */
} LogConfig;

/* C Tor's domains that Cepa logs nothing under; they may be named. */
static const char *const log_config_other_domains[] = {
  "dirserv", "or", "acct", "hist", "heartbeat", "sched", "consdiff", "dos", "process", "pt", "btrack", "mesg",
};

#define LOG_CONFIG_N_DOMAINS (CEPA_LOG_N_TOPICS + G_N_ELEMENTS (log_config_other_domains))
#define LOG_CONFIG_ALL_DOMAINS ((G_GUINT64_CONSTANT (1) << LOG_CONFIG_N_DOMAINS) - 1)

static gboolean
log_config_fail (const char *text, gsize len, const char *what, GError **error)
{
  g_autofree char *shown = cepa_escape_for_log (text, len, 60);

  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, "\"%s\" %s", shown, what);
  return FALSE;
}

static gboolean
log_config_word_is (const char *text, gsize len, const char *word)
{
  return strlen (word) == len && g_ascii_strncasecmp (text, word, len) == 0;
}

static const char *
log_config_skip_space (const char *p)
{
  return p + strspn (p, LOG_CONFIG_SPACE);
}

/* The domain's bit; 0 when there is none of that name. */
static guint64
log_config_find_domain (const char *text, gsize len)
{
  for (guint i = 0; i < LOG_CONFIG_N_DOMAINS; i++)
    {
      const char *name = i < CEPA_LOG_N_TOPICS ? cepa_log_topic_name (i)
                                               : log_config_other_domains[i - CEPA_LOG_N_TOPICS];

      if (log_config_word_is (text, len, name))
        return G_GUINT64_CONSTANT (1) << i;
    }
  return 0;
}

/* Reads "[circ,~net]"; @p is at the bracket and is moved behind the list. */
static gboolean
log_config_read_domains (const char **p, guint64 *domains, GError **error)
{
  const char *close = strchr (*p, ']');
  const char *word = *p + 1;
  guint64 wanted = 0, unwanted = 0;

  if (close == NULL)
    return log_config_fail (*p, strlen (*p), "has no closing bracket", error);
  while (word <= close)
    {
      gboolean negated;
      gsize len;
      guint64 bit;

      word += strspn (word, " \t");
      negated = *word == '~';
      word += negated ? 1 : 0;
      len = strcspn (word, ", \t]");
      bit = log_config_word_is (word, len, "*") ? LOG_CONFIG_ALL_DOMAINS : log_config_find_domain (word, len);
      if (bit == 0 || (negated && bit == LOG_CONFIG_ALL_DOMAINS))
        return log_config_fail (word, len, "is not a log domain; the man page lists them", error);
      wanted |= negated ? 0 : bit;
      unwanted |= negated ? bit : 0;
      word += len + strspn (word + len, " \t");
      if (*word != ',' && *word != ']')
        return log_config_fail (*p, (gsize) (close + 1 - *p), "needs commas between its domains", error);
      word++;
    }
  *domains = (wanted == 0 ? LOG_CONFIG_ALL_DOMAINS : wanted) & ~unwanted;
  *p = log_config_skip_space (close + 1);
  return TRUE;
}

static gboolean
log_config_find_severity (const char *text, gsize len, CepaLogSeverity *severity, GError **error)
{
  for (guint i = 0; i < CEPA_LOG_N_SEVERITIES; i++)
    if (log_config_word_is (text, len, cepa_log_severity_name (i)))
      {
        *severity = i;
        return TRUE;
      }
  return log_config_fail (text, len,
                          "is neither a severity (debug, info, notice, warn, err) nor a place (stdout, "
                          "stderr, syslog, file PATH)", error);
}

/* Reads "info" (and everything above it) or "debug-info". */
static gboolean
log_config_read_severities (const char **p, guint64 domains, CepaLogRule *rule, GError **error)
{
  gsize len = strcspn (*p, LOG_CONFIG_SPACE);
  const char *dash = memchr (*p, '-', len);
  CepaLogSeverity least, most = CEPA_LOG_ERR;

  if (!log_config_find_severity (*p, dash != NULL ? (gsize) (dash - *p) : len, &least, error))
    return FALSE;
  if (dash != NULL && !log_config_find_severity (dash + 1, (gsize) (*p + len - dash - 1), &most, error))
    return FALSE;
  if (most > least)
    return log_config_fail (*p, len, "runs the wrong way; write the lesser severity first", error);
  for (guint topic = 0; topic < CEPA_LOG_N_TOPICS; topic++)
    for (guint severity = most; severity <= (guint) least; severity++)
      if ((domains >> topic & 1) != 0)
        rule->levels[topic] |= (guint8) (1 << severity);
  *p = log_config_skip_space (*p + len);
  return TRUE;
}

/* Whether @p begins with the name of a place. */
static gboolean
log_config_find_place (const char *p, CepaLogSinkKind *kind, gsize *len)
{
  static const char *const names[] = { [CEPA_LOG_SINK_STDOUT] = "stdout", [CEPA_LOG_SINK_STDERR] = "stderr",
                                       [CEPA_LOG_SINK_FILE] = "file", [CEPA_LOG_SINK_SYSLOG] = "syslog" };

  *len = strcspn (p, LOG_CONFIG_SPACE);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (log_config_word_is (p, *len, names[i]))
      {
        *kind = i;
        return TRUE;
      }
  return FALSE;
}

static gboolean
log_config_read_place (const char *p, LogConfig *out, GError **error)
{
  gsize len;
  const char *rest;

  if (!log_config_find_place (p, &out->kind, &len))
    {
      out->kind = CEPA_LOG_SINK_STDOUT;
      return TRUE;
    }
  rest = log_config_skip_space (p + len);
  if (out->kind == CEPA_LOG_SINK_FILE && *rest == '\0')
    return log_config_fail (p, strlen (p), "needs a path behind it", error);
  if (out->kind != CEPA_LOG_SINK_FILE && *rest != '\0')
    return log_config_fail (rest, strlen (rest), "cannot stand behind stdout, stderr or syslog", error);
  if (out->kind == CEPA_LOG_SINK_FILE)
    out->path = cepa_path_expand (rest, error);
  return out->kind != CEPA_LOG_SINK_FILE || out->path != NULL;
}

/* C Tor: SEVERITY[-SEVERITY] and any number of [DOMAINS]SEVERITY[-SEVERITY], then the place. */
static gboolean
log_config_parse (const char *value, LogConfig *out, GError **error)
{
  const char *p = log_config_skip_space (value);
  gboolean any = FALSE, unqualified = FALSE;
  CepaLogSinkKind kind;
  gsize len;

  while (*p != '\0' && !log_config_find_place (p, &kind, &len))
    {
      guint64 domains = LOG_CONFIG_ALL_DOMAINS;
      gboolean has_list = *p == '[';

      if (has_list && !log_config_read_domains (&p, &domains, error))
        return FALSE;
      if (!log_config_read_severities (&p, domains, &out->rule, error))
        return FALSE;
      if (!has_list && unqualified)
        return log_config_fail (value, strlen (value),
                                "has two severities without domains; only one can be meant", error);
      unqualified |= !has_list;
      any = TRUE;
    }
  if (!any)
    return log_config_fail (value, strlen (value),
                            "names no severity; write debug, info, notice, warn or err first", error);
  return log_config_read_place (p, out, error);
}

gboolean
cepa_log_config_check (const char *value, GError **error)
{
  LogConfig parsed = { 0 };
  gboolean ok = log_config_parse (value, &parsed, error);

  g_free (parsed.path);
  return ok;
}

static gboolean
log_config_open (const char *value, GError **error)
{
  LogConfig parsed = { 0 };
  gboolean ok = log_config_parse (value, &parsed, error)
                && cepa_log_add_sink (parsed.kind, parsed.path, &parsed.rule, error);

  g_free (parsed.path);
  if (!ok)
    g_prefix_error (error, "Log: ");
  return ok;
}

const char *
cepa_log_config_default (CepaConsole console)
{
  if (console == CEPA_CONSOLE_QUIET)
    return NULL;
  return console == CEPA_CONSOLE_HUSH ? "warn stdout" : "notice stdout";
}

gboolean
cepa_log_config_apply (const char *const *logs, CepaConsole console, GError **error)
{
  const char *only = cepa_log_config_default (console);

  if (logs == NULL || logs[0] == NULL)
    return only == NULL || log_config_open (only, error);
  for (guint i = 0; logs[i] != NULL; i++)
    if (!log_config_open (logs[i], error))
      return FALSE;
  return TRUE;
}

gboolean
cepa_log_config_replace (const char *const *logs, CepaConsole console, GError **error)
{
  guint n_old = cepa_log_get_n_sinks ();

  if (!cepa_log_config_apply (logs, console, error))
    {
      cepa_log_truncate_sinks (n_old);
      return FALSE;
    }
  cepa_log_remove_sinks (n_old);
  return TRUE;
}
