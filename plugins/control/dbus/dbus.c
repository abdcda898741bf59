/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin's life. */
#include <string.h>

#include "dbus-private.h"

#define DBUS_STOP_US (500 * 1000) /* for what is queued at the end */

/* What waits for the connections to have written what is queued; it outlives the plugin when a peer does not read. */
struct _DbusFlush
{
  CepaDbus *dbus; /* (nullable) */
  guint n_left;
};

CepaDbus *
cepa_dbus_new (const CepaHost *host)
{
  CepaDbus *self = g_new0 (CepaDbus, 1);

  dbus_errors_register ();
  self->host = host;
  self->links = g_ptr_array_new ();
  dbus_signals_init (self);
  return self;
}

/* Ends everything but what is queued. */
static void
dbus_close (CepaDbus *self)
{
  dbus_signals_clear (self);
  dbus_object_answer_all (self);
  g_clear_pointer (&self->listener, dbus_listener_free);
  g_clear_pointer (&self->bus, dbus_bus_free);
}

static void
dbus_remove_links (CepaDbus *self)
{
  while (self->links->len > 0)
    dbus_link_remove (g_ptr_array_index (self->links, self->links->len - 1));
  dbus_signals_clear (self);
}

void
cepa_dbus_free (CepaDbus *self)
{
  dbus_close (self);
  dbus_remove_links (self);
  if (self->flush != NULL)
    self->flush->dbus = NULL;
  cepa_host_timer_free (self->host, self->stop_timer);
  g_ptr_array_unref (self->links);
  g_array_unref (self->signals);
  g_free (self);
}

static void
dbus_end_start (CepaDbus *self, GError *error)
{
  uint64_t task = self->start_task;

  self->start_task = 0;
  if (task != 0)
    cepa_host_complete (self->host, task, error);
  else
    g_clear_error (&error);
}

/* That there is no bus is an error only where the user has asked for one. */
static void
dbus_on_bus (CepaDbus *self, const GError *error)
{
  gboolean is_wanted = strcmp (cepa_host_option_text (self->host, "bus", "auto"), "auto") != 0;

  if (error == NULL)
    dbus_end_start (self, NULL);
  else if (is_wanted)
    dbus_end_start (self, g_error_copy (error));
  else
    {
      dbus_link_log (self, CEPA_HOST_LOG_INFO, "Without a message bus: %s", error->message);
      dbus_end_start (self, NULL);
    }
}

void
cepa_dbus_start (CepaDbus *self, uint64_t task)
{
  GError *error = NULL;

  self->start_task = task;
  self->listener = dbus_listener_new (self, &error);
  if (self->listener == NULL)
    dbus_end_start (self, error);
  else if (strcmp (cepa_host_option_text (self->host, "bus", "auto"), "none") == 0)
    dbus_end_start (self, NULL);
  else
    {
      self->bus = dbus_bus_new (self, dbus_on_bus);
      dbus_bus_connect (self->bus);
    }
}

static void
dbus_end_stop (CepaDbus *self)
{
  uint64_t task = self->stop_task;

  cepa_host_timer_free (self->host, self->stop_timer);
  self->stop_timer = 0;
  self->stop_task = 0;
  if (self->flush != NULL)
    self->flush->dbus = NULL;
  self->flush = NULL;
  dbus_remove_links (self);
  if (task != 0)
    cepa_host_complete (self->host, task, NULL);
}

static void
dbus_on_flushed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  DbusFlush *flush = user_data;

  g_dbus_connection_flush_finish (G_DBUS_CONNECTION (source), result, NULL);
  flush->n_left--;
  if (flush->n_left > 0)
    return;
  if (flush->dbus != NULL)
    dbus_end_stop (flush->dbus);
  g_free (flush);
}

static void
dbus_on_stop_timer (void *user_data)
{
  dbus_end_stop (user_data);
}

/* The last answers, to Shutdown for one, are written before connections end; for half a second at the most. */
void
cepa_dbus_stop (CepaDbus *self, uint64_t task)
{
  self->start_task = 0;
  self->stop_task = task;
  dbus_close (self);
  if (self->links->len == 0)
    {
      dbus_end_stop (self);
      return;
    }
  self->stop_timer = cepa_host_timer_new (self->host, dbus_on_stop_timer, self);
  cepa_host_timer_set (self->host, self->stop_timer, DBUS_STOP_US);
  self->flush = g_new0 (DbusFlush, 1);
  self->flush->dbus = self;
  self->flush->n_left = self->links->len;
  for (guint i = 0; i < self->links->len; i++)
    {
      const DbusLink *link = g_ptr_array_index (self->links, i);

      g_dbus_connection_flush (link->connection, NULL, dbus_on_flushed, self->flush);
    }
}

char *
cepa_dbus_list_addresses (CepaDbus *self)
{
  GString *text = g_string_new (NULL);

  if (self->listener != NULL)
    g_string_append_printf (text, "unix:%s", dbus_listener_path (self->listener));
  if (self->bus != NULL && dbus_bus_owns_name (self->bus))
    g_string_append_printf (text, "%s%s-bus:" DBUS_NAME, text->len > 0 ? "\n" : "", dbus_bus_kind (self->bus));
  return g_string_free (text, FALSE);
}
