/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake-host.h"

#include <glib-unix.h>
#include <string.h>

struct _FakeHost
{
  CepaHost host;
  CepaVocabulary vocabulary;
  GThread *thread;
  GHashTable *options;    /* name -> GStrv */
  GHashTable *properties; /* name -> GVariant */
  GHashTable *results;    /* name -> GVariant */
  GHashTable *errors;     /* name -> GError */
  GHashTable *deferred;   /* name */
  GQueue waiting;         /* of FakeCall */
  GString *calls, *log;
  GHashTable *sources;    /* number -> GSource */
  GHashTable *watches;    /* number -> FakeWatch */
  GHashTable *tasks;      /* number -> GError, or NULL */
  GList *subscriptions;   /* of FakeSubscription */
  uint64_t last;
};

typedef struct
{
  CepaReplyFunc func;
  void *user_data;
} FakeCall;

typedef struct
{
  uint64_t id;
  char *interface_name, *signal;
  CepaSignalFunc func;
  void *user_data;
} FakeSubscription;

typedef struct
{
  CepaTimerFunc func;
  void *user_data;
} FakeTimer;

typedef struct
{
  int fd;
  CepaWatchFunc func;
  void *user_data;
} FakeWatch;

/* Every function of the host is for one thread. */
static FakeHost *
fake_host_of (const CepaHost *host)
{
  FakeHost *self = host->context;

  g_assert_true (g_thread_self () == self->thread);
  return self;
}

static void
fake_log (const CepaHost *host, CepaHostLogLevel level, const char *text)
{
  g_string_append_printf (fake_host_of (host)->log, "%d %s\n", level, text);
}

static void
fake_random (const CepaHost *host, void *out, size_t len)
{
  fake_host_of (host);
  for (size_t i = 0; i < len; i++)
    ((guint8 *) out)[i] = (guint8) g_random_int ();
}

static int64_t
fake_monotonic_us (const CepaHost *host)
{
  fake_host_of (host);
  return g_get_monotonic_time ();
}

static int64_t
fake_wall_s (const CepaHost *host)
{
  fake_host_of (host);
  return g_get_real_time () / G_USEC_PER_SEC;
}

static const char *const *
fake_option (const CepaHost *host, const char *name)
{
  return g_hash_table_lookup (fake_host_of (host)->options, name);
}

static void
fake_complete (const CepaHost *host, uint64_t task, GError *error)
{
  FakeHost *self = fake_host_of (host);

  g_assert_false (g_hash_table_contains (self->tasks, GUINT_TO_POINTER (task)));
  g_hash_table_insert (self->tasks, GUINT_TO_POINTER (task), error);
}

static gboolean
fake_on_timer (gpointer user_data)
{
  FakeTimer *timer = user_data;

  g_source_set_ready_time (g_main_current_source (), -1);
  timer->func (timer->user_data);
  return G_SOURCE_CONTINUE;
}

static uint64_t
fake_timer_new (const CepaHost *host, CepaTimerFunc func, void *user_data)
{
  FakeHost *self = fake_host_of (host);
  FakeTimer *timer = g_new (FakeTimer, 1);
  GSource *source = g_timeout_source_new (1000);

  *timer = (FakeTimer){ func, user_data };
  g_source_set_callback (source, fake_on_timer, timer, g_free);
  g_source_set_ready_time (source, -1);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_hash_table_insert (self->sources, GUINT_TO_POINTER (++self->last), source);
  return self->last;
}

static void
fake_timer_set (const CepaHost *host, uint64_t id, int64_t delay_us)
{
  GSource *source = g_hash_table_lookup (fake_host_of (host)->sources, GUINT_TO_POINTER (id));

  g_assert_nonnull (source);
  g_source_set_ready_time (source, delay_us < 0 ? -1 : g_get_monotonic_time () + delay_us);
}

static void
fake_timer_free (const CepaHost *host, uint64_t id)
{
  g_assert_true (g_hash_table_remove (fake_host_of (host)->sources, GUINT_TO_POINTER (id)));
}

static gboolean
fake_on_watch (gint fd, GIOCondition condition, gpointer user_data)
{
  FakeWatch *watch = user_data;
  uint32_t events = 0;

  events |= (condition & G_IO_IN) != 0 ? CEPA_WATCH_READ : 0;
  events |= (condition & G_IO_OUT) != 0 ? CEPA_WATCH_WRITE : 0;
  events |= (condition & (G_IO_ERR | G_IO_HUP)) != 0 ? CEPA_WATCH_ERROR : 0;
  watch->func (watch->user_data, fd, events);
  return G_SOURCE_CONTINUE;
}

