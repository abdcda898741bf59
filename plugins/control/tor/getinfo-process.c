/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO: the process, its options, what it can be asked. */
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cepa/services.h>

#include "commands.h"
#include "events.h"
#include "getinfo.h"
#include "text.h"

void
cepa_tor_getinfo_version (CepaTorQuery *query)
{
  g_autofree char *version = cepa_tor_version (query->connection->control);

  cepa_tor_query_answer (query, version);
}

void
cepa_tor_getinfo_process (CepaTorQuery *query)
{
  const char *what = cepa_tor_query_word (query) + strlen ("process/");
  struct rlimit limit;

  if (g_str_equal (what, "pid"))
    cepa_tor_query_answer_uint (query, (guint64) getpid ());
  else if (g_str_equal (what, "uid"))
    cepa_tor_query_answer_uint (query, geteuid ());
  else if (g_str_equal (what, "user"))
    cepa_tor_query_answer (query, g_get_user_name ());
  else if (g_str_equal (what, "descriptor-limit") && getrlimit (RLIMIT_NOFILE, &limit) == 0)
    cepa_tor_query_answer_uint (query, limit.rlim_cur);
  else
    cepa_tor_query_unknown (query, NULL);
}

void
cepa_tor_getinfo_uptime (CepaTorQuery *query)
{
  CepaTorControl *control = query->connection->control;
  g_autoptr (GVariant) start = cepa_tor_get (control, "Client1", "StartTime", "x");
  gint64 now = cepa_host_wall_s (control->host);

  if (start == NULL)
    cepa_tor_query_fail (query, "Internal error");
  else
    cepa_tor_query_answer_uint (query, (guint64) MAX (now - g_variant_get_int64 (start), 0));
}

void
cepa_tor_getinfo_time (CepaTorQuery *query)
{
  const char *what = cepa_tor_query_word (query) + strlen ("current-time/");
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (cepa_host_wall_s (query->connection->control->host));
  g_autoptr (GDateTime) local = now != NULL ? g_date_time_to_local (now) : NULL;
  GDateTime *wanted = g_str_equal (what, "utc") ? now : g_str_equal (what, "local") ? local : NULL;
  g_autofree char *text = wanted != NULL ? g_date_time_format (wanted, "%Y-%m-%dT%H:%M:%S") : NULL;

  if (text != NULL)
    cepa_tor_query_answer (query, text);
  else
    cepa_tor_query_unknown (query, NULL);
}

void
cepa_tor_getinfo_event_names (CepaTorQuery *query)
{
  g_autoptr (GString) out = g_string_new (NULL);

  cepa_tor_events_append_names (out);
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_getinfo_signal_names (CepaTorQuery *query)
{
  g_autofree char *names = cepa_tor_signal_names ();

  cepa_tor_query_answer (query, names);
}

void
cepa_tor_getinfo_config_file (CepaTorQuery *query)
{
  g_autoptr (GVariant) file = cepa_tor_get (query->connection->control, "Client1", "ConfigFile", "s");

  cepa_tor_query_answer (query, file != NULL ? g_variant_get_string (file, NULL) : "");
}

/* C Tor's name of a type, from what a value looks like. */
static const char *
tor_getinfo_type_of (const char *argument)
{
  if (g_str_equal (argument, "0|1"))
    return "Boolean";
  if (g_str_equal (argument, "PATH") || g_str_equal (argument, "FILE"))
    return "Filename";
  if (g_str_equal (argument, "NUM") || g_str_equal (argument, "N"))
    return "Integer";
  return strstr (argument, "PORT") != NULL ? "LineList" : "String";
}

static void
tor_getinfo_on_names (CepaTorQuery *query, GVariant *result, const GError *error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GVariant) list = NULL;

  if (error != NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(a(ssb))")))
    {
      cepa_tor_query_fail (query, "The list of options cannot be had");
      return;
    }
  list = g_variant_get_child_value (result, 0);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      const char *name, *argument;

      g_variant_get_child (list, i, "(&s&sb)", &name, &argument, NULL);
      cepa_tor_text_append_word (out, name);
      g_string_append_printf (out, " %s\n", tor_getinfo_type_of (argument));
    }
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_getinfo_config_names (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Options1", "List", NULL, tor_getinfo_on_names);
}

/* ---- config-text: the values of one option after the other ---- */

static void tor_getinfo_next_option (CepaTorQuery *query);

static void
tor_getinfo_on_option (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  g_autoptr (GVariant) values = NULL;
  const char *name;

  if (result != NULL && g_variant_is_of_type (result, G_VARIANT_TYPE ("(sas)")))
    {
      g_variant_get (result, "(&s@as)", &name, &values);
      for (gsize i = 0; i < g_variant_n_children (values); i++)
        {
          const char *value;

          g_variant_get_child (values, i, "&s", &value);
          cepa_tor_text_append_word (query->text, name);
          g_string_append_c (query->text, ' ');
          cepa_tor_text_append_line (query->text, value);
          g_string_append_c (query->text, '\n');
        }
    }
  cepa_tor_query_again (query, tor_getinfo_next_option);
}

static void
tor_getinfo_next_option (CepaTorQuery *query)
{
  if (query->at < query->list->len)
    cepa_tor_query_call (query, "Options1", "Get", g_variant_new ("(s)", query->list->pdata[query->at++]),
                         tor_getinfo_on_option);
  else
    cepa_tor_query_answer (query, query->text->str);
}

static void
tor_getinfo_on_text_names (CepaTorQuery *query, GVariant *result, const GError *error)
{
  g_autoptr (GVariant) list = NULL;

  if (error != NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(a(ssb))")))
    {
      cepa_tor_query_fail (query, "The list of options cannot be had");
      return;
    }
  list = g_variant_get_child_value (result, 0);
  query->list = g_ptr_array_new_with_free_func (g_free);
  query->text = g_string_new (NULL);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      char *name;

      g_variant_get_child (list, i, "(s&sb)", &name, NULL, NULL);
      g_ptr_array_add (query->list, name);
    }
  cepa_tor_query_again (query, tor_getinfo_next_option);
}

void
cepa_tor_getinfo_config_text (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Options1", "List", NULL, tor_getinfo_on_text_names);
}
