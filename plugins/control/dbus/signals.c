/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals: wanted in the vocabulary only while somebody here wants them, and sent to those. */
#include <string.h>

#include "dbus-private.h"

/* Interfaces whose signals are so rare that everybody gets them unasked. */
static const char *const signals_rare[] = { "Client1", "Network1", "Options1", "Plugins1" };

/* Signals after which properties have other values. */
static const struct
{
  const char *interface, *signal;
  const char *properties[6];
} signals_changes[] = {
  { "Client1", "Bootstrapped", { "State", "Bootstrap", "IsReady", "HasDirectory", NULL } },
  { "Client1", "ClockSkewed", { "ClockSkew", NULL } },
  { "Network1", "Changed", { "ValidAfter", "FreshUntil", "ValidUntil", "NRelays", NULL } },
};

static gboolean
dbus_signals_is_rare (const char *interface)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signals_rare); i++)
    if (strcmp (interface + strlen (DBUS_PREFIX), signals_rare[i]) == 0)
      return TRUE;
  return FALSE;
}

void
dbus_signals_init (CepaDbus *self)
{
  self->signals = g_array_new (FALSE, TRUE, sizeof (DbusSignal));
  for (gsize i = 0; dbus_interfaces[i] != NULL; i++)
    for (gsize j = 0; dbus_interfaces[i]->signals != NULL && dbus_interfaces[i]->signals[j] != NULL; j++)
      {
        DbusSignal signal = { .dbus = self, .interface = dbus_interfaces[i], .info = dbus_interfaces[i]->signals[j] };

        signal.is_rare = dbus_signals_is_rare (signal.interface->name);
        g_array_append_val (self->signals, signal);
      }
  g_return_if_fail (self->signals->len <= 64); /* bits of DbusSubscriber.wants */
}

void
dbus_signals_clear (CepaDbus *self)
{
  for (guint i = 0; i < self->signals->len; i++)
    {
      DbusSignal *signal = &g_array_index (self->signals, DbusSignal, i);

      cepa_vocabulary_unsubscribe (self->host, signal->subscription);
      signal->subscription = 0;
    }
  cepa_host_timer_free (self->host, self->change_timer);
  self->change_timer = 0;
  self->changes = 0;
}

void
dbus_subscriber_free (DbusSubscriber *self)
{
  if (self->watch != 0)
    g_bus_unwatch_name (self->watch);
  g_free (self->sender);
  g_array_unref (self->rules);
  g_free (self);
}

static void
dbus_rule_clear (gpointer self)
{
  g_free (((DbusRule *) self)->text);
}

/* Returns: bits, by number of the signal. */
static guint64
dbus_subscriber_get_wants (const DbusSubscriber *self)
{
  guint64 wants = self->asked;

  for (guint i = 0; i < self->rules->len; i++)
    wants |= g_array_index (self->rules, DbusRule, i).bits;
  return wants;
}

static void
dbus_signals_send (DbusLink *link, const char *destination, const char *interface, const char *name, GVariant *args)
{
  g_autoptr (GDBusMessage) message = g_dbus_message_new_signal (DBUS_PATH, interface, name);
  g_autoptr (GError) error = NULL;

  if (!link->is_bus)
    g_dbus_message_set_sender (message, DBUS_UNIQUE_NAME);
  if (destination != NULL)
    g_dbus_message_set_destination (message, destination);
  g_dbus_message_set_body (message, args);
  if (!dbus_link_send (link, message, &error))
    dbus_link_log (link->dbus, CEPA_HOST_LOG_WARNING, "The signal %s of %s is lost: %s", name, interface,
                   error->message);
}

/* (transfer floating): what PropertiesChanged says of one line of the table. */
static GVariant *
dbus_signals_read_changes (CepaDbus *self, gsize row)
{
  g_autofree char *interface = g_strconcat (DBUS_PREFIX, signals_changes[row].interface, NULL);
  GVariantBuilder values;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  for (const char *const *name = signals_changes[row].properties; *name != NULL; name++)
    {
      g_autoptr (GVariant) value = cepa_vocabulary_get (self->host, signals_changes[row].interface, *name, NULL);

      if (value != NULL)
        g_variant_builder_add (&values, "{sv}", *name, value);
    }
  return g_variant_new ("(sa{sv}as)", interface, &values, NULL);
}

