/* SPDX-License-Identifier: BSD-3-Clause */
/* A plugin as the vocabulary shows it. */
#include <string.h>

#include "host/host-private.h"
#include "host/module.h"

static char *
variant_list_addresses (const CepaHostPlugin *self)
{
  const CepaPlugin *module = self->module;

  if (!cepa_host_plugin_is_running (self))
    return NULL;
  if (self->file->kind == CEPA_PLUGIN_KIND_CONTROL && CEPA_TABLE_HAS (module->control, CepaControlTable, list_addresses))
    return module->control->list_addresses (self->instance);
  if (self->file->kind == CEPA_PLUGIN_KIND_METRICS && CEPA_TABLE_HAS (module->metrics, CepaMetricsTable, list_addresses))
    return module->metrics->list_addresses (self->instance);
  return NULL;
}

GStrv
cepa_host_plugin_list_addresses (CepaHostPlugin *self)
{
  g_autofree char *text = variant_list_addresses (self);
  g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; lines[i] != NULL; i++)
    if (lines[i][0] != '\0')
      g_strv_builder_add (builder, lines[i]);
  return g_strv_builder_end (builder);
}

static GVariant *
variant_violations (CepaHostPlugin *self)
{
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer rule, n;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{su}"));
  g_hash_table_iter_init (&iter, self->violations);
  while (g_hash_table_iter_next (&iter, &rule, &n))
    g_variant_builder_add (&builder, "{su}", (const char *) rule, GPOINTER_TO_UINT (n));
  return g_variant_builder_end (&builder);
}

/* Before the plugin has been started its options are not known, but for those that the torrc sets. */
static GVariant *
variant_options (CepaHostPlugin *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssas)"));
  for (guint i = 0; self->module != NULL && i < self->module->n_options; i++)
    {
      const CepaPluginOption *option = cepa_module_get_option (self->module, i);
      const char *const *values = self->values != NULL ? g_hash_table_lookup (self->values, option->name) : NULL;
      static const char *const none[] = { NULL }, *const secret[] = { "[secret]", NULL };

      if (option->type == CEPA_PLUGIN_OPTION_SECRET && values != NULL && values[0] != NULL)
        values = secret;

      g_variant_builder_add (&builder, "(ss^as)", option->name, option->description, values != NULL ? values : none);
    }
  return g_variant_builder_end (&builder);
}

static const char *
variant_state (const CepaHostPlugin *self)
{
  if (self->state == CEPA_PLUGIN_FOUND && self->profile == CEPA_PLUGIN_DISABLED)
    return "disabled";
  return cepa_plugin_state_name (self->state);
}

static gboolean
variant_is_used (CepaHostPlugin *self)
{
  return self->file != NULL && cepa_host_plugin_is_running (self)
         && (self->file->kind != CEPA_PLUGIN_KIND_PATH
             || cepa_path_policies_get_first (cepa_plugin_host_get_policies (self->host)) == self->kind);
}

GVariant *
cepa_host_plugin_to_variant (CepaHostPlugin *self)
{
  g_auto (GStrv) addresses = cepa_host_plugin_list_addresses (self);
  g_autofree char *abi = self->file != NULL ? g_strdup_printf ("%u.%u", self->file->abi_major, self->file->abi_minor)
                                            : g_strdup ("");
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "id", g_variant_new_string (self->file != NULL ? self->file->id : ""));
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (self->file != NULL ? self->file->name : ""));
  g_variant_builder_add (&builder, "{sv}", "licence",
                         g_variant_new_string (self->module != NULL ? self->module->licence : ""));
  g_variant_builder_add (&builder, "{sv}", "state", g_variant_new_string (variant_state (self)));
  g_variant_builder_add (&builder, "{sv}", "reason", g_variant_new_string (self->reason != NULL ? self->reason : ""));
  g_variant_builder_add (&builder, "{sv}", "profile", g_variant_new_string (cepa_plugin_profile_name (self->profile)));
  g_variant_builder_add (&builder, "{sv}", "is-used", g_variant_new_boolean (variant_is_used (self)));
  g_variant_builder_add (&builder, "{sv}", "is-default",
                         g_variant_new_boolean (self->file != NULL && self->file->profile == CEPA_PLUGIN_OPTIONAL));
  g_variant_builder_add (&builder, "{sv}", "keyfile", g_variant_new_string (self->keyfile));
  g_variant_builder_add (&builder, "{sv}", "module",
                         g_variant_new_string (self->file != NULL ? self->file->module : ""));
  g_variant_builder_add (&builder, "{sv}", "abi", g_variant_new_string (abi));
  g_variant_builder_add (&builder, "{sv}", "violations", variant_violations (self));
  g_variant_builder_add (&builder, "{sv}", "options", variant_options (self));
  g_variant_builder_add (&builder, "{sv}", "addresses",
                         g_variant_new_strv ((const char *const *) addresses, -1));
  return g_variant_builder_end (&builder);
}
