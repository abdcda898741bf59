/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/exit-wish.h"

#include <string.h>

#include "base/error.h"

gboolean
cepa_exit_wish_parse (const guint8 *user, gsize len, char country[4], GError **error)
{
  const gsize mark_len = strlen (CEPA_EXIT_WISH_MARK);
  gsize at = len;

  memset (country, 0, 4);
  if (len < mark_len)
    return TRUE;
  for (gsize i = len - mark_len + 1; i-- > 0 && at == len;)
    if (memcmp (user + i, CEPA_EXIT_WISH_MARK, mark_len) == 0)
      at = i + mark_len;
  if (at == len && memcmp (user + len - mark_len, CEPA_EXIT_WISH_MARK, mark_len) != 0)
    return TRUE;
  if (len - at != 2 || !g_ascii_isalpha (user[at]) || !g_ascii_isalpha (user[at + 1]))
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG,
                   "what stands behind " CEPA_EXIT_WISH_MARK " in the SOCKS user name is not a country's two letters");
      return FALSE;
    }
  country[0] = g_ascii_tolower (user[at]);
  country[1] = g_ascii_tolower (user[at + 1]);
  return TRUE;
}
