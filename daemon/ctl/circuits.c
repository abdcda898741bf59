/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa circuits, cepa streams */
#include "ctl/ctl.h"
#include "ctl/show.h"

#define CIRCUITS_FINGERPRINT_DIGITS 8 /* of a relay without a name */

/* Returns: (transfer full): "guard1 > middle3 > exit2". */
static char *
circuits_format_path (GVariant *circuit)
{
  g_autoptr (GVariant) path = g_variant_lookup_value (circuit, "path", G_VARIANT_TYPE ("a(ss)"));
  GString *text = g_string_new (NULL);
  const char *fingerprint, *nickname;

  for (gsize i = 0; path != NULL && i < g_variant_n_children (path); i++)
    {
      g_variant_get_child (path, i, "(&s&s)", &fingerprint, &nickname);
      g_string_append (text, i > 0 ? " > " : "");
      if (*nickname != '\0')
        g_string_append (text, nickname);
      else
        g_string_append_printf (text, "$%.*s", CIRCUITS_FINGERPRINT_DIGITS, fingerprint);
    }
  return g_string_free (text, FALSE);
}

static void
circuits_add_row (CepaCtlTable *table, GVariant *circuit)
{
  cepa_ctl_table_add (table, cepa_ctl_number_or_dash (cepa_ctl_get_number (circuit, "id")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (circuit, "state")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (circuit, "purpose")));
  cepa_ctl_table_add (table, cepa_ctl_get_age (circuit));
  cepa_ctl_table_add (table, cepa_ctl_number_or_dash (cepa_ctl_get_number (circuit, "streams")));
  cepa_ctl_table_add (table, circuits_format_path (circuit));
}

gboolean
cepa_ctl_circuits (const CepaCtlOptions *options, char **args, GError **error)
{
  return cepa_ctl_no_arguments (args, error)
         && cepa_ctl_show_list (options, "Circuits1.List", ">ID|STATE|PURPOSE|CREATED|>STREAMS|PATH",
                                "There are no circuits.", circuits_add_row, error);
}

static void
streams_add_row (CepaCtlTable *table, GVariant *stream)
{
  cepa_ctl_table_add (table, cepa_ctl_number_or_dash (cepa_ctl_get_number (stream, "id")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (stream, "state")));
  cepa_ctl_table_add (table, cepa_ctl_number_or_dash (cepa_ctl_get_number (stream, "circuit")));
  cepa_ctl_table_add (table, cepa_ctl_get_age (stream));
  cepa_ctl_table_add (table, cepa_ctl_bytes (cepa_ctl_get_number (stream, "bytes-read")));
  cepa_ctl_table_add (table, cepa_ctl_bytes (cepa_ctl_get_number (stream, "bytes-written")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (stream, "source")));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (stream, "target")));
}

gboolean
cepa_ctl_streams (const CepaCtlOptions *options, char **args, GError **error)
{
  return cepa_ctl_no_arguments (args, error)
         && cepa_ctl_show_list (options, "Streams1.List", ">ID|STATE|>CIRCUIT|CREATED|>READ|>WRITTEN|SOURCE|TARGET",
                                "There are no streams.", streams_add_row, error);
}
