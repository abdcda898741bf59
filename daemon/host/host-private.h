/* SPDX-License-Identifier: BSD-3-Clause */
/* The host as its own files see it. Private to host. */
#pragma once

#include "host/host.h"
#include "host/plugin.h"

G_BEGIN_DECLS

GMainContext *cepa_host_get_context (const CepaPluginHost *self);
GThread *cepa_host_get_thread (const CepaPluginHost *self);
const CepaClock *cepa_host_get_clock (const CepaPluginHost *self);
CepaRandom *cepa_host_get_random (const CepaPluginHost *self);
const char *cepa_host_get_data_directory (const CepaPluginHost *self); /* (nullable) */
const CepaNetworkView *cepa_host_get_view (const CepaPluginHost *self); /* (nullable) */

/* Returns: a number that nothing else of this host has: of tasks, timers, watches. Never 0. */
guint64 cepa_host_draw_number (CepaPluginHost *self);

/* Whether @plugin is one of the host's still. */
gboolean cepa_host_has (const CepaPluginHost *self, const CepaHostPlugin *plugin);

/* A plugin has come to another state: tells who listens, and goes on with those that wait for it. */
void cepa_host_state_changed (CepaPluginHost *self, CepaHostPlugin *plugin);

/* The path plugin @plugin runs now: it is put into use, or as the fallback, where it is meant to be. */
void cepa_host_settle_policies (CepaPluginHost *self, CepaHostPlugin *plugin);

/* In plugin-life.c. */
CepaHostPlugin *cepa_host_plugin_new (CepaPluginHost *host, const char *keyfile, CepaPluginFile *file);
void cepa_host_plugin_free (CepaHostPlugin *self);
gboolean cepa_host_plugin_is_settled (const CepaHostPlugin *self);
void cepa_host_plugin_wait (CepaHostPlugin *self, gboolean to_run, CepaPluginSettledFunc func, gpointer user_data);
void cepa_host_plugin_completed (CepaHostPlugin *self, guint64 task, const GError *error);

/* In plugin-options.c: one more line of the torrc for an option; its meaning is checked with the plugin's table. */
void cepa_host_plugin_add_line (CepaHostPlugin *self, const char *option, const char *value);
/* Settles the values from the lines and the defaults; FALSE with CEPA_ERROR_PLUGIN that names the option. */
gboolean cepa_host_plugin_settle_options (CepaHostPlugin *self, GError **error);

G_END_DECLS
