/* SPDX-License-Identifier: BSD-3-Clause */
/* A torrc's text to lines to a configuration. %include lines are left out: no files are read here. */
#include <glib.h>
#include <stdint.h>

#include "config/config-private.h"
#include "config/torrc.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_torrc_check_lines (GPtrArray *lines)
{
  for (guint i = 0; i < lines->len;)
    {
      const CepaTorrcLine *line = lines->pdata[i];

      g_assert_true (g_utf8_validate (line->key, -1, NULL));
      g_assert_true (g_utf8_validate (line->value, -1, NULL));
      g_assert_true (line->command != CEPA_TORRC_CLEAR || line->value[0] == '\0');
      if (g_str_equal (line->key, "%include"))
        g_ptr_array_remove_index (lines, i);
      else
        i++;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) cepa_torrc_line_free);
  g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (CepaConfig) config = NULL;
  g_autoptr (GError) parse_error = NULL, config_error = NULL;
  gboolean ok = cepa_torrc_parse ((const char *) data, size, "torrc", lines, &parse_error);

  g_assert_true (ok == (parse_error == NULL));
  fuzz_torrc_check_lines (lines);
  config = cepa_config_new_from_layers (&lines, 1, warnings, &config_error);
  g_assert_true ((config == NULL) == (config_error != NULL));
  if (config_error != NULL)
    g_assert_true (g_str_has_prefix (config_error->message, "torrc:"));
  if (config != NULL)
    g_assert_cmpuint (config->authorities->len, >, 0);
  return 0;
}
