/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/relays.h"

#include "base/log.h"
#include "config/relay-values.h"
#include "host/side-tables.h"
#include "path/circuits-watch.h"

struct _CepaHostRelays
{
  CepaPluginHost *host;
  CepaDirectory *directory;
  CepaCircuits *circuits; /* (nullable) */
  CepaRestrictions *restrictions;
  CepaKnowledge *knowledge;
  CepaServersFilter filter;
  gboolean has_warned;     /* that there are none */
  const CepaGeoip *judged; /* (nullable): the countries that the options were held against; not a reference */
};

/* ---- countries ---- */

/* A country that the file does not have is likely a slip. */
static void
relays_check_countries (const CepaNodeSet *set, const char *option, const CepaGeoip *geoip)
{
  g_auto (GStrv) countries = set != NULL ? cepa_node_set_dup_countries (set) : NULL;

  for (guint i = 0; countries != NULL && countries[i] != NULL; i++)
    if (!g_str_equal (countries[i], "??") && !cepa_geoip_knows_country (geoip, countries[i]))
      cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN, "%s: no address is in a country {%s}", option, countries[i]);
}

static void
relays_judge_countries (CepaHostRelays *self)
{
  const CepaRestrictionsConfig *config = cepa_restrictions_get_config (self->restrictions);
  const CepaGeoip *geoip = cepa_knowledge_get_geoip (self->knowledge);

  if (!cepa_restrictions_need_countries (self->restrictions) || cepa_knowledge_is_waiting (self->knowledge))
    return;
  if (geoip == NULL || !cepa_geoip_has_ipv4 (geoip))
    {
      if (!self->has_warned)
        cepa_log (CEPA_LOG_CONFIG, CEPA_LOG_WARN,
                  "the countries in ExcludeNodes, ExcludeExitNodes, EntryNodes, MiddleNodes or ExitNodes mean nothing, for "
                  "there is no GeoIPFile that could be read; Debian's package tor-geoipdb has one");
      self->has_warned = TRUE;
      return;
    }
  if (geoip == self->judged)
    return;
  self->judged = geoip;
  relays_check_countries (config->exclude, "ExcludeNodes", geoip);
  relays_check_countries (config->exclude_exit, "ExcludeExitNodes", geoip);
  relays_check_countries (config->entry, "EntryNodes", geoip);
  relays_check_countries (config->middle, "MiddleNodes", geoip);
  relays_check_countries (config->exit, "ExitNodes", geoip);
}

static void
relays_update (CepaHostRelays *self)
{
  cepa_restrictions_set_waiting (self->restrictions, cepa_knowledge_is_waiting (self->knowledge));
  if (self->circuits != NULL)
    cepa_circuits_restrictions_changed (self->circuits);
}

static void
relays_knowledge_changed (gpointer user_data)
{
  CepaHostRelays *self = user_data;

  relays_judge_countries (self);
  relays_update (self);
}

static void
relays_want_countries (gpointer user_data)
{
  CepaHostRelays *self = user_data;

  cepa_knowledge_want_countries (self->knowledge);
  cepa_restrictions_set_waiting (self->restrictions, cepa_knowledge_is_waiting (self->knowledge));
}

/* ---- what follows the options ---- */

static gboolean
relays_allows_server (gpointer user_data, const CepaRelay *relay, gboolean has_countries, gboolean even_excluded)
{
  CepaHostRelays *self = user_data;

  return cepa_restrictions_allows_server (self->restrictions, relay, has_countries, even_excluded);
}

static gboolean
relays_set_side_table (gpointer user_data, const char *name, CepaSideTable *table)
{
  CepaHostRelays *self = user_data;

  return cepa_knowledge_set_side_table (self->knowledge, name, table);
}

/* Whether the user's options, or a plugin that runs, cannot do without countries. */
static gboolean
relays_need_countries (const CepaHostRelays *self, const CepaConfig *config)
{
  const CepaNodeSet *const vanguards[] = { config->relays.layer2_nodes, config->relays.layer3_nodes };

  for (guint i = 0; i < G_N_ELEMENTS (vanguards); i++)
    if (vanguards[i] != NULL && cepa_node_set_needs_countries (vanguards[i]))
      return TRUE;
  for (guint i = 0; i < config->relays.node_families->len; i++)
    if (cepa_node_set_needs_countries (g_ptr_array_index (config->relays.node_families, i)))
      return TRUE;
  return cepa_restrictions_need_countries (self->restrictions) || cepa_plugin_host_needs_countries (self->host);
}

