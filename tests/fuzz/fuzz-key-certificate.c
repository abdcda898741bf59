/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as key certificates. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "netdoc/key-certificate.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_key_certificate_check (const CepaKeyCertificate *certificate)
{
  GBytes *text = cepa_key_certificate_get_text (certificate);
  g_autoptr (CepaKeyCertificate) again = NULL;
  const guint8 *identity = cepa_key_certificate_get_identity (certificate);
  guint8 digest[20];

  cepa_rsa_key_get_digest (cepa_key_certificate_get_signing_key (certificate), digest);
  g_assert (memcmp (digest, cepa_key_certificate_get_signing_key_digest (certificate), sizeof digest) == 0);
  g_assert (cepa_key_certificate_get_published_s (certificate)
            < cepa_key_certificate_get_expires_s (certificate));

  again = cepa_key_certificate_parse (g_bytes_get_data (text, NULL), g_bytes_get_size (text), NULL);
  g_assert (again != NULL);
  g_assert (memcmp (cepa_key_certificate_get_identity (again), identity, 20) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) all = cepa_key_certificates_parse_all ((const char *) data, size, errors);

  for (guint i = 0; i < all->len; i++)
    fuzz_key_certificate_check (g_ptr_array_index (all, i));
  for (guint i = 0; i < errors->len; i++)
    {
      const GError *error = g_ptr_array_index (errors, i);

      g_assert (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT)
                || g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_SIGNATURE));
      g_assert (g_utf8_validate (error->message, -1, NULL));
    }
  return 0;
}
