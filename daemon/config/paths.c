/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/paths.h"

#include <string.h>

#include "base/encoding.h"
#include "base/error.h"

char *
cepa_path_expand (const char *text, GError **error)
{
  g_autofree char *path = NULL;

  if (text[0] != '~')
    return g_canonicalize_filename (text, NULL);
  if (text[1] != '\0' && text[1] != '/')
    {
      g_autofree char *shown = cepa_escape_for_log (text, strlen (text), 60);

      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                   "\"%s\": another user's folder cannot be named by ~; write the whole path", shown);
      return NULL;
    }
  path = g_build_filename (g_get_home_dir (), text + 1, NULL);
  return g_canonicalize_filename (path, NULL);
}
