/* SPDX-License-Identifier: BSD-3-Clause */
#include "network/exit-policy.h"

#include <string.h>

static CepaSlice
slice (const char *text)
{
  return (CepaSlice){ text, text != NULL ? strlen (text) : 0 };
}

/* Returns: (transfer full): what @summary lets through, found by asking for each port: "1-79,81-65535". */
static char *
list_ports (const char *summary)
{
  CepaExitPolicyTable *table = cepa_exit_policy_table_new ();
  guint32 policy = cepa_exit_policy_table_intern (table, slice (summary), slice (NULL));
  GString *out = g_string_new (NULL);
  guint first = 0;

  for (guint port = 1; port <= 65536; port++)
    {
      gboolean allowed = port < 65536 && cepa_exit_policy_table_allows (table, policy, (guint16) port, FALSE);

      if (allowed && first == 0)
        first = port;
      if (allowed || first == 0)
        continue;
      g_string_append_printf (out, "%s%u", out->len > 0 ? "," : "", first);
      if (port - 1 > first)
        g_string_append_printf (out, "-%u", port - 1);
      first = 0;
    }
  g_assert_cmpint (cepa_exit_policy_table_allows (table, policy, 0, FALSE), ==, out->len > 0);
  cepa_exit_policy_table_free (table);
  return g_string_free (out, FALSE);
}

static void
test_ports (void)
{
  /* From "accept 2,fred,3" on: summaries of C Tor 0.4.9.11, src/test/test_policy.c, with what they mean. */
  static const struct
  {
    const char *summary, *ports;
  } vectors[] = {
    { "accept 80,443", "80,443" },
    { "accept 443,80", "80,443" },
    { "accept 1-65535", "1-65535" },
    { "accept 20-30,25-40,41,50", "20-41,50" },
    { "accept 25-30,20-40,26", "20-40" },
    { "accept 65535", "65535" },
    { "reject 80", "1-79,81-65535" },
    { "reject 1-65535", "" },
    { "reject 1,3-65534", "2,65535" },
    { "reject 3-4,1-2,2-3", "5-65535" },
    { "reject 25,119,135-139,445,563,1214,4661-4666,6346-6429,6699,6881-6999",
      "1-24,26-118,120-134,140-444,446-562,564-1213,1215-4660,4667-6345,6430-6698,6700-6880,7000-65535" },
    { "accept 2,fred,3", "2-3" },
    { "accept 2,fred,3,bob", "2-3" },
    { "accept 2,-3,500-600", "2,500-600" },
    { "accept 1,,3", "1,3" },
    { "accept 100-200,,", "100-200" },
    { "reject ,1-10,,,,30-40", "11-29,41-65535" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *ports = list_ports (vectors[i].summary);

      g_assert_cmpstr (ports, ==, vectors[i].ports);
    }
}

static void
test_malformed (void)
{
  /* The same file: what it refuses. */
  static const char *const summaries[] = {
    NULL,          "accept 200-199", "",           "rejekt 1,2,3", "reject ",         "reject",
    "rej",         "accept 2,3x,4",  "accept 2-",  "accept 2-x",   "accept 1-,3",     "accept 2,3,100000",
    "accept 0",    "reject 0",       "accept",     "accept  80",   "accept 80 443",   "reject 65536",
    "accept 80-0", "Accept 80",      "reject fred", "accept ,",    "accept 80-90-95", "reject 200-199",
    "reject 99999999999999999999",
  };

  for (guint i = 0; i < G_N_ELEMENTS (summaries); i++)
    {
      g_autofree char *ports = list_ports (summaries[i]);

      g_assert_cmpstr (ports, ==, "");
    }
}

static void
test_limit (void)
{
  g_autoptr (GString) most = g_string_new ("accept 1");
  g_autofree char *ports = NULL, *none = NULL;

  for (guint i = 1; i < CEPA_EXIT_POLICY_MAX_ENTRIES; i++)
    g_string_append_printf (most, ",%u", 1 + i);
  ports = list_ports (most->str);
  g_assert_cmpstr (ports, ==, "1-1000");
  g_string_append (most, ",2000");
  none = list_ports (most->str);
  g_assert_cmpstr (none, ==, "");
}

static void
test_families (void)
{
  CepaExitPolicyTable *table = cepa_exit_policy_table_new ();
  guint32 policy = cepa_exit_policy_table_intern (table, slice ("accept 80"), slice ("reject 80"));
  guint32 other = cepa_exit_policy_table_intern (table, slice (NULL), slice ("accept 443"));

  g_assert_true (cepa_exit_policy_table_allows (table, policy, 80, FALSE));
  g_assert_false (cepa_exit_policy_table_allows (table, policy, 80, TRUE));
  g_assert_false (cepa_exit_policy_table_allows (table, policy, 81, FALSE));
  g_assert_true (cepa_exit_policy_table_allows (table, policy, 81, TRUE));
  g_assert_false (cepa_exit_policy_table_allows (table, other, 0, FALSE));
  g_assert_true (cepa_exit_policy_table_allows (table, other, 0, TRUE));
  g_assert_false (cepa_exit_policy_table_allows (table, CEPA_EXIT_POLICY_NONE, 0, FALSE));
  g_assert_false (cepa_exit_policy_table_allows (table, CEPA_EXIT_POLICY_NONE, 0, TRUE));
  g_assert_false (cepa_exit_policy_table_allows (table, other + 1, 80, FALSE));
  g_assert_false (cepa_exit_policy_table_allows (table, G_MAXUINT32, 80, FALSE));
  cepa_exit_policy_table_free (table);
}

static void
test_interned (void)
{
  CepaExitPolicyTable *table = cepa_exit_policy_table_new ();
  guint32 a = cepa_exit_policy_table_intern (table, slice ("accept 80"), slice (NULL));
  g_autofree char *copy = g_strdup ("accept 80");

  g_assert_cmpuint (a, !=, CEPA_EXIT_POLICY_NONE);
  g_assert_cmpuint (cepa_exit_policy_table_intern (table, slice (copy), slice (NULL)), ==, a);
  g_assert_cmpuint (cepa_exit_policy_table_intern (table, slice (copy), slice (copy)), !=, a);
  g_assert_cmpuint (cepa_exit_policy_table_intern (table, slice (NULL), slice (copy)), !=, a);
  g_assert_cmpuint (cepa_exit_policy_table_intern (table, slice ("accept 81"), slice (NULL)), !=, a);
  cepa_exit_policy_table_free (table);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/exit-policy/ports", test_ports);
  g_test_add_func ("/network/exit-policy/malformed", test_malformed);
  g_test_add_func ("/network/exit-policy/limit", test_limit);
  g_test_add_func ("/network/exit-policy/families", test_families);
  g_test_add_func ("/network/exit-policy/interned", test_interned);
  return g_test_run ();
}
