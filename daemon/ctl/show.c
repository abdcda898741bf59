/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl/show.h"

#include "ctl/json.h"
#include "ctl/link.h"

const char *
cepa_ctl_get_text (GVariant *dict, const char *key)
{
  const char *text = "";

  g_variant_lookup (dict, key, "&s", &text);
  return text;
}

guint64
cepa_ctl_get_number (GVariant *dict, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, key, NULL);
  gint64 n = 0;

  if (value == NULL)
    return 0;
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_UINT64:
      return g_variant_get_uint64 (value);
    case G_VARIANT_CLASS_UINT32:
      return g_variant_get_uint32 (value);
    case G_VARIANT_CLASS_UINT16:
      return g_variant_get_uint16 (value);
    case G_VARIANT_CLASS_INT64:
      n = g_variant_get_int64 (value);
      break;
    case G_VARIANT_CLASS_INT32:
      n = g_variant_get_int32 (value);
      break;
    default:
      break;
    }
  return n > 0 ? (guint64) n : 0;
}

gboolean
cepa_ctl_get_boolean (GVariant *dict, const char *key)
{
  gboolean value = FALSE;

  g_variant_lookup (dict, key, "b", &value);
  return value;
}

char *
cepa_ctl_get_age (GVariant *dict)
{
  guint64 created = cepa_ctl_get_number (dict, "created");
  gint64 now = g_get_real_time ();

  if (created == 0 || created > (guint64) now)
    return g_strdup (created == 0 ? "-" : "just now");
  return cepa_ctl_ago ((now - (gint64) created) / G_USEC_PER_SEC);
}

char *
cepa_ctl_number_or_dash (guint64 n)
{
  return n > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT, n) : g_strdup ("-");
}

gboolean
cepa_ctl_show_list (const CepaCtlOptions *options, const char *method, const char *headings, const char *none,
                    CepaCtlRowFunc add_row, GError **error)
{
  g_autoptr (CepaCtlLink) link = cepa_ctl_link_open (options, error);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (CepaCtlTable) table = NULL;

  if (link == NULL)
    return FALSE;
  reply = cepa_ctl_link_call (link, method, NULL, "(aa{sv})", "Asking the daemon", error);
  if (reply == NULL)
    return FALSE;
  list = g_variant_get_child_value (reply, 0);
  if (options->json)
    {
      cepa_ctl_json_print (list, TRUE);
      return TRUE;
    }
  if (g_variant_n_children (list) == 0)
    {
      cepa_ctl_print ("%s\n", none);
      return TRUE;
    }
  table = cepa_ctl_table_new (headings);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) item = g_variant_get_child_value (list, i);

      add_row (table, item);
    }
  cepa_ctl_table_print (table);
  return TRUE;
}
