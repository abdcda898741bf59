/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/vocabulary.h"

#include <cepa/event.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "host/host-private.h"
#include "host/metrics.h"
#include "host/words.h"

#define VOCABULARY_PREFIX "org.cepa."

typedef struct
{
  guint64 id;
  gconstpointer owner;
  const CepaWords *words;
  const GDBusSignalInfo *signal; /* (nullable): NULL for all of the interface */
  CepaSignalFunc func;
  gpointer user_data;
  gboolean is_over; /* during an emission: freed behind it */
} VocabularySubscription;

/* A call from inside of a signal: the core is in the middle of something that the call may be about. */
typedef struct
{
  CepaWordReply *reply;
  const CepaWordMethod *word;
  GVariant *args;
} VocabularyCall;

struct _CepaWordReply
{
  CepaHostVocabulary *vocabulary; /* (nullable): NULL once that is gone */
  gconstpointer owner;
  const GDBusMethodInfo *method; /* (nullable): of one that there is not */
  CepaReplyFunc func;            /* (nullable): NULL also when the answer is not wanted any more */
  gpointer user_data;
};

struct _CepaHostVocabulary
{
  CepaPluginHost *host;
  CepaVocabularyClient client;
  const char *state;
  GPtrArray *subscriptions; /* (element-type VocabularySubscription): in the order of @id */
  GPtrArray *replies;       /* (element-type CepaWordReply): owed; each is freed when it is answered */
  GQueue calls;             /* (element-type VocabularyCall): for the next turn of the loop */
  GMainContext *context;
  CepaLoopWatch *turn;            /* does @calls */
  guint64 last_id;
  guint n_emitting; /* emissions inside each other */
  CepaWordsLog *log;
  CepaWordsOptions *options;
};

const CepaWords *const *
cepa_words (void)
{
  static const CepaWords *const all[] = {
    &cepa_words_client, &cepa_words_circuits, &cepa_words_guards, &cepa_words_streams, &cepa_words_channels,
    &cepa_words_network, &cepa_words_plugins, &cepa_words_options, &cepa_words_log, NULL,
  };

  return all;
}

static const CepaWords *
vocabulary_find_words (const char *interface_name)
{
  for (const CepaWords *const *words = cepa_words (); interface_name != NULL && *words != NULL; words++)
    if (g_str_equal ((*words)->info->name + strlen (VOCABULARY_PREFIX), interface_name))
      return *words;
  return NULL;
}

static const GDBusSignalInfo *
vocabulary_find_signal (const CepaWords *words, const char *signal)
{
  return words != NULL ? g_dbus_interface_info_lookup_signal ((GDBusInterfaceInfo *) words->info, signal) : NULL;
}

/* Whether @value is a tuple of what @args (nullable) says. */
static gboolean
vocabulary_fits (GVariant *value, GDBusArgInfo *const *args)
{
  gsize n = 0;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_TUPLE))
    return FALSE;
  for (; args != NULL && args[n] != NULL; n++)
    {
      g_autoptr (GVariant) child = n < g_variant_n_children (value) ? g_variant_get_child_value (value, n) : NULL;

      if (child == NULL || !g_str_equal (g_variant_get_type_string (child), args[n]->signature))
        return FALSE;
    }
  return n == g_variant_n_children (value);
}

/* (transfer full): "(ssb)", for messages. */
static char *
vocabulary_signature (GDBusArgInfo *const *args)
{
  GString *out = g_string_new ("(");

  for (; args != NULL && *args != NULL; args++)
    g_string_append (out, (*args)->signature);
  g_string_append_c (out, ')');
  return g_string_free (out, FALSE);
}

static void
vocabulary_call_free (VocabularyCall *self)
{
  g_variant_unref (self->args);
  g_free (self);
}

static void
vocabulary_turn (gpointer user_data, G_GNUC_UNUSED GIOCondition revents)
{
  CepaHostVocabulary *self = user_data;
  VocabularyCall *next;

  while ((next = g_queue_pop_head (&self->calls)) != NULL)
    {
      next->word->call (self, next->args, next->reply);
      vocabulary_call_free (next);
    }
}