static void
relays_follow (CepaHostRelays *self, const CepaConfig *config)
{
  const CepaKnowledgeFiles files = { config->relays.geoip_file, config->relays.geoip6_file, config->relays.as_file };

  self->judged = NULL;
  self->has_warned = FALSE;
  cepa_plugin_host_set_reachability (self->host, &config->relays.reachability);
  cepa_knowledge_set_node_families (self->knowledge, config->relays.node_families);
  cepa_knowledge_set_files (self->knowledge, &files);
  if (relays_need_countries (self, config))
    cepa_knowledge_want_countries (self->knowledge);
  relays_judge_countries (self);
}

CepaHostRelays *
cepa_host_relays_new (CepaPluginHost *host, CepaDirectory *directory, const CepaConfig *config)
{
  CepaHostRelays *self = g_new0 (CepaHostRelays, 1);
  const CepaHostSideTableFuncs side_tables = { relays_set_side_table, self };
  CepaRestrictionsConfig restrictions;

  self->host = host;
  self->directory = directory;
  cepa_relay_values_get_restrictions (&config->relays, &restrictions);
  self->restrictions = cepa_restrictions_new (&restrictions);
  cepa_restrictions_set_want_countries (self->restrictions, relays_want_countries, self);
  self->knowledge = cepa_knowledge_new (directory, relays_knowledge_changed, self);
  self->filter = (CepaServersFilter){ relays_allows_server, self };
  cepa_directory_set_filter (directory, &self->filter);
  cepa_host_side_tables_set_funcs (cepa_host_get_side_tables (host), &side_tables);
  cepa_plugin_host_set_countries_wanted (host, relays_want_countries, self);
  relays_follow (self, config);
  cepa_restrictions_set_waiting (self->restrictions, cepa_knowledge_is_waiting (self->knowledge));
  return self;
}

void
cepa_host_relays_start (CepaHostRelays *self)
{
  cepa_knowledge_start (self->knowledge);
}

/* Nobody calls it any more. */
static void
relays_detach (CepaHostRelays *self)
{
  cepa_host_side_tables_set_funcs (cepa_host_get_side_tables (self->host), NULL);
  cepa_plugin_host_set_countries_wanted (self->host, NULL, NULL);
  cepa_directory_set_filter (self->directory, NULL);
}

void
cepa_host_relays_stop (CepaHostRelays *self)
{
  cepa_knowledge_stop (self->knowledge);
  relays_detach (self);
}

gboolean
cepa_host_relays_is_busy (const CepaHostRelays *self)
{
  return cepa_knowledge_is_busy (self->knowledge);
}

void
cepa_host_relays_free (CepaHostRelays *self)
{
  if (self == NULL)
    return;
  relays_detach (self);
  cepa_knowledge_free (self->knowledge);
  cepa_restrictions_free (self->restrictions);
  g_free (self);
}

void
cepa_host_relays_set_circuits (CepaHostRelays *self, CepaCircuits *circuits)
{
  self->circuits = circuits;
  cepa_circuits_set_restrictions (circuits, self->restrictions);
}

void
cepa_host_relays_set_config (CepaHostRelays *self, const CepaConfig *config)
{
  CepaRestrictionsConfig restrictions;
  CepaVanguardsConfig vanguards;

  cepa_relay_values_get_restrictions (&config->relays, &restrictions);
  cepa_restrictions_set_config (self->restrictions, &restrictions);
  cepa_relay_values_get_vanguards (&config->relays, &vanguards);
  if (self->circuits != NULL)
    cepa_circuits_set_vanguards (self->circuits, &vanguards);
  relays_follow (self, config);
  relays_update (self);
}

void
cepa_host_relays_network_changed (CepaHostRelays *self)
{
  gboolean is_waiting = cepa_knowledge_is_waiting (self->knowledge);

  cepa_restrictions_set_waiting (self->restrictions, is_waiting);
  relays_judge_countries (self);
  if (self->circuits != NULL && !is_waiting)
    cepa_circuits_restrictions_changed (self->circuits);
}

const CepaServersFilter *
cepa_host_relays_get_filter (CepaHostRelays *self)
{
  return &self->filter;
}

CepaRestrictions *
cepa_host_relays_get_restrictions (CepaHostRelays *self)
{
  return self->restrictions;
}

CepaKnowledge *
cepa_host_relays_get_knowledge (CepaHostRelays *self)
{
  return self->knowledge;
}
