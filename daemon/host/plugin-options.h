/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of one plugin: what users say, against the plugin's own table. For host and the simulator. */
#pragma once

#include <cepa/plugin.h>
#include <glib.h>

G_BEGIN_DECLS

/* Adds one more value that a user gave for @option. @lines: (element-type utf8 GPtrArray): keys and values freed with it */
void cepa_plugin_options_add (GHashTable *lines, const char *option, const char *value);

/**
 * cepa_plugin_options_settle:
 * @module: whose table says what is good
 * @lines: as cepa_plugin_options_add() makes it
 *
 * Returns: (transfer full) (nullable) (element-type utf8 GStrv): for each option of the table the values as the plugin
 * gets them, its default where the user gave none. NULL with CEPA_ERROR_PLUGIN that names the option.
 */
GHashTable *cepa_plugin_options_settle (const CepaPlugin *module, GHashTable *lines, GError **error);

G_END_DECLS
