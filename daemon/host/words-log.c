/* SPDX-License-Identifier: BSD-3-Clause */
/* Log1: lines as they are written. */
#include <string.h>
#include <vocabulary-info.h>

#include "base/log.h"
#include "base/loop.h"
#include "host/words.h"

/* Lines of other threads that may wait to be told; more are left out. */
#define WORDS_LOG_MAX_WAITING 1000

typedef struct
{
  CepaLogTopic topic;
  CepaLogSeverity severity;
  char text[];
} WordsLogLine;

struct _CepaWordsLog
{
  CepaHostVocabulary *vocabulary;
  GThread *thread;      /* the protocol's */
  GMainContext *context;
  gboolean is_telling;  /* what listeners log meanwhile is not told */
  GMutex mutex;         /* guards the two below */
  GQueue waiting;       /* (element-type WordsLogLine): of other threads */
  GSource *source;      /* (nullable): while @waiting is not empty */
};

static const char *const words_log_signals[CEPA_LOG_N_SEVERITIES] = {
  [CEPA_LOG_ERR] = "Err",   [CEPA_LOG_WARN] = "Warn",   [CEPA_LOG_NOTICE] = "Notice",
  [CEPA_LOG_INFO] = "Info", [CEPA_LOG_DEBUG] = "Debug",
};

static void
words_log_emit (CepaWordsLog *self, CepaLogTopic topic, CepaLogSeverity severity, const char *text)
{
  const char *signal = words_log_signals[severity];

  if (self->is_telling || !cepa_host_vocabulary_has_listener (self->vocabulary, "Log1", signal))
    return;
  self->is_telling = TRUE;
  cepa_host_vocabulary_emit (self->vocabulary, "Log1", signal,
                             g_variant_new ("(ss)", cepa_log_topic_name (topic), text));
  self->is_telling = FALSE;
}

static gboolean
words_log_flush (gpointer user_data)
{
  CepaWordsLog *self = user_data;
  GQueue lines;
  WordsLogLine *line;

  g_mutex_lock (&self->mutex);
  lines = self->waiting;
  g_queue_init (&self->waiting);
  g_clear_pointer (&self->source, g_source_unref);
  g_mutex_unlock (&self->mutex);
  while ((line = g_queue_pop_head (&lines)) != NULL)
    {
      words_log_emit (self, line->topic, line->severity, line->text);
      g_free (line);
    }
  return G_SOURCE_REMOVE;
}

/* Listeners are called in the protocol's thread only: what others log waits for its next turn. */
static void
words_log_wait (CepaWordsLog *self, CepaLogTopic topic, CepaLogSeverity severity, const char *text)
{
  gsize size = strlen (text) + 1;

  g_mutex_lock (&self->mutex);
  if (self->waiting.length < WORDS_LOG_MAX_WAITING)
    {
      WordsLogLine *line = g_malloc (sizeof *line + size);

      line->topic = topic;
      line->severity = severity;
      memcpy (line->text, text, size);
      g_queue_push_tail (&self->waiting, line);
    }
  if (self->source == NULL)
    {
      self->source = g_idle_source_new ();
      g_source_set_static_name (self->source, "log lines of other threads");
      g_source_set_priority (self->source, G_PRIORITY_DEFAULT);
      g_source_set_callback (self->source, words_log_flush, self, NULL);
      g_source_attach (self->source, self->context);
    }
  g_mutex_unlock (&self->mutex);
}

static void
words_log_line (gpointer user_data, CepaLogTopic topic, CepaLogSeverity severity, const char *text)
{
  CepaWordsLog *self = user_data;

  if (g_thread_self () == self->thread)
    words_log_emit (self, topic, severity, text);
  else
    words_log_wait (self, topic, severity, text);
}

static CepaWordsLog *
words_log_get (CepaHostVocabulary *vocabulary)
{
  CepaWordsLog **place = cepa_words_get_log (vocabulary);

  if (*place == NULL)
    {
      CepaWordsLog *self = g_new0 (CepaWordsLog, 1);

      self->vocabulary = vocabulary;
      self->thread = g_thread_self ();
      self->context = g_main_context_ref (cepa_words_get_context (vocabulary));
      g_mutex_init (&self->mutex);
      g_queue_init (&self->waiting);
      *place = self;
    }
  return *place;
}

void
cepa_words_log_free (CepaWordsLog *self)
{
  cepa_log_listen (0, words_log_line, self);
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_queue_clear_full (&self->waiting, g_free);
  g_mutex_clear (&self->mutex);
  g_main_context_unref (self->context);
  g_free (self);
}

/* Exactly the severities that somebody has subscribed to. */
static void
words_log_interest (CepaHostVocabulary *vocabulary)
{
  guint severities = 0;

  for (guint i = 0; i < CEPA_LOG_N_SEVERITIES; i++)
    if (cepa_host_vocabulary_has_listener (vocabulary, "Log1", words_log_signals[i]))
      severities |= 1u << i;
  cepa_log_listen (severities, words_log_line, words_log_get (vocabulary));
}

static const CepaWordMethod words_log_methods[] = { { NULL, NULL } };
static const CepaWordProperty words_log_properties[] = { { NULL, NULL } };

const CepaWords cepa_words_log = {
  .info = &org_cepa_log1_interface,
  .properties = words_log_properties,
  .methods = words_log_methods,
  .interest = words_log_interest,
};
