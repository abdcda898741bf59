/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as lines of a node set and as rules of an address policy. */
#include <stdint.h>
#include <string.h>

#include "network/address-policy.h"
#include "network/node-set.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Read twice it is the same, and what is refused leaves nothing. */
static void
fuzz_node_set_check_policy (const char *text)
{
  g_autoptr (CepaAddressPolicy) one = cepa_address_policy_new ();
  g_autoptr (CepaAddressPolicy) two = cepa_address_policy_new ();
  gboolean good = cepa_address_policy_add_list (one, text, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL);

  g_assert (cepa_address_policy_add_list (two, text, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL) == good);
  g_assert (cepa_address_policy_equal (one, two));
  g_assert (good || cepa_address_policy_get_n_rules (one) == 0);
  cepa_address_policy_end_with_reject (one);
  g_assert (cepa_address_policy_ask_ipv4 (one, 0x01020304, 80) != CEPA_ADDRESS_POLICY_SILENT);
  /* What rejects everything rejects this. */
  g_assert (!cepa_address_policy_rejects_all (one, FALSE)
            || cepa_address_policy_ask_ipv4 (one, 0x01020304, 80) == CEPA_ADDRESS_POLICY_REJECTS);
}

static void
fuzz_node_set_check_set (const char *text)
{
  static const CepaRelay nobody;
  g_autoptr (CepaNodeSet) set = cepa_node_set_new ();
  g_autoptr (CepaNodeSet) again = cepa_node_set_new ();
  gboolean good = cepa_node_set_add_line (set, text, NULL);
  guint n = cepa_node_set_get_n_entries (set);

  g_assert (good || n == 0);
  g_assert (cepa_node_set_add_line (again, text, NULL) == good);
  g_assert (cepa_node_set_get_n_entries (again) == n);
  g_assert (!cepa_node_set_contains_relay (set, &nobody, FALSE) || n > 0);
  g_assert (!cepa_node_set_is_list (set) || !cepa_node_set_needs_countries (set));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = size > 0 ? g_strndup ((const char *) data, size) : g_strdup ("");

  fuzz_node_set_check_policy (text);
  fuzz_node_set_check_set (text);
  return 0;
}
