/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of the plugin path.diverse. */
#include <cepa/plugin.h>
#include <cepa/services.h>
#include <string.h>

#include "diverse.h"

/* "de,nl": two letters each, with commas or blanks between. Returns: (transfer full) (nullable): NULL for none; with an
   error when one is none. */
static GStrv
plugin_parse_countries (const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit_set (text, ", ", -1);
  g_autoptr (GPtrArray) countries = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (words[i][0] == '\0')
        continue;
      if (strlen (words[i]) != 2 || !g_ascii_isalpha (words[i][0]) || !g_ascii_isalpha (words[i][1]))
        {
          g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID,
                       "exit-countries: \"%s\" is no country; write two letters each, as de,nl", words[i]);
          return NULL;
        }
      g_ptr_array_add (countries, g_ascii_strdown (words[i], 2));
    }
  if (countries->len == 0)
    return NULL;
  g_ptr_array_add (countries, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&countries), FALSE);
}

static void *
plugin_create (const CepaHost *host, GError **error)
{
  const char *unknown = cepa_host_option_text (host, "unknown", "apart");
  CepaDiverseConfig config = { 0 };
  g_auto (GStrv) exit_countries = NULL;
  GError *own = NULL;

  exit_countries = plugin_parse_countries (cepa_host_option_text (host, "exit-countries", ""), &own);
  if (own != NULL)
    {
      g_propagate_error (error, own);
      return NULL;
    }
  config.n_countries = (guint) cepa_host_option_int (host, "countries", 0);
  config.by_system = g_str_equal (cepa_host_option_text (host, "as", "on"), "on");
  config.unknown = g_str_equal (unknown, "together")  ? CEPA_DIVERSE_TOGETHER
                   : g_str_equal (unknown, "refused") ? CEPA_DIVERSE_REFUSED
                                                      : CEPA_DIVERSE_APART;
  config.exit_countries = (const char *const *) exit_countries;
  config.is_strict = cepa_host_option_int (host, "strict", 0) != 0;
  return cepa_diverse_new (host, &config);
}

static void
plugin_destroy (void *self)
{
  cepa_diverse_free (self);
}

static gboolean
plugin_choose_path (void *self, const CepaNetworkView *view, const CepaPathRequest *request, CepaPath *path,
                    GError **error)
{
  return cepa_diverse_choose (self, view, request, path, error);
}

static void
plugin_network_changed (void *self, const CepaNetworkView *view)
{
  cepa_diverse_prepare (self, view);
}

static const CepaPathTable plugin_path = {
  .size = sizeof (CepaPathTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .choose_path = plugin_choose_path,
  .network_changed = plugin_network_changed,
};

static const CepaPluginOption plugin_options[] = {
  { .name = "countries",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .choices = "off|2|3|4|5|6|7|8",
    .default_text = "3",
    .description = "Relays of how many countries a path has, at least; of a shorter path, all are of different ones." },
  { .name = "as",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .choices = "on|off",
    .default_text = "on",
    .description = "Whether no two relays of a path are of one autonomous system, which needs ASFile." },
  { .name = "unknown",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .choices = "apart|together|refused",
    .default_text = "apart",
    .description = "Relays whose country or system is not known: apart, each is of one of its own; together, all are of "
                   "one; refused, they are used as guards alone." },
  { .name = "exit-countries",
    .type = CEPA_PLUGIN_OPTION_TEXT,
    .description = "Where exits are taken from, as long as one there fits: de,nl. ExitNodes is for what must be." },
  { .name = "strict",
    .type = CEPA_PLUGIN_OPTION_BOOL,
    .default_text = "0",
    .description = "Whether there is no path at all when there is none that is as diverse as is wanted." },
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "path.diverse",
  .name = "Paths of several countries and networks",
  .licence = "BSD-3-Clause",
  .options = plugin_options,
  .n_options = G_N_ELEMENTS (plugin_options),
  .option_stride = sizeof (CepaPluginOption),
  .create = plugin_create,
  .destroy = plugin_destroy,
  .path = &plugin_path,
};