static void
fake_watch_set (const CepaHost *host, uint64_t id, uint32_t events)
{
  FakeHost *self = fake_host_of (host);
  FakeWatch *watch = g_hash_table_lookup (self->watches, GUINT_TO_POINTER (id));
  GIOCondition condition = (events & CEPA_WATCH_READ) != 0 ? G_IO_IN : 0;
  GSource *source;

  g_assert_nonnull (watch);
  condition |= (events & CEPA_WATCH_WRITE) != 0 ? G_IO_OUT : 0;
  source = g_unix_fd_source_new (watch->fd, condition);
  g_source_set_callback (source, G_SOURCE_FUNC (fake_on_watch), watch, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_hash_table_insert (self->sources, GUINT_TO_POINTER (id), source);
}

static uint64_t
fake_watch_new (const CepaHost *host, int fd, uint32_t events, CepaWatchFunc func, void *user_data)
{
  FakeHost *self = fake_host_of (host);
  FakeWatch *watch = g_new (FakeWatch, 1);

  *watch = (FakeWatch){ fd, func, user_data };
  g_hash_table_insert (self->watches, GUINT_TO_POINTER (++self->last), watch);
  fake_watch_set (host, self->last, events);
  return self->last;
}

static void
fake_watch_free (const CepaHost *host, uint64_t id)
{
  FakeHost *self = fake_host_of (host);

  g_assert_true (g_hash_table_remove (self->sources, GUINT_TO_POINTER (id)));
  g_assert_true (g_hash_table_remove (self->watches, GUINT_TO_POINTER (id)));
}

/* The vocabulary. */

static const char *
fake_describe (const CepaHost *host)
{
  fake_host_of (host);
  return "<node/>";
}

static GVariant *
fake_get (const CepaHost *host, const char *interface_name, const char *property, GError **error)
{
  FakeHost *self = fake_host_of (host);
  g_autofree char *name = g_strconcat (interface_name, ".", property, NULL);
  GVariant *value = g_hash_table_lookup (self->properties, name);

  if (value != NULL)
    return g_variant_ref (value);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no property %s", name);
  return NULL;
}

static void
fake_call (const CepaHost *host, const char *interface_name, const char *method, GVariant *args, CepaReplyFunc func,
           void *user_data)
{
  FakeHost *self = fake_host_of (host);
  g_autofree char *name = g_strconcat (interface_name, ".", method, NULL);
  g_autoptr (GVariant) sunk = args != NULL ? g_variant_ref_sink (args) : g_variant_ref_sink (g_variant_new ("()"));
  g_autofree char *text = g_variant_print (sunk, TRUE);
  g_autoptr (GError) unknown = NULL;
  const GError *error = g_hash_table_lookup (self->errors, name);
  GVariant *result = g_hash_table_lookup (self->results, name);

  g_string_append_printf (self->calls, "%s %s\n", name, text);
  if (g_hash_table_contains (self->deferred, name))
    {
      FakeCall *call = g_new (FakeCall, 1);

      *call = (FakeCall){ func, user_data };
      g_queue_push_tail (&self->waiting, call);
      return;
    }
  if (error == NULL && result == NULL)
    {
      unknown = g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no method %s", name);
      error = unknown;
    }
  func (user_data, error == NULL ? result : NULL, error);
}

static uint64_t
fake_subscribe (const CepaHost *host, const char *interface_name, const char *signal, CepaSignalFunc func,
                void *user_data)
{
  FakeHost *self = fake_host_of (host);
  FakeSubscription *subscription = g_new (FakeSubscription, 1);

  *subscription = (FakeSubscription){ ++self->last, g_strdup (interface_name), g_strdup (signal), func, user_data };
  self->subscriptions = g_list_append (self->subscriptions, subscription);
  return subscription->id;
}

static void
fake_unsubscribe (const CepaHost *host, uint64_t id)
{
  FakeHost *self = fake_host_of (host);

  for (GList *l = self->subscriptions; l != NULL; l = l->next)
    {
      FakeSubscription *subscription = l->data;

      if (subscription->id != id)
        continue;
      self->subscriptions = g_list_delete_link (self->subscriptions, l);
      g_free (subscription->interface_name);
      g_free (subscription->signal);
      g_free (subscription);
      return;
    }
  g_assert_not_reached ();
}

static void
fake_source_free (gpointer source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

FakeHost *
fake_host_new (void)
{
  FakeHost *self = g_new0 (FakeHost, 1);

  self->thread = g_thread_self ();
  self->options = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_strfreev);
  self->properties = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->results = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->errors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  self->deferred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->calls = g_string_new (NULL);
  self->log = g_string_new (NULL);
  self->sources = g_hash_table_new_full (NULL, NULL, NULL, fake_source_free);
  self->watches = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->tasks = g_hash_table_new (NULL, NULL);
  self->vocabulary = (CepaVocabulary){ .size = sizeof (CepaVocabulary), .describe = fake_describe, .get = fake_get,
                                       .call = fake_call, .subscribe = fake_subscribe,
                                       .unsubscribe = fake_unsubscribe };
  self->host = (CepaHost){ .size = sizeof (CepaHost), .abi_major = CEPA_ABI_MAJOR, .abi_minor = CEPA_ABI_MINOR,
                           .context = self, .log = fake_log, .random = fake_random,
                           .monotonic_us = fake_monotonic_us, .wall_s = fake_wall_s, .option = fake_option,
                           .complete = fake_complete, .timer_new = fake_timer_new, .timer_set = fake_timer_set,
                           .timer_free = fake_timer_free, .watch_new = fake_watch_new, .watch_set = fake_watch_set,
                           .watch_free = fake_watch_free, .vocabulary = &self->vocabulary };
  return self;
}

void
fake_host_free (FakeHost *self)
{
  g_assert_cmpuint (g_hash_table_size (self->sources), ==, 0);
  g_assert_cmpuint (g_hash_table_size (self->watches), ==, 0);
  g_assert_null (self->subscriptions);
  g_queue_clear_full (&self->waiting, g_free);
  g_hash_table_unref (self->options);
  g_hash_table_unref (self->properties);
  g_hash_table_unref (self->results);
  g_hash_table_unref (self->errors);
  g_hash_table_unref (self->deferred);
  g_hash_table_unref (self->sources);
  g_hash_table_unref (self->watches);
  g_hash_table_unref (self->tasks);
  g_string_free (self->calls, TRUE);
  g_string_free (self->log, TRUE);
  g_free (self);
}

const CepaHost *
fake_host_get (FakeHost *self)
{
  return &self->host;
}

void
fake_host_set_option (FakeHost *self, const char *name, const char *value)
{
  const char *values[] = { value, NULL };

  g_hash_table_insert (self->options, g_strdup (name), g_strdupv ((char **) values));
}

void
fake_host_set_property (FakeHost *self, const char *name, GVariant *value)
{
  if (value != NULL)
    g_hash_table_insert (self->properties, g_strdup (name), g_variant_take_ref (value));
  else
    g_hash_table_remove (self->properties, name);
}

void
fake_host_set_result (FakeHost *self, const char *name, GVariant *result)
{
  g_hash_table_insert (self->results, g_strdup (name), g_variant_take_ref (result));
}

void
fake_host_set_error (FakeHost *self, const char *name, GError *error)
{
  g_hash_table_insert (self->errors, g_strdup (name), error);
}

void
fake_host_defer (FakeHost *self, const char *name)
{
  g_hash_table_add (self->deferred, g_strdup (name));
}

guint
fake_host_n_waiting (FakeHost *self)
{
  return g_queue_get_length (&self->waiting);
}

void
fake_host_answer (FakeHost *self, GVariant *result, const GError *error)
{
  g_autofree FakeCall *call = g_queue_pop_head (&self->waiting);
  g_autoptr (GVariant) sunk = result != NULL ? g_variant_ref_sink (result) : NULL;

  call->func (call->user_data, sunk, error);
}

const char *
fake_host_calls (FakeHost *self)
{
  return self->calls->str;
}

void
fake_host_emit (FakeHost *self, const char *interface_name, const char *signal, GVariant *args)
{
  g_autoptr (GVariant) sunk = g_variant_take_ref (args);

  for (GList *l = self->subscriptions; l != NULL; l = l->next)
    {
      const FakeSubscription *subscription = l->data;

      if (strcmp (subscription->interface_name, interface_name) == 0 && strcmp (subscription->signal, signal) == 0)
        subscription->func (subscription->user_data, interface_name, signal, sunk);
    }
}

guint
fake_host_n_subscribed (FakeHost *self, const char *interface_name, const char *signal)
{
  guint n = 0;

  for (GList *l = self->subscriptions; l != NULL; l = l->next)
    {
      const FakeSubscription *subscription = l->data;

      n += strcmp (subscription->interface_name, interface_name) == 0 && strcmp (subscription->signal, signal) == 0;
    }
  return n;
}

gboolean
fake_host_has_ended (FakeHost *self, uint64_t task, GError **error)
{
  gpointer own;

  if (!g_hash_table_lookup_extended (self->tasks, GUINT_TO_POINTER (task), NULL, &own))
    return FALSE;
  g_hash_table_remove (self->tasks, GUINT_TO_POINTER (task));
  if (own != NULL)
    g_propagate_error (error, own);
  return TRUE;
}

const char *
fake_host_log (FakeHost *self)
{
  return self->log->str;
}
