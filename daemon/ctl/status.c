/* SPDX-License-Identifier: BSD-3-Clause */
/* cepa status */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/link.h"
#include "ctl/show.h"
#include "ctl/text.h"

#define STATUS_BAR 20
#define STATUS_REFRESH_MS 1000 /* of the line on a terminal, for the traffic */

/* What is known of the daemon. */
typedef struct
{
  GVariant *client;  /* a{sv} */
  GVariant *network; /* a{sv} */
} Status;

static void
status_clear (Status *self)
{
  g_clear_pointer (&self->client, g_variant_unref);
  g_clear_pointer (&self->network, g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Status, status_clear)

static gboolean
status_read (Status *self, CepaCtlLink *link, GError **error)
{
  status_clear (self);
  self->client = cepa_ctl_link_properties (link, "Client1", error);
  if (self->client == NULL)
    return FALSE;
  self->network = cepa_ctl_link_properties (link, "Network1", error);
  return self->network != NULL;
}

/* The properties of Client1, and those of Network1 as "Network". */
static void
status_print_json (const Status *self, gboolean pretty)
{
  g_autoptr (GVariant) all = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, self->client);
  g_variant_dict_insert_value (&dict, "Network", self->network);
  all = g_variant_ref_sink (g_variant_dict_end (&dict));
  cepa_ctl_json_print (all, pretty);
}

static guint
status_get_bootstrap (const Status *self, const char **tag, const char **summary)
{
  guint percent = 0;

  *tag = *summary = "";
  g_variant_lookup (self->client, "Bootstrap", "(u&s&s)", &percent, tag, summary);
  return percent;
}

static void
status_print_row (const char *name, const char *text)
{
  g_autofree char *escaped = cepa_ctl_escape (text);

  cepa_ctl_print ("%-11s %s\n", name, escaped);
}

static void
status_print_bootstrap (const Status *self)
{
  const char *tag, *summary;
  guint percent = status_get_bootstrap (self, &tag, &summary);
  g_autofree char *bar = cepa_ctl_bar (percent, STATUS_BAR);
  g_autofree char *text = g_strdup_printf ("%s  %s", bar, summary);

  status_print_row ("Bootstrap", text);
  status_print_row ("Ready", cepa_ctl_get_boolean (self->client, "IsReady")          ? "yes"
                             : cepa_ctl_get_boolean (self->client, "HasDirectory") ? "no: there is no circuit yet"
                                                                                   : "no: there is no directory yet");
}

static void
status_print_clock (const Status *self)
{
  gint64 skew = 0;
  const char *source;
  g_autofree char *duration = NULL, *text = NULL;

  g_variant_lookup (self->client, "ClockSkew", "(x&s)", &skew, &source);
  if (skew == 0)
    return;
  duration = cepa_ctl_duration (ABS (skew));
  text = g_strdup_printf ("%s %s: check date, time and time zone", duration, skew > 0 ? "ahead" : "behind");
  status_print_row ("Clock", text);
}

static void
status_print_directory (const Status *self)
{
  guint64 until = cepa_ctl_get_number (self->network, "ValidUntil");
  guint64 n_relays = cepa_ctl_get_number (self->network, "NRelays");
  gint64 left = (gint64) until - g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *duration = cepa_ctl_duration (left);
  g_autofree char *text = NULL;

  if (until == 0)
    text = g_strdup ("none");
  else if (left < 0)
    text = g_strdup_printf ("%" G_GUINT64_FORMAT " relays, out of date", n_relays);
  else
    text = g_strdup_printf ("%" G_GUINT64_FORMAT " relays, valid for %s", n_relays, duration);
  status_print_row ("Directory", text);
}

static void
status_print_traffic (const Status *self)
{
  g_autofree char *read = cepa_ctl_bytes (cepa_ctl_get_number (self->client, "BytesRead"));
  g_autofree char *written = cepa_ctl_bytes (cepa_ctl_get_number (self->client, "BytesWritten"));
  g_autofree char *text = g_strdup_printf ("%s read, %s written", read, written);

  status_print_row ("Traffic", text);
}

static void
status_print_listeners (const Status *self)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (self->client, "Listeners", G_VARIANT_TYPE ("a(ss)"));
  const char *kind, *address;

  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++)
    {
      g_autofree char *text = NULL;

      g_variant_get_child (list, i, "(&s&s)", &kind, &address);
      text = g_strdup_printf ("%s %s", kind, address);
      status_print_row (i == 0 ? "Listening" : "", text);
    }
}

