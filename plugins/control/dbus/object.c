/* SPDX-License-Identifier: BSD-3-Clause */
/* The one object: calls and properties go to the vocabulary as they are, whatever they are called. */
#include <string.h>

#include "dbus-private.h"
#include "interfaces-generated.h"

const GDBusInterfaceInfo *const dbus_interfaces[] = {
  &org_cepa_client1_interface,   &org_cepa_circuits1_interface, &org_cepa_streams1_interface,
  &org_cepa_channels1_interface, &org_cepa_network1_interface,  &org_cepa_plugins1_interface,
  &org_cepa_options1_interface,  &org_cepa_log1_interface,      &org_cepa_guards1_interface,
  &org_cepa_signals1_interface,
  NULL,
};

/* A call that the vocabulary has not answered. */
typedef struct
{
  CepaDbus *dbus;
  DbusLink *link; /* (nullable): NULL once it is gone */
  GDBusMethodInvocation *invocation;
} DbusCall;

static void
dbus_object_send_error (DbusLink *link, GDBusMethodInvocation *invocation, const GError *error)
{
  g_autoptr (GError) shown = dbus_error_for_peer (error);
  g_autofree char *name = g_dbus_error_encode_gerror (shown);
  g_autoptr (GDBusMessage) reply = g_dbus_message_new_method_error_literal (
      g_dbus_method_invocation_get_message (invocation), name, shown->message);

  dbus_link_send (link, reply, NULL);
}

/* Whether @args is a tuple of what @infos say. */
static gboolean
dbus_object_args_fit (GVariant *args, GDBusArgInfo **infos)
{
  gsize n = infos != NULL ? g_strv_length ((char **) infos) : 0;

  if (args == NULL || !g_variant_is_of_type (args, G_VARIANT_TYPE_TUPLE))
    return args == NULL && n == 0;
  if (g_variant_n_children (args) != n)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) arg = g_variant_get_child_value (args, i);

      if (strcmp (g_variant_get_type_string (arg), infos[i]->signature) != 0)
        return FALSE;
    }
  return TRUE;
}

/* A reply is sent to those too that want none: link.c counts calls by their replies. */
static void
dbus_object_send_result (DbusLink *link, GDBusMethodInvocation *invocation, GVariant *result)
{
  const GDBusMethodInfo *info = g_dbus_method_invocation_get_method_info (invocation);
  g_autoptr (GDBusMessage) reply = NULL;
  g_autoptr (GError) error = NULL;

  if (!dbus_object_args_fit (result, info->out_args))
    {
      g_set_error (&error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                   "the daemon answered %s with values of another type", info->name);
      dbus_object_send_error (link, invocation, error);
      return;
    }
  reply = g_dbus_message_new_method_reply (g_dbus_method_invocation_get_message (invocation));
  if (result != NULL)
    g_dbus_message_set_body (reply, result);
  if (!dbus_link_send (link, reply, &error))
    dbus_object_send_error (link, invocation, error);
}

static void
dbus_object_end_call (DbusCall *call, GVariant *result, const GError *error)
{
  call->dbus->calls = g_list_remove (call->dbus->calls, call);
  if (call->link != NULL && error != NULL)
    dbus_object_send_error (call->link, call->invocation, error);
  else if (call->link != NULL)
    dbus_object_send_result (call->link, call->invocation, result);
  g_object_unref (call->invocation);
  g_free (call);
}

static void
dbus_object_on_reply (void *user_data, GVariant *result, const GError *error)
{
  dbus_object_end_call (user_data, result, error);
}

static void
dbus_object_on_call (G_GNUC_UNUSED GDBusConnection *connection, const char *sender, G_GNUC_UNUSED const char *path,
                     const char *interface, const char *method, GVariant *args, GDBusMethodInvocation *invocation,
                     gpointer user_data)
{
  DbusLink *link = user_data;
  CepaDbus *self = link->dbus;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) result = NULL;
  DbusCall *call;

  if (strcmp (interface, DBUS_SIGNALS_INTERFACE) != 0 && strcmp (interface, DBUS_DRIVER_INTERFACE) != 0)
    {
      call = g_new0 (DbusCall, 1);
      call->dbus = self;
      call->link = link;
      call->invocation = invocation;
      self->calls = g_list_prepend (self->calls, call);
      cepa_vocabulary_call (self->host, interface + strlen (DBUS_PREFIX), method, args, dbus_object_on_reply, call);
      return;
    }
  /* What a peer of the socket writes into the header's sender counts for nothing. */
  if (strcmp (interface, DBUS_DRIVER_INTERFACE) == 0)
    result = dbus_driver_call (link, method, args, &error);
  else if (dbus_signals_call (link, link->is_bus ? sender : NULL, method, args, &error))
    result = g_variant_new ("()");
  if (result != NULL)
    g_variant_ref_sink (result);
  if (result != NULL)
    dbus_object_send_result (link, invocation, result);
  else
    dbus_object_send_error (link, invocation, error);
  g_object_unref (invocation);
}

static const GDBusPropertyInfo *
dbus_object_find_property (const char *interface, const char *property)
{
  for (gsize i = 0; dbus_interfaces[i] != NULL; i++)
    if (strcmp (dbus_interfaces[i]->name, interface) == 0)
      return g_dbus_interface_info_lookup_property ((GDBusInterfaceInfo *) dbus_interfaces[i], property);
  return NULL;
}

static GVariant *
dbus_object_on_get (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED const char *sender,
                    G_GNUC_UNUSED const char *path, const char *interface, const char *property, GError **error,
                    gpointer user_data)
{
  const GDBusPropertyInfo *info = dbus_object_find_property (interface, property);
  const DbusLink *link = user_data;
  g_autoptr (GError) own = NULL;
  GVariant *value = cepa_vocabulary_get (link->dbus->host, interface + strlen (DBUS_PREFIX), property, &own);

  if (value != NULL && info != NULL && strcmp (g_variant_get_type_string (value), info->signature) != 0)
    {
      g_set_error (&own, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the daemon's %s is of another type", property);
      g_clear_pointer (&value, g_variant_unref);
    }
  if (value == NULL)
    g_propagate_error (error, dbus_error_for_peer (own));
  return value;
}

static const GDBusInterfaceVTable dbus_object_functions = {
  .method_call = dbus_object_on_call,
  .get_property = dbus_object_on_get,
};

static gboolean
dbus_object_register_one (DbusLink *link, const char *path, const GDBusInterfaceInfo *interface, GError **error)
{
  guint id = g_dbus_connection_register_object (link->connection, path, (GDBusInterfaceInfo *) interface,
                                                &dbus_object_functions, link, NULL, error);

  if (id != 0)
    g_array_append_val (link->objects, id);
  return id != 0;
}

gboolean
dbus_object_register (DbusLink *link, GError **error)
{
  for (gsize i = 0; dbus_interfaces[i] != NULL; i++)
    if (!dbus_object_register_one (link, DBUS_PATH, dbus_interfaces[i], error))
      return FALSE;
  return link->is_bus || dbus_object_register_one (link, DBUS_DRIVER_PATH, &org_freedesktop_dbus_interface, error);
}

void
dbus_object_forget_link (DbusLink *link)
{
  for (GList *l = link->dbus->calls; l != NULL; l = l->next)
    {
      DbusCall *call = l->data;

      if (call->link == link)
        call->link = NULL;
    }
}

void
dbus_object_answer_all (CepaDbus *self)
{
  g_autoptr (GError) error = g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_CANCELLED,
                                                  "control.dbus is being stopped");

  while (self->calls != NULL)
    dbus_object_end_call (self->calls->data, NULL, error);
}
