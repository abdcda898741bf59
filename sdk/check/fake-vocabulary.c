/* SPDX-License-Identifier: BSD-3-Clause */
/* A vocabulary that answers everything that its XML has with empty values of the right types. */
#include <string.h>

#include "fake-host-private.h"

#define FAKE_VOCABULARY_PREFIX "org.cepa."

static void
fake_vocabulary_free_subscription (gpointer data)
{
  FakeSubscription *subscription = data;

  g_free (subscription->interface_name);
  g_free (subscription->signal);
  g_free (subscription);
}

/* Returns: (nullable): the interface without or with its prefix. */
static GDBusInterfaceInfo *
fake_vocabulary_find (CepaFakeHost *self, const char *name)
{
  g_autofree char *whole = g_strconcat (FAKE_VOCABULARY_PREFIX, name, NULL);

  return self->node != NULL && name != NULL ? g_dbus_node_info_lookup_interface (self->node, whole) : NULL;
}

/* Returns: (transfer full): a value of @type with nothing in it. */
static GVariant *
fake_vocabulary_make_value (const GVariantType *type)
{
  g_autoptr (GVariantBuilder) builder = NULL;

  if (g_variant_type_is_variant (type))
    return g_variant_ref_sink (g_variant_new_variant (g_variant_new_string ("")));
  if (g_variant_type_is_array (type) || g_variant_type_is_maybe (type))
    return g_variant_ref_sink (g_variant_new_array (g_variant_type_element (type), NULL, 0));
  if (g_variant_type_is_tuple (type) || g_variant_type_is_dict_entry (type))
    {
      builder = g_variant_builder_new (type);
      for (const GVariantType *item = g_variant_type_first (type); item != NULL; item = g_variant_type_next (item))
        {
          g_autoptr (GVariant) value = fake_vocabulary_make_value (item);

          g_variant_builder_add_value (builder, value);
        }
      return g_variant_ref_sink (g_variant_builder_end (builder));
    }
  if (g_variant_type_equal (type, G_VARIANT_TYPE_STRING))
    return g_variant_ref_sink (g_variant_new_string (""));
  if (g_variant_type_equal (type, G_VARIANT_TYPE_OBJECT_PATH))
    return g_variant_ref_sink (g_variant_new_object_path ("/"));
  if (g_variant_type_equal (type, G_VARIANT_TYPE_SIGNATURE))
    return g_variant_ref_sink (g_variant_new_signature (""));
  return g_variant_ref_sink (g_variant_new_from_data (type, "\0\0\0\0\0\0\0", 8, FALSE, NULL, NULL));
}

/* Returns: (transfer full): the type of a tuple of @args: "(ss)". */
static char *
fake_vocabulary_get_type (GDBusArgInfo **args)
{
  GString *type = g_string_new ("(");

  for (guint i = 0; args != NULL && args[i] != NULL; i++)
    g_string_append (type, args[i]->signature);
  g_string_append_c (type, ')');
  return g_string_free (type, FALSE);
}

static GVariant *
fake_vocabulary_make_tuple (GDBusArgInfo **args)
{
  g_autofree char *type = fake_vocabulary_get_type (args);

  return fake_vocabulary_make_value (G_VARIANT_TYPE (type));
}

static const char *
fake_vocabulary_describe (const CepaHost *table)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "describe");

  return self != NULL && self->xml != NULL ? self->xml : "<node/>";
}

static GVariant *
fake_vocabulary_get (const CepaHost *table, const char *interface_name, const char *property, GError **error)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "get");
  GDBusInterfaceInfo *interface = self != NULL ? fake_vocabulary_find (self, interface_name) : NULL;
  GDBusPropertyInfo *info = interface != NULL && property != NULL
                                ? g_dbus_interface_info_lookup_property (interface, property)
                                : NULL;

  if (info != NULL)
    return fake_vocabulary_make_value (G_VARIANT_TYPE (info->signature));
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no property %s.%s",
               interface_name, property);
  return NULL;
}

static void
fake_vocabulary_call (const CepaHost *table, const char *interface_name, const char *method, GVariant *args,
                      CepaReplyFunc func, void *user_data)
{
  g_autoptr (GVariant) own = args != NULL ? g_variant_ref_sink (args) : NULL;
  CepaFakeHost *self = cepa_fake_host_enter (table, "call");
  GDBusInterfaceInfo *interface = self != NULL ? fake_vocabulary_find (self, interface_name) : NULL;
  GDBusMethodInfo *info = interface != NULL && method != NULL
                              ? g_dbus_interface_info_lookup_method (interface, method)
                              : NULL;
  g_autofree char *type = info != NULL ? fake_vocabulary_get_type (info->in_args) : NULL;
  g_autoptr (GVariant) result = NULL;
  g_autoptr (GError) error = NULL;

  if (self == NULL)
    return;
  if (info == NULL)
    g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED, "there is no method %s.%s", interface_name,
                 method);
  else if (own == NULL ? strcmp (type, "()") != 0 : !g_variant_is_of_type (own, G_VARIANT_TYPE (type)))
    g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "%s.%s takes %s", interface_name, method, type);
  else
    result = fake_vocabulary_make_tuple (info->out_args);
  if (func != NULL)
    func (user_data, result, error);
}

