/* SPDX-License-Identifier: BSD-3-Clause */
/* A consensus, a zero byte, and the commands of a diff: the head with the right hash is put before them, so that they
   are applied. All of it is taken as a diff too. */
#include <stdint.h>
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/consensus-diff.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_consensus_diff_check (GBytes *base, GBytes *diff)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) result = cepa_consensus_diff_apply (base, diff, &error);

  g_assert_true ((result == NULL) == (error != NULL));
  if (result != NULL)
    g_assert_cmpuint (g_bytes_get_size (result), <=, g_bytes_get_size (base) + g_bytes_get_size (diff));
  else
    g_assert_true (error->domain == CEPA_ERROR && g_utf8_validate (error->message, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const uint8_t *zero = size > 0 ? memchr (data, 0, size) : NULL;
  gsize base_len = zero != NULL ? (gsize) (zero - data) : size;
  g_autoptr (GBytes) base = g_bytes_new (data, base_len), all = g_bytes_new (data, size), diff = NULL;
  g_autofree char *from = NULL, *head = NULL;
  GByteArray *text = g_byte_array_new ();
  guint8 digest[CEPA_SHA3_256_LEN];

  if (cepa_crypto_init (NULL))
    fuzz_consensus_diff_check (base, all);
  cepa_consensus_diff_base_digest (base, digest);
  from = cepa_hex_encode (digest, sizeof digest);
  head = g_strdup_printf ("network-status-diff-version 1\nhash %s %s\n", from, from);
  g_byte_array_append (text, (const guint8 *) head, (guint) strlen (head));
  if (zero != NULL)
    g_byte_array_append (text, zero + 1, (guint) (size - base_len - 1));
  diff = g_byte_array_free_to_bytes (text);
  fuzz_consensus_diff_check (base, diff);
  return 0;
}