CepaHostVocabulary *
cepa_host_vocabulary_new (CepaPluginHost *host)
{
  CepaHostVocabulary *self = g_new0 (CepaHostVocabulary, 1);

  self->host = host;
  self->state = "starting";
  self->subscriptions = g_ptr_array_new_with_free_func (g_free);
  self->replies = g_ptr_array_new ();
  self->context = host != NULL ? g_main_context_ref (cepa_host_get_context (host)) : g_main_context_ref_thread_default ();
  g_queue_init (&self->calls);
  self->turn = cepa_loop_watch_fd (self->context, -1, "vocabulary calls", vocabulary_turn, self);
  if (host != NULL)
    cepa_host_metrics_listen (cepa_host_get_metrics (host), cepa_host_vocabulary_event, self);
  return self;
}

static void
vocabulary_watch_client (CepaHostVocabulary *self, gboolean watch)
{
  CepaBootstrap *bootstrap = self->client.bootstrap;
  CepaSkew *skew = self->client.skew;

  if (bootstrap != NULL)
    {
      bootstrap->reached = watch ? cepa_words_bootstrapped : NULL;
      bootstrap->user_data = watch ? self : NULL;
    }
  if (skew != NULL)
    {
      skew->changed = watch ? cepa_words_clock_skewed : NULL;
      skew->user_data = watch ? self : NULL;
    }
  cepa_words_watch_circuits (self, self->client.circuits, watch);
}

/* A call that has not been made yet will not be, and is not answered. */
static void
vocabulary_forget (CepaHostVocabulary *self, GList *link)
{
  VocabularyCall *forgotten = link->data;

  g_queue_delete_link (&self->calls, link);
  g_ptr_array_remove_fast (self->replies, forgotten->reply);
  g_free (forgotten->reply);
  vocabulary_call_free (forgotten);
}

void
cepa_host_vocabulary_free (CepaHostVocabulary *self)
{
  if (self == NULL)
    return;
  vocabulary_watch_client (self, FALSE);
  if (self->host != NULL)
    cepa_host_metrics_unlisten (cepa_host_get_metrics (self->host), cepa_host_vocabulary_event, self);
  while (self->calls.length > 0)
    vocabulary_forget (self, self->calls.head);
  cepa_loop_clear (&self->turn);
  g_main_context_unref (self->context);
  /* Whoever owes them may answer still. */
  for (guint i = 0; i < self->replies->len; i++)
    {
      CepaWordReply *reply = g_ptr_array_index (self->replies, i);

      reply->vocabulary = NULL;
      reply->func = NULL;
    }
  g_ptr_array_unref (self->replies);
  g_ptr_array_unref (self->subscriptions);
  g_clear_pointer (&self->log, cepa_words_log_free);
  g_clear_pointer (&self->options, cepa_words_options_free);
  g_free (self);
}

void
cepa_host_vocabulary_set_client (CepaHostVocabulary *self, const CepaVocabularyClient *client)
{
  vocabulary_watch_client (self, FALSE);
  if (client != NULL)
    self->client = *client;
  else
    memset (&self->client, 0, sizeof self->client);
  self->state = client == NULL ? "stopping" : client->circuits != NULL ? "running" : "starting";
  vocabulary_watch_client (self, TRUE);
}

const CepaVocabularyClient *
cepa_words_get_client (const CepaHostVocabulary *self)
{
  return &self->client;
}

CepaPluginHost *
cepa_words_get_host (const CepaHostVocabulary *self)
{
  return self->host;
}

const char *
cepa_words_get_state (const CepaHostVocabulary *self)
{
  return self->state;
}

GMainContext *
cepa_words_get_context (const CepaHostVocabulary *self)
{
  return self->context;
}

CepaWordsLog **
cepa_words_get_log (CepaHostVocabulary *self)
{
  return &self->log;
}

CepaWordsOptions **
cepa_words_get_options (CepaHostVocabulary *self)
{
  return &self->options;
}

/* ---- errors ---- */

