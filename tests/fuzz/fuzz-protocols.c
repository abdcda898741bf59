/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a list of subprotocols: the two ways to read one agree. */
#include <cepa/relay.h>
#include <stdint.h>
#include <string.h>

#include "netdoc/protocols.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CepaSlice text = { (const char *) data, size };
  g_autoptr (CepaProtocols) self = cepa_protocols_parse (text, NULL);
  g_autoptr (CepaProtocols) none = cepa_protocols_parse ((CepaSlice) { NULL, 0 }, NULL), again = NULL;
  g_autofree char *all = NULL, *nothing = NULL;
  guint64 bits = cepa_protocols_relay_bits (text);

  if (self == NULL)
    return 0;
  g_assert_true (((bits & CEPA_PROTOCOL_LINK_5) != 0) == cepa_protocols_contains (self, "Link", 5));
  g_assert_true (((bits & CEPA_PROTOCOL_RELAY_6) != 0) == cepa_protocols_contains (self, "Relay", 6));

  /* What is missing where there is nothing is all of it. */
  nothing = cepa_protocols_missing (self, self);
  g_assert_null (nothing);
  all = cepa_protocols_missing (self, none);
  if (all == NULL)
    return 0;
  again = cepa_protocols_parse ((CepaSlice) { all, strlen (all) }, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (cepa_protocols_relay_bits ((CepaSlice) { all, strlen (all) }), ==, bits);
  return 0;
}
