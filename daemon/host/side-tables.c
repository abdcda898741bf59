/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/side-tables.h"

#include <gio/gio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "base/file.h"

#define SIDE_TABLES_MAX_NAME 64

/* A file that a worker reads. */
typedef struct
{
  CepaHostSideTables *tables; /* (nullable): NULL: gone before the worker was done */
  CepaHostPlugin *plugin; /* (nullable): NULL: it is gone */
  char *name, *path;
  CepaDoneFunc done;
  gpointer user_data;
  CepaSideTable *table; /* (nullable): what came of it */
  GError *error;        /* (nullable) */
} SideReading;

struct _CepaHostSideTables
{
  CepaHostSideTableFuncs funcs;
  GHashTable *owners;  /* (element-type utf8 CepaHostPlugin): of the tables there are */
  GPtrArray *readings; /* (element-type SideReading) */
};

CepaHostSideTables *
cepa_host_side_tables_new (void)
{
  CepaHostSideTables *self = g_new0 (CepaHostSideTables, 1);

  self->owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->readings = g_ptr_array_new ();
  return self;
}

void
cepa_host_side_tables_free (CepaHostSideTables *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->readings->len; i++)
    ((SideReading *) g_ptr_array_index (self->readings, i))->tables = NULL;
  g_hash_table_unref (self->owners);
  g_ptr_array_unref (self->readings);
  g_free (self);
}

void
cepa_host_side_tables_set_funcs (CepaHostSideTables *self, const CepaHostSideTableFuncs *funcs)
{
  self->funcs = funcs != NULL ? *funcs : (CepaHostSideTableFuncs){ NULL, NULL };
}

static void
side_reading_free (SideReading *reading)
{
  g_free (reading->name);
  g_free (reading->path);
  cepa_side_table_unref (reading->table);
  g_clear_error (&reading->error);
  g_free (reading);
}

static void
side_tables_thread (GTask *task, G_GNUC_UNUSED gpointer source, gpointer task_data,
                    G_GNUC_UNUSED GCancellable *cancellable)
{
  SideReading *reading = task_data;
  g_autoptr (GBytes) text = NULL;

  if (reading->error == NULL)
    text = cepa_file_map (reading->path, &reading->error);
  if (text != NULL)
    reading->table = cepa_side_table_parse (text, &reading->error);
  g_task_return_boolean (task, TRUE);
}

/* What the plugin is told; (transfer full) (nullable) */
static GError *
side_tables_take (CepaHostSideTables *self, SideReading *reading)
{
  CepaHostPlugin *owner = g_hash_table_lookup (self->owners, reading->name);

  if (reading->error != NULL)
    return g_error_new (CEPA_PLUGIN_ERROR,
                        reading->error->code == CEPA_ERROR_BAD_DOCUMENT || reading->error->code == CEPA_ERROR_CONFIG
                            ? CEPA_PLUGIN_ERROR_INVALID
                            : CEPA_PLUGIN_ERROR_FILE,
                        "the side table %s cannot be loaded: %s", reading->name, reading->error->message);
  if (owner != NULL && owner != reading->plugin)
    return g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID, "the side table %s is the plugin %s's",
                        reading->name, cepa_host_plugin_get_id (owner));
  if (self->funcs.set == NULL)
    return g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                                "there is no network to put a side table beside");
  if (!self->funcs.set (self->funcs.user_data, reading->name, reading->table))
    return g_error_new_literal (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FAILED, "there are too many side tables");
  g_hash_table_replace (self->owners, g_strdup (reading->name), reading->plugin);
  return NULL;
}

static void
side_tables_read (G_GNUC_UNUSED GObject *source, GAsyncResult *async, gpointer user_data)
{
  SideReading *reading = user_data;
  CepaHostSideTables *self = reading->tables;
  g_autoptr (GError) error = NULL;

  (void) async;
  if (self != NULL)
    g_ptr_array_remove_fast (self->readings, reading);
  if (self != NULL && reading->plugin != NULL)
    {
      error = side_tables_take (self, reading);
      if (reading->done != NULL)
        reading->done (reading->user_data, error);
    }
  side_reading_free (reading);
}

static gboolean
side_tables_is_name (const char *name)
{
  gsize len = name != NULL ? strlen (name) : 0;

  return len > 0 && len <= SIDE_TABLES_MAX_NAME && strspn (name, G_CSET_a_2_z G_CSET_DIGITS "-") == len;
}

void
cepa_host_side_tables_load (CepaHostSideTables *self, CepaHostPlugin *plugin, const char *name, const char *path,
                            CepaDoneFunc done, gpointer user_data)
{
  SideReading *reading = g_new0 (SideReading, 1);
  g_autoptr (GTask) task = g_task_new (NULL, NULL, side_tables_read, reading);

  reading->tables = self;
  reading->plugin = plugin;
  reading->name = name != NULL ? cepa_escape_for_log (name, strlen (name), SIDE_TABLES_MAX_NAME) : g_strdup ("");
  reading->path = g_strdup (path);
  reading->done = done;
  reading->user_data = user_data;
  if (!side_tables_is_name (name))
    g_set_error (&reading->error, CEPA_ERROR, CEPA_ERROR_CONFIG, "a name has 1 to %d of a-z, 0-9 and -",
                 SIDE_TABLES_MAX_NAME);
  else if (path == NULL)
    g_set_error_literal (&reading->error, CEPA_ERROR, CEPA_ERROR_CONFIG, "there is no path");
  g_ptr_array_add (self->readings, reading);
  g_task_set_name (task, "side table");
  g_task_set_task_data (task, reading, NULL);
  g_task_run_in_thread (task, side_tables_thread);
}

void
cepa_host_side_tables_forget (CepaHostSideTables *self, CepaHostPlugin *plugin)
{
  GHashTableIter iter;
  gpointer name, owner;

  for (guint i = 0; i < self->readings->len; i++)
    {
      SideReading *reading = g_ptr_array_index (self->readings, i);

      if (reading->plugin == plugin)
        reading->plugin = NULL;
    }
  g_hash_table_iter_init (&iter, self->owners);
  while (g_hash_table_iter_next (&iter, &name, &owner))
    if (owner == plugin)
      {
        if (self->funcs.set != NULL)
          self->funcs.set (self->funcs.user_data, name, NULL);
        g_hash_table_iter_remove (&iter);
      }
}

gboolean
cepa_host_side_tables_is_busy (const CepaHostSideTables *self)
{
  return self->readings->len > 0;
}
