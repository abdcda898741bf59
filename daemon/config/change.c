/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/change.h"

#include <string.h>

#include "base/error.h"
#include "config/config-private.h"
#include "config/options.h"
#include "config/torrc.h"

#define CHANGE_WHERE "setting"
#define CHANGE_MAX_VALUE 4096 /* bytes */

/* The lines that @self was made of. */
static GPtrArray *
change_old_lines (const CepaConfig *self)
{
  GPtrArray *layer = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  guint n_options = 0;
  const CepaOption *options = cepa_options (&n_options);

  for (guint i = 0; i < self->lines->len; i++)
    {
      const char *const *values = self->lines->pdata[i];

      for (guint j = 0; values[j] != NULL; j++)
        g_ptr_array_add (layer, cepa_torrc_line_new (options[i].name, CEPA_TORRC_SET, options[i].name, values[j]));
    }
  return layer;
}

/* What a line of a file could not hold. */
static gboolean
change_check_text (const char *text, const char *what, GError **error)
{
  gsize len = strlen (text);

  if (len <= CHANGE_MAX_VALUE && g_utf8_validate (text, (gssize) len, NULL) && strpbrk (text, "\r\n") == NULL)
    return TRUE;
  g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG, CHANGE_WHERE ": %s must be UTF-8 in one line of at most %d bytes",
               what, CHANGE_MAX_VALUE);
  return FALSE;
}

static gboolean
change_add_lines (GPtrArray *layer, const CepaConfigChange *change, GError **error)
{
  if (!change_check_text (change->name, "a name", error))
    return FALSE;
  g_ptr_array_add (layer, cepa_torrc_line_new (CHANGE_WHERE, CEPA_TORRC_CLEAR, change->name, ""));
  for (guint i = 0; change->values != NULL && change->values[i] != NULL; i++)
    {
      if (!change_check_text (change->values[i], change->name, error))
        return FALSE;
      g_ptr_array_add (layer, cepa_torrc_line_new (CHANGE_WHERE, CEPA_TORRC_SET, change->name, change->values[i]));
    }
  return TRUE;
}

CepaConfig *
cepa_config_new_changed (const CepaConfig *self, const CepaConfigChange *changes, guint n_changes, GPtrArray *warnings,
                         GError **error)
{
  g_autoptr (GPtrArray) old = change_old_lines (self);
  g_autoptr (GPtrArray) wanted = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  g_autoptr (GPtrArray) all_warnings = g_ptr_array_new_with_free_func (g_free);
  GPtrArray *const layers[] = { old, wanted };
  CepaConfig *config;

  for (guint i = 0; i < n_changes; i++)
    if (!change_add_lines (wanted, &changes[i], error))
      return NULL;
  config = cepa_config_new_from_layers (layers, G_N_ELEMENTS (layers), all_warnings, error);
  /* Those of the old lines have been logged. */
  for (guint i = 0; i < all_warnings->len; i++)
    if (g_str_has_prefix (all_warnings->pdata[i], CHANGE_WHERE ": "))
      g_ptr_array_add (warnings, g_strdup (all_warnings->pdata[i]));
  return config;
}

/* (transfer full): a list of @value alone, or an empty one without it. */
static GStrv
change_list_of (const char *value)
{
  const char *const values[] = { value, NULL };

  return g_strdupv ((GStrv) values);
}

/* (transfer full): intervals are in seconds, as C Tor gives them. */
static GStrv
change_list_of_number (gint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  return change_list_of (text);
}

GStrv
cepa_option_dup_values (const CepaOption *option, const CepaConfig *config)
{
  guint n_options = 0;
  GStrv lines = config->lines->pdata[option - cepa_options (&n_options)];
  gconstpointer member = G_STRUCT_MEMBER_P (config, option->offset);

  switch (option->type)
    {
    case CEPA_OPTION_PATH:
    case CEPA_OPTION_NAME:
      return change_list_of (*(char *const *) member);
    case CEPA_OPTION_PATHS:
      return g_strdupv (*(const GStrv *) member);
    case CEPA_OPTION_BOOL:
    case CEPA_OPTION_SAFE_LOGGING: /* the default may hang on other options */
      return lines[0] != NULL ? g_strdupv (lines) : change_list_of (*(const gboolean *) member ? "1" : "0");
    case CEPA_OPTION_UINT:
      return change_list_of_number (*(const guint *) member);
    case CEPA_OPTION_INTERVAL:
      return change_list_of_number (*(const gint64 *) member);
    default:
      return lines[0] != NULL ? g_strdupv (lines) : change_list_of (option->default_text);
    }
}