/* What a kind of ours is to a plugin. */
static CepaPluginError
vocabulary_translate (const GError *error)
{
  if (error->domain == CEPA_PLUGIN_ERROR)
    return (CepaPluginError) error->code;
  if (error->domain != CEPA_ERROR)
    return CEPA_PLUGIN_ERROR_FAILED;
  switch (error->code)
    {
    case CEPA_ERROR_CONFIG:
    case CEPA_ERROR_NOT_FOUND:
      return CEPA_PLUGIN_ERROR_INVALID;
    case CEPA_ERROR_FILE:
      return CEPA_PLUGIN_ERROR_FILE;
    case CEPA_ERROR_NETWORK_DOWN:
      return CEPA_PLUGIN_ERROR_NETWORK;
    case CEPA_ERROR_NO_PATH:
      return CEPA_PLUGIN_ERROR_NO_PATH;
    case CEPA_ERROR_TIMEOUT:
      return CEPA_PLUGIN_ERROR_TIMEOUT;
    case CEPA_ERROR_CANCELLED:
      return CEPA_PLUGIN_ERROR_CANCELLED;
    default:
      return CEPA_PLUGIN_ERROR_FAILED;
    }
}

/* A word of ours gave something else than the XML promises. */
static void
vocabulary_wrong_type (const char *word, const char *wanted, GVariant *got)
{
  cepa_log (CEPA_LOG_BUG, CEPA_LOG_WARN, "the vocabulary's word %s should give %s, but gave %s", word, wanted,
            got != NULL ? g_variant_get_type_string (got) : "nothing");
}

/* ---- asking ---- */

const char *
cepa_host_vocabulary_describe (void)
{
  return cepa_words_xml;
}

static GVariant *
vocabulary_check_property (const GDBusPropertyInfo *info, GVariant *value, GError **error)
{
  g_autoptr (GVariant) sunk = value != NULL ? g_variant_take_ref (value) : NULL;

  if (sunk != NULL && g_str_equal (g_variant_get_type_string (sunk), info->signature))
    return g_steal_pointer (&sunk);
  vocabulary_wrong_type (info->name, info->signature, sunk);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the property %s is broken", info->name);
  return NULL;
}

GVariant *
cepa_host_vocabulary_get (CepaHostVocabulary *self, const char *interface_name, const char *property, GError **error)
{
  const CepaWords *words = vocabulary_find_words (interface_name);
  const CepaWordProperty *word = words != NULL ? words->properties : NULL;
  g_autoptr (GError) own = NULL;
  GVariant *value;

  while (word != NULL && word->name != NULL && g_strcmp0 (word->name, property) != 0)
    word++;
  if (word == NULL || word->name == NULL)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no property %s.%s",
                   interface_name, property);
      return NULL;
    }
  value = word->get (self, &own);
  if (own == NULL)
    return vocabulary_check_property (
        g_dbus_interface_info_lookup_property ((GDBusInterfaceInfo *) words->info, property), value, error);
  g_set_error_literal (error, CEPA_PLUGIN_ERROR, (gint) vocabulary_translate (own), own->message);
  return NULL;
}

/* ---- telling ---- */

/* Answers and frees. */
static void
vocabulary_answer (CepaWordReply *reply, GVariant *result, const GError *error)
{
  CepaReplyFunc func = reply->func;
  gpointer user_data = reply->user_data;

  if (reply->vocabulary != NULL)
    g_ptr_array_remove_fast (reply->vocabulary->replies, reply);
  g_free (reply);
  if (func != NULL)
    func (user_data, result, error);
}

void
cepa_word_reply_return (CepaWordReply *reply, GVariant *result)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (result != NULL ? result : g_variant_new_tuple (NULL, 0));
  g_autofree char *wanted = NULL;

  if (vocabulary_fits (sunk, reply->method->out_args))
    {
      vocabulary_answer (reply, sunk, NULL);
      return;
    }
  wanted = vocabulary_signature (reply->method->out_args);
  vocabulary_wrong_type (reply->method->name, wanted, sunk);
  cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the method %s is broken", reply->method->name);
}

