/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as microdescriptors. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/microdescriptor.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Whether @inner is nothing or within @outer. */
static gboolean
fuzz_microdescriptor_is_inside (CepaSlice inner, CepaSlice outer)
{
  return inner.text == NULL
         || (inner.text >= outer.text && inner.text + inner.len <= outer.text + outer.len);
}

static void
fuzz_microdescriptor_check (const CepaMicrodescriptor *got, CepaSlice all)
{
  CepaSlice again = got->text;
  CepaMicrodescriptor second;
  guint8 digest[32];

  g_assert (fuzz_microdescriptor_is_inside (got->text, all));
  g_assert (got->text.len > 0 && memcmp (got->text.text, "onion-key", strlen ("onion-key")) == 0);
  g_assert (fuzz_microdescriptor_is_inside (got->family, got->text));
  g_assert (fuzz_microdescriptor_is_inside (got->family_ids, got->text));
  g_assert (fuzz_microdescriptor_is_inside (got->policy, got->text));
  g_assert (fuzz_microdescriptor_is_inside (got->policy6, got->text));
  g_assert (!got->has_ipv6 || got->ipv6_port != 0);
  cepa_sha256 (got->text.text, got->text.len, digest);
  g_assert (memcmp (digest, got->digest, sizeof digest) == 0);

  /* Alone it is the same one. */
  g_assert (cepa_microdescriptor_next (&again, &second, NULL) == CEPA_MICRODESCRIPTOR_GOOD);
  g_assert (again.len == 0);
  g_assert (memcmp (second.digest, got->digest, sizeof digest) == 0);
  g_assert (memcmp (second.ntor_key, got->ntor_key, sizeof second.ntor_key) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CepaSlice all = { (const char *) data, size }, rest = all;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      gsize before = rest.len;
      CepaMicrodescriptor got;
      CepaMicrodescriptorStatus status = cepa_microdescriptor_next (&rest, &got, &error);

      if (status == CEPA_MICRODESCRIPTOR_END)
        break;
      g_assert (rest.len < before && rest.text + rest.len == all.text + all.len);
      if (status == CEPA_MICRODESCRIPTOR_GOOD)
        fuzz_microdescriptor_check (&got, all);
      else
        g_assert (g_error_matches (error, CEPA_ERROR, CEPA_ERROR_BAD_DOCUMENT)
                  && g_utf8_validate (error->message, -1, NULL));
    }
  g_assert (rest.len == 0);
  return 0;
}
