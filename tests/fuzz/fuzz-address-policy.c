/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines as rules of an address policy, each alone and all as a list. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "network/address-policy.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What it says of a few addresses is what its rules say: of nothing, when there are none. */
static void
fuzz_address_policy_ask (const CepaAddressPolicy *policy)
{
  static const guint8 ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
  gboolean empty = cepa_address_policy_get_n_rules (policy) == 0;

  g_assert_true (!empty || cepa_address_policy_ask_ipv4 (policy, 0xc0000201, 80) == CEPA_ADDRESS_POLICY_SILENT);
  g_assert_true (!empty || cepa_address_policy_ask_ipv6 (policy, ipv6, 80) == CEPA_ADDRESS_POLICY_SILENT);
  if (cepa_address_policy_rejects_all (policy, FALSE))
    g_assert_cmpint (cepa_address_policy_ask_ipv4 (policy, 0xc0000201, 80), ==, CEPA_ADDRESS_POLICY_REJECTS);
  if (cepa_address_policy_rejects_all (policy, TRUE))
    g_assert_cmpint (cepa_address_policy_ask_ipv6 (policy, ipv6, 80), ==, CEPA_ADDRESS_POLICY_REJECTS);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const CepaAddressPolicyBare kinds[]
    = { CEPA_ADDRESS_POLICY_BARE_IS_FAULT, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, CEPA_ADDRESS_POLICY_BARE_REJECTS };
  g_autofree char *text = g_strndup (size > 0 ? (const char *) data : "", size);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr (CepaAddressPolicy) lines = cepa_address_policy_new (), list = cepa_address_policy_new ();
      g_autoptr (GError) error = NULL;
      const char *p = (const char *) data, *end = p + size;

      while (p < end)
        {
          const char *newline = memchr (p, '\n', (gsize) (end - p));
          gsize len = newline != NULL ? (gsize) (newline - p) : (gsize) (end - p);
          guint before = cepa_address_policy_get_n_rules (lines);

          g_assert_true (cepa_address_policy_add (lines, p, len, kinds[i], NULL)
                         == (cepa_address_policy_get_n_rules (lines) > before));
          p += len + (newline != NULL);
        }
      fuzz_address_policy_ask (lines);
      if (!cepa_address_policy_add_list (list, text, kinds[i], &error))
        {
          g_assert_true (error->domain == CEPA_ERROR && g_utf8_validate (error->message, -1, NULL));
          g_assert_cmpuint (cepa_address_policy_get_n_rules (list), ==, 0);
        }
      fuzz_address_policy_ask (list);
      g_assert_true (cepa_address_policy_equal (list, list));
    }
  return 0;
}
