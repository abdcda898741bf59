/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa guards */
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/link.h"
#include "ctl/show.h"

#define GUARDS_FINGERPRINT_DIGITS 8 /* of a relay without a name */

static char *
guards_format_relay (GVariant *guard)
{
  const char *nickname = cepa_ctl_get_text (guard, "nickname");

  return *nickname != '\0' ? g_strdup (nickname)
                           : g_strdup_printf ("$%.*s", GUARDS_FINGERPRINT_DIGITS, cepa_ctl_get_text (guard, "fingerprint"));
}

/* Returns: (transfer full): "2026-05-20", "-" for never. */
static char *
guards_format_day (GVariant *guard, const char *key)
{
  guint64 seconds = cepa_ctl_get_number (guard, key);
  g_autoptr (GDateTime) date = seconds > 0 && seconds < G_MAXINT32 * G_GUINT64_CONSTANT (100)
                                 ? g_date_time_new_from_unix_utc ((gint64) seconds)
                                 : NULL;

  return date != NULL ? g_date_time_format (date, "%Y-%m-%d") : g_strdup ("-");
}

/* Of an index that counts from 0; -1 is for none. */
static char *
guards_format_place (GVariant *guard, const char *key)
{
  gint32 index;

  return g_variant_lookup (guard, key, "i", &index) && index >= 0 && index < G_MAXINT32
           ? g_strdup_printf ("%d", index + 1)
           : g_strdup ("-");
}

static void
guards_add_row (CepaCtlTable *table, GVariant *guard)
{
  cepa_ctl_table_add (table, guards_format_relay (guard));
  cepa_ctl_table_add (table, g_strdup (cepa_ctl_get_text (guard, "state")));
  cepa_ctl_table_add (table, guards_format_place (guard, "primary"));
  cepa_ctl_table_add (table, guards_format_day (guard, "sampled-on"));
  cepa_ctl_table_add (table, guards_format_day (guard, "confirmed-on"));
  cepa_ctl_table_add (table, cepa_ctl_get_boolean (guard, "is-current") ? g_strdup ("in use")
                                                                         : g_strdup (cepa_ctl_get_text (guard, "selection")));
}

static gboolean
guards_drop (const CepaCtlOptions *options, GError **error)
{
  g_autoptr (CepaCtlLink) link = cepa_ctl_link_open (options, error);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) said = NULL;

  if (link == NULL)
    return FALSE;
  reply = cepa_ctl_link_call (link, "Guards1.Drop", NULL, "()", "Asking the daemon", error);
  if (reply == NULL)
    return FALSE;
  said = g_variant_ref_sink (g_variant_new_parsed ("{'Dropped': true}"));
  if (options->json)
    cepa_ctl_json_print (said, TRUE);
  else
    cepa_ctl_print ("The guards are forgotten, and others have been chosen.\n");
  return TRUE;
}

gboolean
cepa_ctl_guards (const CepaCtlOptions *options, char **args, GError **error)
{
  if (args[0] != NULL && g_str_equal (args[0], "drop"))
    return cepa_ctl_no_arguments (args + 1, error) && guards_drop (options, error);
  return cepa_ctl_no_arguments (args, error)
         && cepa_ctl_show_list (options, "Guards1.List", "RELAY|STATE|>PRIMARY|SAMPLED|CONFIRMED|SET",
                                "There are no guards yet.", guards_add_row, error);
}
