/* SPDX-License-Identifier: BSD-3-Clause */
/* GETCONF, SETCONF, RESETCONF. */
#include <string.h>

#include "commands.h"
#include "query.h"
#include "text.h"

/* Options of C Tor that controllers ask for whatever they talk to, and that the torrc of this daemon does not have:
   what holds here. NULL for one that is not set. */
static const struct
{
  const char *name, *value;
} tor_conf_fixed[] = {
  { "ORPort", NULL },
  { "DirPort", NULL },
  { "Nickname", NULL },
  { "ExitRelay", "0" },
  { "ExitPolicy", NULL },
  { "ExitPolicyRejectPrivate", NULL },
  { "BandwidthRate", NULL },
  { "BandwidthBurst", NULL },
  { "RelayBandwidthRate", NULL },
  { "RelayBandwidthBurst", NULL },
  { "MaxAdvertisedBandwidth", NULL },
  { "DisableDebuggerAttachment", NULL },
  { "HiddenServiceOptions", NULL },
  { "__OwningControllerProcess", NULL },
};

static void
tor_conf_answer_fixed (CepaTorQuery *query)
{
  for (guint i = 0; i < G_N_ELEMENTS (tor_conf_fixed); i++)
    if (g_ascii_strcasecmp (cepa_tor_query_word (query), tor_conf_fixed[i].name) == 0)
      {
        cepa_tor_query_add (query, tor_conf_fixed[i].name, tor_conf_fixed[i].value);
        cepa_tor_query_next (query);
        return;
      }
  cepa_tor_query_unknown (query, NULL);
}

static void
tor_conf_on_value (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  g_autoptr (GVariant) values = NULL;
  const char *name;
  gsize n;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(sas)")))
    {
      tor_conf_answer_fixed (query);
      return;
    }
  g_variant_get (result, "(&s@as)", &name, &values);
  n = g_variant_n_children (values);
  if (n == 0)
    cepa_tor_query_add (query, name, NULL);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GString) line = g_string_new (NULL);
      const char *value;

      g_variant_get_child (values, i, "&s", &value);
      cepa_tor_text_append_line (line, value);
      cepa_tor_query_add (query, name, line->str);
    }
  cepa_tor_query_next (query);
}

static void
tor_conf_ask (CepaTorQuery *query)
{
  const char *word = cepa_tor_query_word (query);

  if (g_utf8_validate (word, -1, NULL))
    cepa_tor_query_call (query, "Options1", "Get", g_variant_new ("(s)", word), tor_conf_on_value);
  else
    cepa_tor_query_unknown (query, NULL);
}

void
cepa_tor_command_getconf (CepaTorConnection *connection, const CepaTorCommand *command)
{
  cepa_tor_query_start (connection, cepa_tor_command_split (command->args), tor_conf_ask,
                        "Unrecognized configuration key", FALSE);
}

/* ---- setting ---- */

typedef struct
{
  const char *name;  /* of the first pair */
  GPtrArray *values; /* of texts of the pairs */
} TorConfOption;

/* One command; counted. */
typedef struct
{
  GPtrArray *pairs;
  GPtrArray *options; /* of TorConfOption, each name once, in the order of the command */
  GError *error;      /* (nullable): why Set refused it */
} TorConfChange;

static void
tor_conf_free_option (gpointer data)
{
  TorConfOption *option = data;

  g_ptr_array_unref (option->values);
  g_free (option);
}

static void
tor_conf_clear_change (gpointer data)
{
  TorConfChange *change = data;

  g_ptr_array_unref (change->pairs);
  g_ptr_array_unref (change->options);
  g_clear_error (&change->error);
}

static void
tor_conf_release_change (gpointer data)
{
  g_rc_box_release_full (data, tor_conf_clear_change);
}

static TorConfOption *
tor_conf_find_option (GPtrArray *options, const char *name)
{
  TorConfOption *option;

  for (guint i = 0; i < options->len; i++)
    if (g_ascii_strcasecmp (((TorConfOption *) options->pdata[i])->name, name) == 0)
      return options->pdata[i];
  option = g_new0 (TorConfOption, 1);
  option->name = name;
  option->values = g_ptr_array_new ();
  g_ptr_array_add (options, option);
  return option;
}

/* @pairs: (transfer full) */
static TorConfChange *
tor_conf_new_change (GPtrArray *pairs)
{
  TorConfChange *change = g_rc_box_new0 (TorConfChange);

  change->pairs = pairs;
  change->options = g_ptr_array_new_with_free_func (tor_conf_free_option);
  for (guint i = 0; i < pairs->len; i++)
    {
      const CepaTorPair *pair = pairs->pdata[i];
      TorConfOption *option = tor_conf_find_option (change->options, pair->key);

      if (pair->value != NULL && *pair->value != '\0')
        g_ptr_array_add (option->values, pair->value);
    }
  return change;
}

