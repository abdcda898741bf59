/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake host's side tables: a file is only looked at; the numbers are the fake network's. */
#include <string.h>

#include "fake-host-private.h"

#define FAKE_SIDE_TABLE_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* A table that was asked for; what came of it is told in a later turn. */
typedef struct
{
  CepaFakeHost *host;
  CepaDoneFunc done;
  gpointer data;
  GError *error; /* (nullable) */
  GSource *source;
} FakeSideTable;

static void
fake_side_table_free (gpointer data)
{
  FakeSideTable *table = data;

  g_source_destroy (table->source);
  g_source_unref (table->source);
  g_clear_error (&table->error);
  g_free (table);
}

static gboolean
fake_side_table_tell (gpointer user_data)
{
  FakeSideTable *table = user_data;
  CepaFakeHost *self = table->host;
  guint index = 0;

  if (g_ptr_array_find (self->side_tables, table, &index))
    g_ptr_array_steal_index (self->side_tables, index);
  if (!self->is_closed)
    table->done (table->data, table->error);
  fake_side_table_free (table);
  return G_SOURCE_REMOVE;
}

/* Returns: (transfer full) (nullable): what is wrong with the file. */
static GError *
fake_side_table_look (const char *path)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) own = NULL;

  if (!g_file_get_contents (path, &text, NULL, &own))
    return g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s", own->message);
  if (!g_str_has_prefix (text, "fingerprint,") && !g_str_has_prefix (text, "prefix,"))
    return g_error_new (CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_FILE, "%s: the first line begins with neither fingerprint "
                        "nor prefix", path);
  return NULL;
}

static void
fake_side_tables_load (const CepaHost *host, const char *name, const char *path, CepaDoneFunc done, void *user_data)
{
  CepaFakeHost *self = cepa_fake_host_enter (host, "load_side_table");
  FakeSideTable *table;

  if (self == NULL)
    return;
  if (name == NULL || *name == '\0' || strspn (name, FAKE_SIDE_TABLE_LETTERS) != strlen (name) || path == NULL || done == NULL)
    {
      cepa_fake_host_add_fault (self, "load_side_table was called %s", path == NULL   ? "without a path"
                                                                       : done == NULL ? "without a function"
                                                                                      : "for a name that no table has");
      return;
    }
  table = g_new0 (FakeSideTable, 1);
  *table = (FakeSideTable){ self, done, user_data, fake_side_table_look (path), g_idle_source_new () };
  g_ptr_array_add (self->side_tables, table);
  g_source_set_callback (table->source, fake_side_table_tell, table, NULL);
  g_source_attach (table->source, self->context);
}

void
cepa_fake_side_tables_init (CepaFakeHost *self)
{
  self->side_tables = g_ptr_array_new_with_free_func (fake_side_table_free);
  self->table.load_side_table = fake_side_tables_load;
}

void
cepa_fake_side_tables_clear (CepaFakeHost *self)
{
  g_ptr_array_unref (self->side_tables);
}