/* Properties are read in a turn of their own: what a signal tells of may still be under way. */
static void
dbus_signals_on_change_timer (void *user_data)
{
  CepaDbus *self = user_data;

  for (gsize row = 0; row < G_N_ELEMENTS (signals_changes); row++)
    {
      g_autoptr (GVariant) args = NULL;

      if ((self->changes & (1u << row)) == 0)
        continue;
      args = g_variant_ref_sink (dbus_signals_read_changes (self, row));
      for (guint i = 0; i < self->links->len; i++)
        dbus_signals_send (g_ptr_array_index (self->links, i), NULL, "org.freedesktop.DBus.Properties",
                           "PropertiesChanged", args);
    }
  self->changes = 0;
}

static void
dbus_signals_note_change (CepaDbus *self, const DbusSignal *signal)
{
  for (gsize row = 0; row < G_N_ELEMENTS (signals_changes); row++)
    if (strcmp (signal->interface->name + strlen (DBUS_PREFIX), signals_changes[row].interface) == 0
        && strcmp (signal->info->name, signals_changes[row].signal) == 0)
      {
        if (self->change_timer == 0)
          self->change_timer = cepa_host_timer_new (self->host, dbus_signals_on_change_timer, self);
        self->changes |= 1u << row;
        cepa_host_timer_set (self->host, self->change_timer, 0);
      }
}

static void
dbus_signals_on_signal (void *user_data, G_GNUC_UNUSED const char *interface, G_GNUC_UNUSED const char *name,
                        GVariant *args)
{
  const DbusSignal *signal = user_data;
  CepaDbus *self = signal->dbus;
  guint64 bit = G_GUINT64_CONSTANT (1) << (guint) (signal - &g_array_index (self->signals, DbusSignal, 0));

  for (guint i = 0; i < self->links->len; i++)
    {
      DbusLink *link = g_ptr_array_index (self->links, i);

      if (signal->is_rare)
        dbus_signals_send (link, NULL, signal->interface->name, signal->info->name, args);
      for (guint j = 0; !signal->is_rare && j < link->subscribers->len; j++)
        {
          const DbusSubscriber *subscriber = g_ptr_array_index (link->subscribers, j);

          if ((dbus_subscriber_get_wants (subscriber) & bit) != 0)
            dbus_signals_send (link, subscriber->sender, signal->interface->name, signal->info->name, args);
        }
    }
  if (signal->is_rare)
    dbus_signals_note_change (self, signal);
}

/* Subscribes to what is wanted now and unsubscribes from the rest. */
void
dbus_signals_update (CepaDbus *self)
{
  guint64 wanted = 0;

  for (guint i = 0; i < self->links->len; i++)
    {
      const DbusLink *link = g_ptr_array_index (self->links, i);

      for (guint j = 0; j < link->subscribers->len; j++)
        wanted |= dbus_subscriber_get_wants (g_ptr_array_index (link->subscribers, j));
    }
  for (guint i = 0; i < self->signals->len; i++)
    {
      DbusSignal *signal = &g_array_index (self->signals, DbusSignal, i);
      gboolean is_wanted = signal->is_rare ? self->links->len > 0 : (wanted >> i & 1) != 0;

      if (is_wanted && signal->subscription == 0)
        signal->subscription = cepa_vocabulary_subscribe (
            self->host, signal->interface->name + strlen (DBUS_PREFIX), signal->info->name, dbus_signals_on_signal,
            signal);
      else if (!is_wanted && signal->subscription != 0)
        {
          cepa_vocabulary_unsubscribe (self->host, signal->subscription);
          signal->subscription = 0;
        }
    }
}

static void
dbus_signals_on_vanished (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED const char *name,
                          gpointer user_data)
{
  DbusSubscriber *self = user_data;
  CepaDbus *dbus = self->link->dbus;

  g_ptr_array_remove (self->link->subscribers, self);
  dbus_signals_update (dbus);
}

