/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/relay-values.h"

#include "base/error.h"

gboolean
cepa_relay_values_parse_node_set (const char *value, CepaNodeSet **set, GError **error)
{
  if (*set == NULL)
    *set = cepa_node_set_new ();
  return cepa_node_set_add_line (*set, value, error);
}

gboolean
cepa_relay_values_parse_node_family (const char *value, GPtrArray *sets, GError **error)
{
  g_autoptr (CepaNodeSet) set = cepa_node_set_new ();

  if (!cepa_node_set_add_line (set, value, error))
    return FALSE;
  g_ptr_array_add (sets, g_steal_pointer (&set));
  return TRUE;
}

gboolean
cepa_relay_values_parse_addresses (const char *value, CepaAddressPolicy **policy, GError **error)
{
  g_autoptr (GError) own = NULL;

  if (*policy == NULL)
    *policy = cepa_address_policy_new ();
  if (cepa_address_policy_add_list (*policy, value, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, &own))
    return TRUE;
  g_set_error_literal (error, CEPA_ERROR, CEPA_ERROR_CONFIG, own->message);
  return FALSE;
}

/* What a firewall lets through that lets only some ports through: FirewallPorts, or 443 without any. */
static CepaAddressPolicy *
relay_values_make_firewall (const GArray *ports)
{
  CepaAddressPolicy *policy = cepa_address_policy_new ();
  guint n = ports != NULL ? ports->len : 0;

  for (guint i = 0; i < MAX (n, 1); i++)
    {
      char rule[16];

      g_snprintf (rule, sizeof rule, "*:%u", n > 0 ? g_array_index (ports, guint16, i) : 443u);
      cepa_address_policy_add_list (policy, rule, CEPA_ADDRESS_POLICY_BARE_ACCEPTS, NULL);
    }
  return policy;
}

/* (transfer full) (nullable): NULL: everything may be reached. */
static CepaAddressPolicy *
relay_values_make_policy (const CepaRelayConfig *config)
{
  CepaAddressPolicy *policy = NULL;

  if (config->reachable_or_addresses != NULL)
    policy = cepa_address_policy_ref (config->reachable_or_addresses);
  else if (config->reachable_addresses != NULL)
    policy = cepa_address_policy_ref (config->reachable_addresses);
  else if (config->fascist_firewall)
    policy = relay_values_make_firewall (config->firewall_ports);
  if (policy != NULL)
    cepa_address_policy_end_with_reject (policy);
  return policy;
}

static char *
relay_values_warn (const CepaReachability *reachability)
{
  gboolean no_ipv4 = reachability->policy != NULL && cepa_address_policy_rejects_all (reachability->policy, FALSE);
  gboolean no_ipv6 = reachability->policy != NULL && cepa_address_policy_rejects_all (reachability->policy, TRUE);

  if ((no_ipv4 || !reachability->use_ipv4) && (no_ipv6 || !reachability->use_ipv6))
    return g_strdup ("by ReachableAddresses, ClientUseIPv4, ClientUseIPv6 and their like no relay can be reached at all");
  if (no_ipv4 && reachability->use_ipv4)
    return g_strdup ("ReachableAddresses and its like reject all IPv4 addresses; only relays with IPv6 can be reached");
  return NULL;
}

char *
cepa_relay_values_settle (CepaRelayConfig *config)
{
  CepaReachability *reachability = &config->reachability;

  reachability->policy = relay_values_make_policy (config);
  reachability->use_ipv4 = config->client_use_ipv4;
  reachability->use_ipv6 = config->client_use_ipv6 || !config->client_use_ipv4 || config->client_prefer_ipv6_or_port == 1
                           || config->client_prefer_ipv6_dir_port == 1;
  reachability->prefer_ipv6
      = reachability->use_ipv6 && (!config->client_use_ipv4 || config->client_prefer_ipv6_or_port == 1);
  return relay_values_warn (reachability);
}

void
cepa_relay_values_clear (CepaRelayConfig *config)
{
  cepa_node_set_unref (config->exclude_nodes);
  cepa_node_set_unref (config->exclude_exit_nodes);
  cepa_node_set_unref (config->entry_nodes);
  cepa_node_set_unref (config->middle_nodes);
  cepa_node_set_unref (config->exit_nodes);
  cepa_node_set_unref (config->layer2_nodes);
  cepa_node_set_unref (config->layer3_nodes);
  g_ptr_array_unref (config->node_families);
  g_free (config->geoip_file);
  g_free (config->geoip6_file);
  g_free (config->as_file);
  cepa_address_policy_unref (config->reachable_addresses);
  cepa_address_policy_unref (config->reachable_or_addresses);
  cepa_address_policy_unref (config->reachable_dir_addresses);
  g_clear_pointer (&config->firewall_ports, g_array_unref);
  cepa_address_policy_unref ((CepaAddressPolicy *) config->reachability.policy);
}

void
cepa_relay_values_get_vanguards (const CepaRelayConfig *config, CepaVanguardsConfig *out)
{
  *out = (CepaVanguardsConfig){ config->vanguards_lite, config->layer2_nodes, config->layer3_nodes };
}

void
cepa_relay_values_get_restrictions (const CepaRelayConfig *config, CepaRestrictionsConfig *out)
{
  *out = (CepaRestrictionsConfig){
    .exclude = config->exclude_nodes,
    .exclude_exit = config->exclude_exit_nodes,
    .entry = config->entry_nodes,
    .middle = config->middle_nodes,
    .exit = config->exit_nodes,
    .exclude_unknown = config->geoip_exclude_unknown,
    .is_strict = config->strict_nodes,
    .reachability = config->reachability,
  };
}