void
cepa_word_reply_fail (CepaWordReply *reply, const GError *error)
{
  g_autoptr (GError) own
      = g_error_new_literal (CEPA_PLUGIN_ERROR, (gint) vocabulary_translate (error), error->message);

  vocabulary_answer (reply, NULL, own);
}

void
cepa_word_reply_fail_with (CepaWordReply *reply, CepaPluginError code, const char *format, ...)
{
  g_autoptr (GError) own = NULL;
  va_list args;

  va_start (args, format);
  own = g_error_new_valist (CEPA_PLUGIN_ERROR, (gint) code, format, args);
  va_end (args);
  vocabulary_answer (reply, NULL, own);
}

CepaHostVocabulary *
cepa_word_reply_get_vocabulary (const CepaWordReply *reply)
{
  return reply->vocabulary;
}

static CepaWordReply *
vocabulary_owe (CepaHostVocabulary *self, gconstpointer owner, CepaReplyFunc func, gpointer user_data)
{
  CepaWordReply *reply = g_new0 (CepaWordReply, 1);

  reply->vocabulary = self;
  reply->owner = owner;
  reply->func = func;
  reply->user_data = user_data;
  g_ptr_array_add (self->replies, reply);
  return reply;
}

/* Now, or when the signals are over. */
static void
vocabulary_do (CepaHostVocabulary *self, const CepaWordMethod *word, GVariant *args, CepaWordReply *reply)
{
  VocabularyCall *later;

  if (self->n_emitting == 0)
    {
      word->call (self, args, reply);
      return;
    }
  later = g_new0 (VocabularyCall, 1);
  later->reply = reply;
  later->word = word;
  later->args = g_variant_ref (args);
  g_queue_push_tail (&self->calls, later);
  cepa_loop_set_delay (self->turn, 0);
}

void
cepa_host_vocabulary_call (CepaHostVocabulary *self, gconstpointer owner, const char *interface_name,
                           const char *method, GVariant *args, CepaReplyFunc func, gpointer user_data)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (args != NULL ? args : g_variant_new_tuple (NULL, 0));
  CepaWordReply *reply = vocabulary_owe (self, owner, func, user_data);
  const CepaWords *words = vocabulary_find_words (interface_name);
  const CepaWordMethod *word = words != NULL ? words->methods : NULL;

  while (word != NULL && word->name != NULL && g_strcmp0 (word->name, method) != 0)
    word++;
  if (word == NULL || word->name == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no method %s.%s", interface_name,
                                 method);
      return;
    }
  reply->method = g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *) words->info, method);
  if (!vocabulary_fits (sunk, reply->method->in_args))
    {
      g_autofree char *wanted = vocabulary_signature (reply->method->in_args);

      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "the method %s.%s takes %s, not %s", interface_name,
                                 method, wanted, g_variant_get_type_string (sunk));
      return;
    }
  vocabulary_do (self, word, sunk, reply);
}

/* ---- watching ---- */

static gboolean
vocabulary_is_for (const VocabularySubscription *subscription, const CepaWords *words, const GDBusSignalInfo *signal)
{
  return !subscription->is_over && subscription->words == words
         && (subscription->signal == NULL || subscription->signal == signal);
}

gboolean
cepa_host_vocabulary_has_listener (const CepaHostVocabulary *self, const char *interface_name, const char *signal)
{
  const CepaWords *words;
  const GDBusSignalInfo *info;

  if (G_LIKELY (self->subscriptions->len == 0))
    return FALSE;
  words = vocabulary_find_words (interface_name);
  info = vocabulary_find_signal (words, signal);
  g_return_val_if_fail (info != NULL, FALSE);
  for (guint i = 0; i < self->subscriptions->len; i++)
    if (vocabulary_is_for (g_ptr_array_index (self->subscriptions, i), words, info))
      return TRUE;
  return FALSE;
}

