/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as files of countries: the first byte says of which family. */
#include <stdint.h>
#include <string.h>

#include "network/geoip.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
fuzz_geoip_check (const CepaGeoip *geoip, const char country[4])
{
  g_assert (country[2] == '\0' && country[3] == '\0');
  g_assert (country[0] == '\0' || cepa_geoip_knows_country (geoip, country));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GBytes) text = size > 0 ? g_bytes_new_static (data + 1, size - 1) : NULL;
  gboolean is_ipv6 = size > 0 && (data[0] & 1) != 0;
  g_autoptr (CepaGeoip) geoip = cepa_geoip_new (is_ipv6 ? NULL : text, is_ipv6 ? text : NULL, problems);
  guint8 ipv6[16] = { 0 };
  char country[4];

  g_assert (problems->len <= 1);
  for (guint i = 0; i < 64; i++)
    {
      guint32 ipv4 = i * 0x4010101u;

      memset (ipv6, (int) i * 4, 8);
      ipv6[15] = (guint8) i;
      cepa_geoip_find_ipv4 (geoip, ipv4, country);
      fuzz_geoip_check (geoip, country);
      cepa_geoip_find_ipv6 (geoip, ipv6, country);
      fuzz_geoip_check (geoip, country);
    }
  return 0;
}
