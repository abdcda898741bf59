/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-words.h"

typedef struct
{
  guint64 id;
  char *interface_name, *signal;
  CepaSignalFunc func;
  void *user_data;
} WordsSubscription;

typedef struct
{
  CepaReplyFunc func;
  void *user_data;
} WordsCall;

static FakeWords *
words_of (const CepaHost *host)
{
  FakeWords *self = (FakeWords *) (void *) host;

  g_assert_true (g_thread_self () == self->host.thread);
  return self;
}

/* ---- the plugin's side ---- */

static const char *
words_describe (const CepaHost *host)
{
  words_of (host);
  return "<node/>";
}

static GVariant *
words_get (const CepaHost *host, const char *interface_name, const char *property, GError **error)
{
  g_autofree char *name = g_strconcat (interface_name, ".", property, NULL);
  GVariant *value = g_hash_table_lookup (words_of (host)->properties, name);

  if (value != NULL)
    return g_variant_ref (value);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no property %s", name);
  return NULL;
}

static void
words_call (const CepaHost *host, const char *interface_name, const char *method, GVariant *args, CepaReplyFunc func,
            void *user_data)
{
  FakeWords *self = words_of (host);
  g_autofree char *name = g_strconcat (interface_name, ".", method, NULL);
  g_autoptr (GVariant) sunk = g_variant_ref_sink (args != NULL ? args : g_variant_new ("()"));
  g_autofree char *text = g_variant_print (sunk, TRUE);
  FakeWordsMethod answer = (FakeWordsMethod) g_hash_table_lookup (self->methods, name);
  GVariant *result = g_hash_table_lookup (self->results, name);
  const GError *set = g_hash_table_lookup (self->errors, name);
  g_autoptr (GVariant) made = NULL;
  g_autoptr (GError) error = set != NULL ? g_error_copy (set) : NULL;

  g_string_append_printf (self->calls, "%s %s\n", name, text);
  if (g_hash_table_contains (self->deferred, name))
    {
      WordsCall *waiting = g_new (WordsCall, 1);

      *waiting = (WordsCall){ func, user_data };
      g_queue_push_tail (&self->waiting, waiting);
      return;
    }
  if (answer != NULL && error == NULL)
    result = made = answer (self, sunk, &error);
  else if (result == NULL && error == NULL)
    g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no method %s", name);
  if (func != NULL)
    func (user_data, error == NULL ? result : NULL, error);
}

static uint64_t
words_subscribe (const CepaHost *host, const char *interface_name, const char *signal, CepaSignalFunc func,
                 void *user_data)
{
  FakeWords *self = words_of (host);
  WordsSubscription *subscription = g_new (WordsSubscription, 1);

  *subscription = (WordsSubscription){ ++self->last_subscription, g_strdup (interface_name), g_strdup (signal), func,
                                       user_data };
  g_ptr_array_add (self->subscriptions, subscription);
  return subscription->id;
}

static void
words_unsubscribe (const CepaHost *host, uint64_t id)
{
  FakeWords *self = words_of (host);

  for (guint i = 0; i < self->subscriptions->len; i++)
    if (((WordsSubscription *) self->subscriptions->pdata[i])->id == id)
      {
        g_ptr_array_remove_index (self->subscriptions, i);
        return;
      }
  g_assert_not_reached ();
}

static void
words_free_subscription (gpointer data)
{
  WordsSubscription *subscription = data;

  g_free (subscription->interface_name);
  g_free (subscription->signal);
  g_free (subscription);
}

/* ---- the test's side ---- */

void
fake_words_init (FakeWords *self)
{
  fake_host_init (&self->host);
  self->vocabulary = (CepaVocabulary){ .size = sizeof (CepaVocabulary), .describe = words_describe, .get = words_get,
                                       .call = words_call, .subscribe = words_subscribe,
                                       .unsubscribe = words_unsubscribe };
  self->host.base.vocabulary = &self->vocabulary;
  self->properties = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->results = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->errors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  self->methods = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->deferred = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->subscriptions = g_ptr_array_new_with_free_func (words_free_subscription);
  self->last_subscription = 0;
  self->calls = g_string_new (NULL);
  g_queue_init (&self->waiting);
}

void
fake_words_clear (FakeWords *self)
{
  g_assert_cmpuint (self->subscriptions->len, ==, 0);
  g_queue_clear_full (&self->waiting, g_free);
  g_ptr_array_unref (self->subscriptions);
  g_hash_table_unref (self->properties);
  g_hash_table_unref (self->results);
  g_hash_table_unref (self->errors);
  g_hash_table_unref (self->methods);
  g_hash_table_unref (self->deferred);
  g_string_free (self->calls, TRUE);
  fake_host_clear (&self->host);
}

guint
fake_words_n_subscribed (FakeWords *self, const char *interface_name, const char *signal)
{
  guint n = 0;

  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      WordsSubscription *subscription = self->subscriptions->pdata[i];

      n += g_str_equal (subscription->interface_name, interface_name) && g_str_equal (subscription->signal, signal);
    }
  return n;
}

void
fake_words_emit (FakeWords *self, const char *interface_name, const char *signal, GVariant *args)
{
  g_autoptr (GVariant) sunk = g_variant_take_ref (args);

  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      WordsSubscription *subscription = self->subscriptions->pdata[i];

      if (g_str_equal (subscription->interface_name, interface_name) && g_str_equal (subscription->signal, signal))
        subscription->func (subscription->user_data, interface_name, signal, sunk);
    }
}

void
fake_words_set_property (FakeWords *self, const char *name, GVariant *value)
{
  if (value != NULL)
    g_hash_table_replace (self->properties, g_strdup (name), g_variant_take_ref (value));
  else
    g_hash_table_remove (self->properties, name);
}

void
fake_words_set_result (FakeWords *self, const char *name, GVariant *value)
{
  g_hash_table_replace (self->results, g_strdup (name), g_variant_take_ref (value));
}

void
fake_words_set_error (FakeWords *self, const char *name, GError *error)
{
  g_hash_table_replace (self->errors, g_strdup (name), error);
}

void
fake_words_set_method (FakeWords *self, const char *name, FakeWordsMethod method)
{
  g_hash_table_replace (self->methods, g_strdup (name), (gpointer) method);
}

void
fake_words_forget (FakeWords *self, const char *name)
{
  g_hash_table_remove (self->results, name);
  g_hash_table_remove (self->errors, name);
  g_hash_table_remove (self->methods, name);
}

void
fake_words_defer (FakeWords *self, const char *name)
{
  g_hash_table_add (self->deferred, g_strdup (name));
}

guint
fake_words_n_waiting (FakeWords *self)
{
  return g_queue_get_length (&self->waiting);
}

void
fake_words_answer (FakeWords *self, GVariant *result, const GError *error)
{
  g_autofree WordsCall *waiting = g_queue_pop_head (&self->waiting);
  g_autoptr (GVariant) sunk = result != NULL ? g_variant_ref_sink (result) : NULL;

  g_assert_nonnull (waiting);
  waiting->func (waiting->user_data, sunk, error);
}
