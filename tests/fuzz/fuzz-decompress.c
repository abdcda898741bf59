/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes in each encoding: in parts they come to the same as whole, and never to more than was allowed. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "directory/decompress.h"

#define MAX_SIZE (256 * 1024)
#define PART 5

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static GBytes *
fuzz_decompress_in_parts (CepaEncoding encoding, const uint8_t *data, size_t size)
{
  g_autoptr (CepaDecompressor) self = cepa_decompressor_new (encoding, MAX_SIZE);

  for (size_t at = 0; at < size; at += PART)
    if (!cepa_decompressor_feed (self, data + at, MIN (PART, size - at), NULL))
      return NULL;
  return cepa_decompressor_finish (self, NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const CepaEncoding encodings[] = {
    CEPA_ENCODING_IDENTITY, CEPA_ENCODING_DEFLATE, CEPA_ENCODING_GZIP, CEPA_ENCODING_ZSTD, CEPA_ENCODING_LZMA,
  };

  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) whole = cepa_decompress (encodings[i], data, size, MAX_SIZE, &error);
      g_autoptr (GBytes) parts = fuzz_decompress_in_parts (encodings[i], data, size);

      g_assert_true ((whole == NULL) == (error != NULL));
      g_assert_true ((whole == NULL) == (parts == NULL));
      g_assert_true (whole != NULL || error->domain == CEPA_ERROR);
      g_assert_true (whole == NULL || (g_bytes_equal (whole, parts) && g_bytes_get_size (whole) <= MAX_SIZE));
    }
  cepa_encoding_guess (data, size);
  return 0;
}
