/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables that plugins load (tests/plugins/beside.c): read by a worker, handed on, and gone with the instance. */
#include "host/side-tables.h"

#include <string.h>

#include "base/error.h"
#include "host/fixture.h"
#include "host/host-private.h"

#define ID "path.beside"
#define SECOND "path.second"
#define TABLE "prefix,weight\n10.0.0.0/8,5\n10.2.0.0/16,7\n"

/* Who is told of tables. */
typedef struct
{
  Fixture base;
  GString *told; /* "+beside", "-beside" */
  guint n_rows;  /* of the last table */
  gboolean refuses;
  guint n_wanted; /* how often countries were wanted */
} Tables;

static gboolean
tables_set (gpointer user_data, const char *name, CepaSideTable *table)
{
  Tables *self = user_data;

  if (self->refuses && table != NULL)
    return FALSE;
  g_string_append_printf (self->told, "%c%s ", table != NULL ? '+' : '-', name);
  self->n_rows = table != NULL ? cepa_side_table_get_n_rows (table) : 0;
  return TRUE;
}

static void
tables_set_up (Tables *self, gconstpointer data)
{
  const CepaHostSideTableFuncs funcs = { tables_set, self };

  fixture_set_up (&self->base, data);
  self->told = g_string_new (NULL);
  cepa_host_side_tables_set_funcs (cepa_host_get_side_tables (self->base.host), &funcs);
}

static void
tables_tear_down (Tables *self, gconstpointer data)
{
  while (cepa_host_side_tables_is_busy (cepa_host_get_side_tables (self->base.host)))
    g_main_context_iteration (self->base.context, TRUE);
  fixture_tear_down (&self->base, data);
  g_string_free (self->told, TRUE);
}

/* Installs a build of the plugin whose table is @text, or is not there. */
static void
install (Tables *self, const char *variant, const char *id, const char *name, const char *text, const char *more)
{
  g_autofree char *path = g_build_filename (self->base.root, "table.csv", NULL);

  if (text != NULL)
    fixture_write (&self->base, "table.csv", text, -1);
  fixture_install_as (&self->base, variant, id, more);
  cepa_host_plugin_add_line (fixture_find (&self->base, id), "file", path);
  cepa_host_plugin_add_line (fixture_find (&self->base, id), "name", name);
}

static CepaHostPlugin *
start (Tables *self, const char *id)
{
  g_autoptr (GError) error = NULL;
  CepaHostPlugin *plugin = fixture_start (&self->base, id, &error);

  g_assert_no_error (error);
  return plugin;
}

static void
test_life (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  install (self, "beside", ID, "beside", TABLE, "");
  for (guint i = 0; i < 2; i++)
    {
      g_string_truncate (self->told, 0);
      plugin = start (self, ID);
      g_assert_cmpstr (self->told->str, ==, "+beside ");
      g_assert_cmpuint (self->n_rows, ==, 2);
      g_assert_true (fixture_stop (&self->base, plugin, NULL));
      g_assert_cmpstr (self->told->str, ==, "+beside -beside ");
    }
}

static void
test_faults (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  static const struct
  {
    const char *name, *text, *part;
  } cases[] = {
    { "beside", NULL, "table.csv" },
    { "beside", "prefix,weight\n10.0.0.0/8,x\n", "line 2: \"x\" is not a number" },
    { "Beside", TABLE, "a name has 1 to 64 of a-z, 0-9 and -" },
    { "a_b", TABLE, "a name has 1 to 64" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const CepaHostSideTableFuncs funcs = { tables_set, self };

      install (self, "beside", ID, cases[i].name, cases[i].text, "");
      fixture_assert_refused (&self->base, ID, cases[i].part);
      fixture_renew (&self->base);
      cepa_host_side_tables_set_funcs (cepa_host_get_side_tables (self->base.host), &funcs);
    }
  self->refuses = TRUE;
  install (self, "beside", ID, "beside", TABLE, "");
  fixture_assert_refused (&self->base, ID, "too many side tables");
  g_assert_cmpstr (self->told->str, ==, "");
}

static void
test_no_network (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  cepa_host_side_tables_set_funcs (cepa_host_get_side_tables (self->base.host), NULL);
  install (self, "beside", ID, "beside", TABLE, "");
  fixture_assert_refused (&self->base, ID, "there is no network");
}

/* A name is the plugin's that has it, until that is gone. */
static void
test_owner (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *first;

  install (self, "beside", ID, "beside", TABLE, "");
  install (self, "beside-second", SECOND, "beside", NULL, "");
  first = start (self, ID);
  fixture_assert_refused (&self->base, SECOND, "the side table beside is the plugin path.beside's");
  g_assert_cmpstr (self->told->str, ==, "+beside ");
  g_assert_true (fixture_stop (&self->base, first, NULL));
  start (self, SECOND);
  g_assert_cmpstr (self->told->str, ==, "+beside -beside +beside ");
}

/* It is gone before the worker is done: nothing of it is called, nothing is left. */
static void
test_gone (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  install (self, "beside", ID, "beside", TABLE, "");
  plugin = fixture_find (&self->base, ID);
  cepa_plugin_host_start_plugin (self->base.host, plugin, NULL, NULL);
  while (plugin->state != CEPA_PLUGIN_STARTING)
    g_main_context_iteration (self->base.context, FALSE);
  g_assert_true (cepa_host_side_tables_is_busy (cepa_host_get_side_tables (self->base.host)));
  g_assert_false (cepa_plugin_host_is_stopped (self->base.host));
  g_assert_true (fixture_stop (&self->base, plugin, NULL));
  while (cepa_host_side_tables_is_busy (cepa_host_get_side_tables (self->base.host)))
    g_main_context_iteration (self->base.context, TRUE);
  g_assert_cmpstr (self->told->str, ==, "");
}

static void
tables_wanted (gpointer user_data)
{
  ((Tables *) user_data)->n_wanted++;
}

/* A keyfile may say that the plugin lives on countries. */
static void
test_countries (Tables *self, G_GNUC_UNUSED gconstpointer data)
{
  CepaHostPlugin *plugin;

  cepa_plugin_host_set_countries_wanted (self->base.host, tables_wanted, self);
  install (self, "beside-second", SECOND, "beside", TABLE, "");
  start (self, SECOND);
  g_assert_cmpuint (self->n_wanted, ==, 0);
  install (self, "beside", ID, "other", TABLE, "NeedsCountries=true\n");
  g_assert_false (cepa_plugin_host_needs_countries (self->base.host));
  plugin = start (self, ID);
  g_assert_cmpuint (self->n_wanted, ==, 1);
  g_assert_true (cepa_plugin_host_needs_countries (self->base.host));
  g_assert_true (fixture_stop (&self->base, plugin, NULL));
  g_assert_false (cepa_plugin_host_needs_countries (self->base.host));
}

#define ADD(path, func) g_test_add ("/side-tables/" path, Tables, NULL, tables_set_up, func, tables_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("life", test_life);
  ADD ("faults", test_faults);
  ADD ("no-network", test_no_network);
  ADD ("owner", test_owner);
  ADD ("gone", test_gone);
  ADD ("countries", test_countries);
  return g_test_run ();
}