static uint64_t
fake_vocabulary_subscribe (const CepaHost *table, const char *interface_name, const char *signal, CepaSignalFunc func,
                           void *user_data)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "subscribe");
  GDBusInterfaceInfo *interface = self != NULL ? fake_vocabulary_find (self, interface_name) : NULL;
  FakeSubscription *subscription;

  if (self == NULL)
    return 0;
  if (func == NULL)
    {
      cepa_fake_host_add_fault (self, "subscribe was called without a function");
      return 0;
    }
  if (interface == NULL || (signal != NULL && g_dbus_interface_info_lookup_signal (interface, signal) == NULL))
    return 0;
  subscription = g_new0 (FakeSubscription, 1);
  subscription->id = ++self->last_id;
  subscription->interface_name = g_strdup (interface_name);
  subscription->signal = g_strdup (signal);
  subscription->func = func;
  subscription->data = user_data;
  g_ptr_array_add (self->subscriptions, subscription);
  return subscription->id;
}

static FakeSubscription *
fake_vocabulary_find_subscription (CepaFakeHost *self, guint64 id, guint *index)
{
  for (guint i = 0; i < self->subscriptions->len; i++)
    {
      FakeSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      *index = i;
      if (subscription->id == id)
        return subscription;
    }
  return NULL;
}

static void
fake_vocabulary_unsubscribe (const CepaHost *table, uint64_t id)
{
  CepaFakeHost *self = cepa_fake_host_enter (table, "unsubscribe");
  guint index;

  if (self != NULL && fake_vocabulary_find_subscription (self, id, &index) != NULL)
    g_ptr_array_remove_index (self->subscriptions, index);
  else if (self != NULL)
    cepa_fake_host_add_fault (self, "unsubscribe was called for a subscription that there is not");
}

void
cepa_fake_vocabulary_init (CepaFakeHost *self)
{
  self->subscriptions = g_ptr_array_new_with_free_func (fake_vocabulary_free_subscription);
  self->vocabulary = (CepaVocabulary){
    .size = sizeof self->vocabulary,
    .describe = fake_vocabulary_describe,
    .get = fake_vocabulary_get,
    .call = fake_vocabulary_call,
    .subscribe = fake_vocabulary_subscribe,
    .unsubscribe = fake_vocabulary_unsubscribe,
  };
  self->table.vocabulary = &self->vocabulary;
}

void
cepa_fake_vocabulary_clear (CepaFakeHost *self)
{
  g_ptr_array_unref (self->subscriptions);
  g_clear_pointer (&self->node, g_dbus_node_info_unref);
}

CepaVocabulary *
cepa_fake_host_edit_vocabulary (CepaFakeHost *self)
{
  return &self->vocabulary;
}

void
cepa_fake_host_set_vocabulary (CepaFakeHost *self, const char *xml)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->node, g_dbus_node_info_unref);
  self->xml = xml;
  self->node = g_dbus_node_info_new_for_xml (xml, &error);
  if (self->node == NULL)
    cepa_fake_host_add_fault (self, "the vocabulary is no D-Bus introspection data: %s", error->message);
}

guint
cepa_fake_host_get_n_subscriptions (CepaFakeHost *self)
{
  return self->subscriptions->len;
}

guint
cepa_fake_host_emit (CepaFakeHost *self, const char *interface_name, const char *signal)
{
  GDBusInterfaceInfo *interface = fake_vocabulary_find (self, interface_name);
  GDBusSignalInfo *info = interface != NULL ? g_dbus_interface_info_lookup_signal (interface, signal) : NULL;
  g_autoptr (GVariant) args = info != NULL ? fake_vocabulary_make_tuple (info->args) : NULL;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint n = 0, index;

  for (guint i = 0; args != NULL && i < self->subscriptions->len; i++)
    {
      const FakeSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      if (strcmp (subscription->interface_name, interface_name) == 0
          && (subscription->signal == NULL || strcmp (subscription->signal, signal) == 0))
        g_array_append_val (ids, subscription->id);
    }
  /* By number: a function may end its own subscription, or another. */
  for (guint i = 0; i < ids->len; i++)
    {
      FakeSubscription *subscription
          = fake_vocabulary_find_subscription (self, g_array_index (ids, guint64, i), &index);

      if (subscription == NULL)
        continue;
      subscription->func (subscription->data, interface_name, signal, args);
      n++;
    }
  return n;
}

guint
cepa_fake_host_emit_all (CepaFakeHost *self)
{
  guint n = 0;

  for (guint i = 0; self->node != NULL && self->node->interfaces[i] != NULL; i++)
    {
      GDBusInterfaceInfo *interface = self->node->interfaces[i];

      if (!g_str_has_prefix (interface->name, FAKE_VOCABULARY_PREFIX))
        continue;
      for (guint j = 0; interface->signals != NULL && interface->signals[j] != NULL; j++)
        n += cepa_fake_host_emit (self, interface->name + strlen (FAKE_VOCABULARY_PREFIX),
                                  interface->signals[j]->name);
    }
  return n;
}