static GVariant *
tor_conf_to_variant (const TorConfChange *change)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("(a(sas))"));
  g_variant_builder_open (&builder, G_VARIANT_TYPE ("a(sas)"));
  for (guint i = 0; i < change->options->len; i++)
    {
      const TorConfOption *option = change->options->pdata[i];

      g_variant_builder_open (&builder, G_VARIANT_TYPE ("(sas)"));
      g_variant_builder_add (&builder, "s", option->name);
      g_variant_builder_open (&builder, G_VARIANT_TYPE ("as"));
      for (guint j = 0; j < option->values->len; j++)
        g_variant_builder_add (&builder, "s", option->values->pdata[j]);
      g_variant_builder_close (&builder);
      g_variant_builder_close (&builder);
    }
  g_variant_builder_close (&builder);
  return g_variant_builder_end (&builder);
}

/* Looks for @name in the list of options, an array of (ssb). */
static gboolean
tor_conf_is_known (GVariant *list, const char *name, gboolean *can_be_set)
{
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      const char *known;

      g_variant_get_child (list, i, "(&s&sb)", &known, NULL, can_be_set);
      if (g_ascii_strcasecmp (known, name) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Which of the protocol's refusals fits what Set said. */
static void
tor_conf_on_options (CepaTorConnection *connection, gpointer data, GVariant *result,
                     G_GNUC_UNUSED const GError *error)
{
  TorConfChange *change = data;
  const char *unknown = NULL;
  gboolean any_fixed = FALSE;
  g_autoptr (GVariant) list = NULL;

  if (result != NULL && g_variant_is_of_type (result, G_VARIANT_TYPE ("(a(ssb))")))
    list = g_variant_get_child_value (result, 0);
  for (guint i = 0; list != NULL && i < change->options->len; i++)
    {
      const char *name = ((TorConfOption *) change->options->pdata[i])->name;
      gboolean can_be_set = TRUE;

      if (!tor_conf_is_known (list, name, &can_be_set) && unknown == NULL)
        unknown = name;
      any_fixed |= !can_be_set;
    }
  if (unknown != NULL)
    {
      g_autofree char *echo = cepa_tor_text_echo (unknown);

      /* C Tor's sentence: controllers take the name out of it. */
      cepa_tor_connection_reply (connection, 552, "Unrecognized option: Unknown option '%s'.  Failing.", echo);
    }
  else if (any_fixed)
    cepa_tor_connection_reply (connection, 553, "Transition not allowed: %s", change->error->message);
  else if (g_error_matches (change->error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID))
    cepa_tor_connection_reply (connection, 513, "Unacceptable option value: %s", change->error->message);
  else
    cepa_tor_connection_reply (connection, 553, "Unable to set option: %s", change->error->message);
}

static void
tor_conf_on_set (CepaTorConnection *connection, gpointer data, G_GNUC_UNUSED GVariant *result, const GError *error)
{
  TorConfChange *change = data;

  if (error == NULL)
    {
      cepa_tor_connection_reply (connection, 250, "OK");
      return;
    }
  change->error = g_error_copy (error);
  cepa_tor_connection_call (connection, "Options1", "List", NULL, tor_conf_on_options, g_rc_box_acquire (change),
                            tor_conf_release_change);
}

void
cepa_tor_command_setconf (CepaTorConnection *connection, const CepaTorCommand *command)
{
  GPtrArray *pairs = cepa_tor_command_pairs (command->args, CEPA_TOR_PAIRS_NO_VALUES | CEPA_TOR_PAIRS_C_QUOTED);
  gboolean valid = pairs != NULL && g_utf8_validate (command->args, -1, NULL);
  TorConfChange *change;

  for (guint i = 0; valid && i < pairs->len; i++)
    {
      const CepaTorPair *pair = pairs->pdata[i];

      valid = pair->value == NULL || g_utf8_validate (pair->value, -1, NULL);
    }
  if (!valid)
    {
      g_clear_pointer (&pairs, g_ptr_array_unref);
      cepa_tor_connection_reply (connection, 512, "Bad arguments to %s: Cannot parse keyword argument(s)",
                                 g_ascii_strcasecmp (command->name, "SETCONF") == 0 ? "SETCONF" : "RESETCONF");
      return;
    }
  change = tor_conf_new_change (pairs);
  cepa_tor_connection_call (connection, "Options1", "Set", tor_conf_to_variant (change), tor_conf_on_set, change,
                            tor_conf_release_change);
}
