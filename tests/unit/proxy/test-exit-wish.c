/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy/exit-wish.h"

#include <string.h>

#include "base/error.h"

static void
test_forms (void)
{
  static const struct
  {
    const char *user, *country; /* NULL: refused */
  } forms[] = {
    { "", "" },
    { "alice", "" },
    { "exit=de", "" },
    { "+exit", "" },
    { "+exit=de", "de" },
    { "alice+exit=DE", "de" },
    { "+exit=fr+exit=de", "de" },
    { "a+exit=\xff\xfe+exit=se", "se" },
    { "+exit=", NULL },
    { "alice+exit=", NULL },
    { "alice+exit=d", NULL },
    { "alice+exit=deu", NULL },
    { "alice+exit=d1", NULL },
    { "alice+exit={de}", NULL },
    { "+exit=de+exit=", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      g_autoptr (GError) error = NULL;
      char country[4] = "xyz";
      gboolean is_good = cepa_exit_wish_parse ((const guint8 *) forms[i].user, strlen (forms[i].user), country, &error);

      g_assert_cmpint (is_good, ==, forms[i].country != NULL);
      if (is_good)
        g_assert_cmpstr (country, ==, forms[i].country);
      else
        g_assert_error (error, CEPA_ERROR, CEPA_ERROR_CONFIG);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exit-wish/forms", test_forms);
  return g_test_run ();
}