static void
vocabulary_sweep (CepaHostVocabulary *self)
{
  for (guint i = self->subscriptions->len; self->n_emitting == 0 && i > 0; i--)
    if (((VocabularySubscription *) g_ptr_array_index (self->subscriptions, i - 1))->is_over)
      g_ptr_array_remove_index (self->subscriptions, i - 1);
}

void
cepa_host_vocabulary_emit (CepaHostVocabulary *self, const char *interface_name, const char *signal, GVariant *args)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (args != NULL ? args : g_variant_new_tuple (NULL, 0));
  const CepaWords *words = vocabulary_find_words (interface_name);
  const GDBusSignalInfo *info = vocabulary_find_signal (words, signal);
  guint n = self->subscriptions->len; /* those that come during the emission are not told of it */

  g_return_if_fail (info != NULL);
  if (!vocabulary_fits (sunk, info->args))
    {
      g_autofree char *wanted = vocabulary_signature (info->args);

      vocabulary_wrong_type (signal, wanted, sunk);
      return;
    }
  self->n_emitting++;
  for (guint i = 0; i < n; i++)
    {
      const VocabularySubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (vocabulary_is_for (subscription, words, info))
        subscription->func (subscription->user_data, words->info->name + strlen (VOCABULARY_PREFIX), info->name, sunk);
    }
  self->n_emitting--;
  vocabulary_sweep (self);
}

guint64
cepa_host_vocabulary_subscribe (CepaHostVocabulary *self, gconstpointer owner, const char *interface_name,
                                const char *signal, CepaSignalFunc func, gpointer user_data)
{
  const CepaWords *words = vocabulary_find_words (interface_name);
  const GDBusSignalInfo *info = signal != NULL ? vocabulary_find_signal (words, signal) : NULL;
  VocabularySubscription *subscription;

  if (words == NULL || func == NULL || (signal != NULL && info == NULL))
    return 0;
  subscription = g_new0 (VocabularySubscription, 1);
  *subscription = (VocabularySubscription) { ++self->last_id, owner, words, info, func, user_data, FALSE };
  g_ptr_array_add (self->subscriptions, subscription);
  if (words->interest != NULL)
    words->interest (self);
  return subscription->id;
}

static void
vocabulary_end (CepaHostVocabulary *self, VocabularySubscription *subscription)
{
  subscription->is_over = TRUE;
  if (subscription->words->interest != NULL)
    subscription->words->interest (self);
}

void
cepa_host_vocabulary_unsubscribe (CepaHostVocabulary *self, gconstpointer owner, guint64 subscription)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      VocabularySubscription *found = g_ptr_array_index (self->subscriptions, i);

      if (!found->is_over && found->id == subscription && found->owner == owner)
        vocabulary_end (self, found);
    }
  vocabulary_sweep (self);
}

void
cepa_host_vocabulary_drop (CepaHostVocabulary *self, gconstpointer owner)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      VocabularySubscription *found = g_ptr_array_index (self->subscriptions, i);

      if (!found->is_over && found->owner == owner)
        vocabulary_end (self, found);
    }
  vocabulary_sweep (self);
  for (GList *link = self->calls.head, *next; link != NULL; link = next)
    {
      next = link->next;
      if (((VocabularyCall *) link->data)->reply->owner == owner)
        vocabulary_forget (self, link);
    }
  for (guint i = 0; i < self->replies->len; i++)
    {
      CepaWordReply *reply = g_ptr_array_index (self->replies, i);

      if (reply->owner == owner)
        reply->func = NULL;
    }
}

/* ---- what happens in the core ---- */

void
cepa_host_vocabulary_event (gpointer user_data, const CepaEvent *event, gpointer object, const GError *reason)
{
  CepaHostVocabulary *self = user_data;

  if (G_LIKELY (self->subscriptions->len == 0))
    return;
  if (event->kind == CEPA_EVENT_CIRCUIT)
    cepa_words_circuit_event (self, event, object, reason);
  else if (event->kind == CEPA_EVENT_STREAM)
    cepa_words_stream_event (self, event, object);
  else if (event->kind == CEPA_EVENT_CHANNEL)
    cepa_words_channel_event (self, event, object, reason);
}
