/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as server descriptors. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/server-descriptor.h"

#define NOW_S 1795803000 /* when those of the corpus were good */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Whether @inner is nothing or within @outer. */
static gboolean
fuzz_descriptor_is_inside (CepaSlice inner, CepaSlice outer)
{
  return inner.text == NULL
         || (inner.text >= outer.text && inner.text + inner.len <= outer.text + outer.len);
}

static void
fuzz_descriptor_check (const CepaServerDescriptor *got, CepaSlice all)
{
  CepaSlice found;

  g_assert_true (fuzz_descriptor_is_inside (got->text, all) && fuzz_descriptor_is_inside (got->annotations, all));
  g_assert_true (fuzz_descriptor_is_inside (got->platform, got->text));
  g_assert_true (fuzz_descriptor_is_inside (got->protocols, got->text));
  g_assert_true (fuzz_descriptor_is_inside (got->family, got->text));
  g_assert_true (fuzz_descriptor_is_inside (got->ipv6_policy, got->text));
  g_assert_true (got->or_port != 0 && got->nickname[0] != '\0' && got->expires_s >= NOW_S && got->n_policy > 0);
  for (guint i = 0; i < got->n_policy; i++)
    g_assert_true (fuzz_descriptor_is_inside (got->policy[i], got->text));
  if (cepa_server_descriptor_find_text (all, got->digest, got->ntor_key, &found))
    g_assert_true (found.len > 0 && fuzz_descriptor_is_inside (found, all));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CepaSlice all = { (const char *) data, size }, rest = all;

  if (!cepa_crypto_init (NULL))
    return 0;
  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CepaServerDescriptor) got = NULL;
      CepaUnverifiedServerDescriptor *unverified = NULL;
      gsize before = rest.len;
      CepaServerDescriptorStatus status = cepa_unverified_server_descriptor_next (&rest, &unverified, &error);

      if (status == CEPA_SERVER_DESCRIPTOR_END)
        break;
      g_assert_true (rest.len < before && rest.text + rest.len == all.text + all.len);
      if (status == CEPA_SERVER_DESCRIPTOR_GOOD)
        got = cepa_server_descriptor_verify (unverified, NOW_S, &error);
      g_assert_true ((got == NULL) == (error != NULL));
      if (got != NULL)
        fuzz_descriptor_check (got, all);
      else
        g_assert_true (error->domain == CEPA_ERROR && g_utf8_validate (error->message, -1, NULL));
    }
  g_assert_cmpuint (rest.len, ==, 0);
  return 0;
}
