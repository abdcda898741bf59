/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of Plugin, PluginOption and the options that stand for one of a plugin. */
#pragma once

#include <glib.h>

#include "config/config.h"
#include "config/options.h"

G_BEGIN_DECLS

/* Returns: (transfer none): "required". */
const char *cepa_plugin_profile_name (CepaPluginProfile profile);

void cepa_plugin_config_free (CepaPluginConfig *self);
void cepa_plugin_option_config_free (CepaPluginOptionConfig *self);

/* "ID required|optional|disabled". @plugins: (element-type CepaPluginConfig): gets one more. FALSE with
   CEPA_ERROR_CONFIG. */
gboolean cepa_plugins_parse_plugin (const char *value, GPtrArray *plugins, GError **error);

/* "ID.OPTION VALUE". @options: (element-type CepaPluginOptionConfig): gets one more. */
gboolean cepa_plugins_parse_option (const char *value, GPtrArray *options, GError **error);

/* @option stands for one of a plugin, which is to get @value. */
gboolean cepa_plugins_parse_of_plugin (const CepaOption *option, const char *value, GPtrArray *options,
                                       GError **error);

G_END_DECLS