/* Returns: (transfer none) (nullable): of @sender on @link; made if need be. */
static DbusSubscriber *
dbus_signals_get_subscriber (DbusLink *link, const char *sender, GError **error)
{
  DbusSubscriber *self;

  for (guint i = 0; i < link->subscribers->len; i++)
    {
      self = g_ptr_array_index (link->subscribers, i);
      if (g_strcmp0 (self->sender, sender) == 0)
        return self;
    }
  if (link->subscribers->len >= DBUS_MAX_SUBSCRIBERS)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                   "%d programs on this bus have subscribed, and more are not served", DBUS_MAX_SUBSCRIBERS);
      return NULL;
    }
  self = g_new0 (DbusSubscriber, 1);
  self->link = link;
  self->sender = g_strdup (sender);
  self->rules = g_array_new (FALSE, FALSE, sizeof (DbusRule));
  g_array_set_clear_func (self->rules, dbus_rule_clear);
  g_ptr_array_add (link->subscribers, self);
  if (sender != NULL)
    self->watch = g_bus_watch_name_on_connection (link->connection, sender, G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                                  dbus_signals_on_vanished, self, NULL);
  return self;
}

/* Returns: bits; 0 with an error when there is no such signal. */
static guint64
dbus_signals_find (CepaDbus *self, const char *interface, const char *name, GError **error)
{
  guint64 found = 0;

  for (guint i = 0; i < self->signals->len; i++)
    {
      const DbusSignal *signal = &g_array_index (self->signals, DbusSignal, i);

      if (strcmp (signal->interface->name, interface) == 0
          && (*name == '\0' || strcmp (signal->info->name, name) == 0))
        found |= G_GUINT64_CONSTANT (1) << i;
    }
  if (found == 0)
    g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "there is no signal \"%.100s\" of \"%.100s\"",
                 name, interface);
  return found;
}

gboolean
dbus_signals_call (DbusLink *link, const char *sender, const char *method, GVariant *args, GError **error)
{
  const char *interface, *name;
  DbusSubscriber *subscriber;
  guint64 bits;

  g_variant_get (args, "(&s&s)", &interface, &name);
  bits = dbus_signals_find (link->dbus, interface, name, error);
  if (bits == 0)
    return FALSE;
  subscriber = dbus_signals_get_subscriber (link, sender, error);
  if (subscriber == NULL)
    return FALSE;
  if (strcmp (method, "Subscribe") == 0)
    subscriber->asked |= bits;
  else
    subscriber->asked &= ~bits;
  if (subscriber->asked == 0 && subscriber->rules->len == 0)
    g_ptr_array_remove (link->subscribers, subscriber);
  dbus_signals_update (link->dbus);
  return TRUE;
}

gboolean
dbus_signals_add_rule (DbusLink *link, const char *rule, const char *interface, const char *signal, GError **error)
{
  DbusSubscriber *subscriber = dbus_signals_get_subscriber (link, NULL, error);
  DbusRule entry = { NULL, 0 };

  if (subscriber == NULL)
    return FALSE;
  if (subscriber->rules->len >= DBUS_MAX_RULES)
    {
      g_set_error (error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED, "%d match rules are the most", DBUS_MAX_RULES);
      return FALSE;
    }
  entry.text = g_strdup (rule);
  entry.bits = dbus_signals_find (link->dbus, interface, signal, NULL);
  g_array_append_val (subscriber->rules, entry);
  dbus_signals_update (link->dbus);
  return TRUE;
}

gboolean
dbus_signals_remove_rule (DbusLink *link, const char *rule)
{
  DbusSubscriber *subscriber = dbus_signals_get_subscriber (link, NULL, NULL);

  for (guint i = 0; subscriber != NULL && i < subscriber->rules->len; i++)
    if (strcmp (g_array_index (subscriber->rules, DbusRule, i).text, rule) == 0)
      {
        g_array_remove_index (subscriber->rules, i);
        dbus_signals_update (link->dbus);
        return TRUE;
      }
  return FALSE;
}
