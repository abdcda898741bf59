/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections and their limits. GDBus queues without bound: what is queued here is counted when it is queued, and
   again, by a filter in GDBus' own thread, when it begins to be written. */
#include "dbus-private.h"

#define LINK_HEADER_BYTES 1024 /* of a message, more than that */
#define LINK_MAX_MESSAGE (128 * 1024 * 1024) /* of D-Bus; GDBus sends what is longer, and who gets it hangs up */

/* What both threads know of a link. */
struct _DbusGauge
{
  gint calls;      /* (atomic): incoming calls whose answers have not begun to be written */
  gint queued;     /* (atomic): bytes */
  GSocket *socket; /* (nullable): of a peer; NULL for a bus */
};

static GQuark
dbus_link_size_quark (void)
{
  return g_quark_from_static_string ("cepa-dbus-size");
}

static void
dbus_gauge_clear (DbusGauge *self)
{
  g_clear_object (&self->socket);
}

static void
dbus_gauge_unref (gpointer self)
{
  g_atomic_rc_box_release_full (self, (GDestroyNotify) dbus_gauge_clear);
}

void
dbus_link_log (CepaDbus *self, CepaHostLogLevel level, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  cepa_host_log (self->host, level, text);
}

/* In the thread of GDBus. Returns: (nullable): @message; NULL when it goes no further. */
static GDBusMessage *
dbus_link_filter_call (GDBusConnection *connection, GDBusMessage *message, DbusGauge *gauge)
{
  g_autoptr (GDBusMessage) reply = NULL;

  if (g_atomic_int_add (&gauge->calls, 1) < DBUS_MAX_CALLS)
    return message;
  if (gauge->socket != NULL)
    {
      /* It sends and does not read. This end of it comes back as the connection's signal "closed". */
      g_socket_shutdown (gauge->socket, TRUE, TRUE, NULL);
    }
  else
    {
      reply = g_dbus_message_new_method_error_literal (message, "org.freedesktop.DBus.Error.LimitsExceeded",
                                                       "too many calls wait for their answers");
      g_dbus_connection_send_message (connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
    }
  g_object_unref (message);
  return NULL;
}

/* In the thread of GDBus. */
static GDBusMessage *
dbus_link_filter (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  DbusGauge *gauge = user_data;
  GDBusMessageType type = g_dbus_message_get_message_type (message);
  gint size;

  if (incoming)
    return type == G_DBUS_MESSAGE_TYPE_METHOD_CALL ? dbus_link_filter_call (connection, message, gauge) : message;
  if (type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR)
    g_atomic_int_add (&gauge->calls, -1);
  size = GPOINTER_TO_INT (g_object_get_qdata (G_OBJECT (message), dbus_link_size_quark ()));
  g_atomic_int_add (&gauge->queued, -size);
  return message;
}

static void
dbus_link_free (DbusLink *self)
{
  dbus_object_forget_link (self);
  g_ptr_array_unref (self->subscribers);
  if (self->closed_handler != 0)
    g_signal_handler_disconnect (self->connection, self->closed_handler);
  for (guint i = 0; i < self->objects->len; i++)
    g_dbus_connection_unregister_object (self->connection, g_array_index (self->objects, guint, i));
  if (self->filter != 0)
    g_dbus_connection_remove_filter (self->connection, self->filter);
  if (self->gauge->socket != NULL)
    g_socket_shutdown (self->gauge->socket, TRUE, TRUE, NULL);
  if (!g_dbus_connection_is_closed (self->connection))
    g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  g_array_unref (self->objects);
  g_object_unref (self->connection);
  dbus_gauge_unref (self->gauge);
  g_free (self);
}

void
dbus_link_remove (DbusLink *link)
{
  CepaDbus *self = link->dbus;

  g_ptr_array_remove (self->links, link);
  dbus_link_free (link);
  dbus_signals_update (self);
}

static void
dbus_link_on_closed (G_GNUC_UNUSED GDBusConnection *connection, G_GNUC_UNUSED gboolean by_peer,
                     G_GNUC_UNUSED GError *error, gpointer user_data)
{
  DbusLink *self = user_data;

  if (self->is_bus)
    dbus_link_log (self->dbus, CEPA_HOST_LOG_NOTICE, "The message bus has closed the connection");
  dbus_link_remove (self);
}

DbusLink *
dbus_link_add (CepaDbus *self, GDBusConnection *connection, GSocket *socket, GError **error)
{
  DbusLink *link = g_new0 (DbusLink, 1);
  gboolean is_closed;

  link->dbus = self;
  link->connection = g_object_ref (connection);
  link->is_bus = socket == NULL;
  link->objects = g_array_new (FALSE, FALSE, sizeof (guint));
  link->subscribers = g_ptr_array_new_with_free_func ((GDestroyNotify) dbus_subscriber_free);
  link->gauge = g_atomic_rc_box_new0 (DbusGauge);
  link->gauge->socket = socket != NULL ? g_object_ref (socket) : NULL;
  link->closed_handler = g_signal_connect (connection, "closed", G_CALLBACK (dbus_link_on_closed), link);
  link->filter = g_dbus_connection_add_filter (connection, dbus_link_filter,
                                               g_atomic_rc_box_acquire (link->gauge), dbus_gauge_unref);
  /* It may have ended before there was anybody to be told. */
  is_closed = g_dbus_connection_is_closed (connection);
  if (is_closed)
    g_set_error_literal (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "the connection has ended");
  if (is_closed || !dbus_object_register (link, error))
    {
      dbus_link_free (link);
      return NULL;
    }
  g_ptr_array_add (self->links, link);
  dbus_signals_update (self);
  return link;
}

/* Closes @self, from wherever this is called: that it is closed comes back through the loop. */
static void
dbus_link_overflow (DbusLink *self)
{
  if (self->is_over)
    return;
  self->is_over = TRUE;
  dbus_link_log (self->dbus, CEPA_HOST_LOG_NOTICE,
                 "%s is disconnected: %d bytes wait for it, and it does not read them",
                 self->is_bus ? "The message bus" : "A program on the socket",
                 g_atomic_int_get (&self->gauge->queued));
  if (self->gauge->socket != NULL)
    g_socket_shutdown (self->gauge->socket, TRUE, TRUE, NULL);
  else
    g_dbus_connection_close (self->connection, NULL, NULL, NULL);
}

/* When too much waits for all of them, the one that reads least goes. */
static void
dbus_link_check_total (CepaDbus *self)
{
  DbusLink *worst = NULL;
  gint64 total = 0;

  for (guint i = 0; i < self->links->len; i++)
    {
      DbusLink *link = g_ptr_array_index (self->links, i);

      if (link->is_over)
        continue;
      total += g_atomic_int_get (&link->gauge->queued);
      if (worst == NULL || g_atomic_int_get (&link->gauge->queued) > g_atomic_int_get (&worst->gauge->queued))
        worst = link;
    }
  if (total > DBUS_MAX_QUEUED_TOTAL)
    dbus_link_overflow (worst);
}

gboolean
dbus_link_send (DbusLink *link, GDBusMessage *message, GError **error)
{
  GVariant *body = g_dbus_message_get_body (message);
  gsize size = LINK_HEADER_BYTES + (body != NULL ? g_variant_get_size (body) : 0);
  g_autoptr (GError) own = NULL;

  if (link->is_over || g_dbus_connection_is_closed (link->connection))
    return TRUE;
  if (size > LINK_MAX_MESSAGE)
    {
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED,
                   "the answer has %" G_GSIZE_FORMAT " bytes, and a message of D-Bus %d at the most", size,
                   LINK_MAX_MESSAGE);
      return FALSE;
    }
  /* The first message may be of any size: an answer that alone is beyond the limit can still be had. */
  if (g_atomic_int_get (&link->gauge->queued) > DBUS_MAX_QUEUED)
    {
      dbus_link_overflow (link);
      return TRUE;
    }
  g_object_set_qdata (G_OBJECT (message), dbus_link_size_quark (), GINT_TO_POINTER ((gint) size));
  g_atomic_int_add (&link->gauge->queued, (gint) size);
  if (!g_dbus_connection_send_message (link->connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, &own))
    {
      g_atomic_int_add (&link->gauge->queued, -(gint) size);
      if (g_error_matches (own, G_IO_ERROR, G_IO_ERROR_CLOSED))
        return TRUE;
      g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "the answer cannot be sent over D-Bus: %s",
                   own->message);
      return FALSE;
    }
  dbus_link_check_total (link->dbus);
  return TRUE;
}