static void
status_print (const Status *self)
{
  guint64 start = cepa_ctl_get_number (self->client, "StartTime");
  g_autofree char *ago = cepa_ctl_ago (g_get_real_time () / G_USEC_PER_SEC - (gint64) start);
  g_autofree char *text
      = g_strdup_printf ("%s, %s, process %" G_GUINT64_FORMAT ", started %s", cepa_ctl_get_text (self->client, "Version"),
                         cepa_ctl_get_text (self->client, "State"), cepa_ctl_get_number (self->client, "Pid"), ago);

  status_print_row ("Cepa", text);
  status_print_bootstrap (self);
  status_print_clock (self);
  status_print_directory (self);
  status_print_traffic (self);
  status_print_listeners (self);
  status_print_row ("Data", cepa_ctl_get_text (self->client, "DataDirectory"));
  if (*cepa_ctl_get_text (self->client, "ConfigFile") != '\0')
    status_print_row ("Config", cepa_ctl_get_text (self->client, "ConfigFile"));
}

/* One line that is written over again and again. */
static void
status_redraw (const Status *self)
{
  const char *tag, *summary;
  guint percent = status_get_bootstrap (self, &tag, &summary);
  g_autofree char *bar = cepa_ctl_bar (percent, STATUS_BAR);
  g_autofree char *read = cepa_ctl_bytes (cepa_ctl_get_number (self->client, "BytesRead"));
  g_autofree char *written = cepa_ctl_bytes (cepa_ctl_get_number (self->client, "BytesWritten"));
  g_autofree char *traffic = g_strdup_printf ("%s read, %s written", read, written);
  g_autofree char *line = g_strdup_printf ("%s  %s", bar, percent < 100 ? summary : traffic);
  g_autofree char *escaped = cepa_ctl_escape (line);
  glong max = (glong) cepa_ctl_width () - 1;
  g_autofree char *cut = g_utf8_substring (escaped, 0, CLAMP (g_utf8_strlen (escaped, -1), 0, MAX (max, 1)));

  cepa_ctl_print ("\r\033[K%s", cut);
  fflush (stdout);
}

static void
status_print_bootstrapped (guint percent, const char *tag, const char *summary)
{
  g_autofree char *text = g_strdup_printf ("Bootstrapped %u%% (%s): %s", percent, tag, summary);
  g_autofree char *escaped = cepa_ctl_escape (text);

  cepa_ctl_print ("%s\n", escaped);
  fflush (stdout);
}

/* Without a terminal each thing that happens is a line. */
static void
status_on_signal (gpointer user_data, const char *interface_name, const char *signal, GVariant *args)
{
  const char *tag, *summary;
  guint percent;
  gint64 valid_after;

  if (*(const gboolean *) user_data)
    return;
  if (strcmp (interface_name, "Client1") == 0 && strcmp (signal, "Bootstrapped") == 0
      && g_variant_is_of_type (args, G_VARIANT_TYPE ("(uss)")))
    {
      g_variant_get (args, "(u&s&s)", &percent, &tag, &summary);
      status_print_bootstrapped (percent, tag, summary);
    }
  else if (strcmp (interface_name, "Client1") == 0 && strcmp (signal, "NewIdentityTaken") == 0)
    cepa_ctl_print ("New identity\n");
  else if (strcmp (interface_name, "Network1") == 0 && g_variant_is_of_type (args, G_VARIANT_TYPE ("(ux)")))
    {
      g_variant_get (args, "(ux)", &percent, &valid_after);
      cepa_ctl_print ("Directory of %u relays\n", percent);
    }
  fflush (stdout);
}

static gboolean
status_watch (CepaCtlLink *link, const CepaCtlOptions *options, GError **error)
{
  g_auto (Status) status = { NULL, NULL };
  gboolean is_terminal = cepa_ctl_is_terminal () && !options->json;
  gboolean is_quiet = is_terminal || options->json;
  const char *tag, *summary;
  guint percent;

  cepa_ctl_link_listen (link, status_on_signal, &is_quiet);
  if (!status_read (&status, link, error))
    return FALSE;
  percent = status_get_bootstrap (&status, &tag, &summary);
  if (!is_quiet)
    status_print_bootstrapped (percent, tag, summary);
  do
    {
      if (is_quiet && !status_read (&status, link, error))
        break;
      if (options->json)
        status_print_json (&status, FALSE);
      else if (is_terminal)
        status_redraw (&status);
    }
  while (cepa_ctl_link_wait (link, is_terminal ? STATUS_REFRESH_MS : -1, error));
  if (is_terminal)
    cepa_ctl_print ("\n");
  return FALSE;
}

gboolean
cepa_ctl_status (const CepaCtlOptions *options, char **args, GError **error)
{
  g_autoptr (CepaCtlLink) link = NULL;
  g_auto (Status) status = { NULL, NULL };

  if (!cepa_ctl_no_arguments (args, error))
    return FALSE;
  link = cepa_ctl_link_open (options, error);
  if (link == NULL)
    return FALSE;
  if (options->watch)
    return status_watch (link, options, error);
  if (!status_read (&status, link, error))
    return FALSE;
  if (options->json)
    status_print_json (&status, TRUE);
  else
    status_print (&status);
  return TRUE;
}
