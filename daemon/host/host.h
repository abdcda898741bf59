/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin host: finds plugins, checks them before their code runs, starts and stops them, stands between them
   and the core. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "channel/dialer.h"
#include "config/config.h"
#include "network/reachability.h"
#include "path/policy.h"

G_BEGIN_DECLS

typedef struct _CepaPluginHost CepaPluginHost;
typedef struct _CepaHostPlugin CepaHostPlugin;

/**
 * CepaPluginHostFuncs:
 * @failed: a required plugin cannot be had; the daemon should end. @error: (transfer none)
 */
typedef struct
{
  void (*failed) (gpointer user_data, const GError *error);
  gpointer user_data;
} CepaPluginHostFuncs;

/**
 * cepa_plugin_host_new:
 * @context: the protocol thread's; the calling thread is that one
 * @clock: @random: (transfer none): must outlive the host; what plugins get
 * @data_directory: below which plugins have their files
 */
CepaPluginHost *cepa_plugin_host_new (GMainContext *context, const CepaClock *clock, CepaRandom *random,
                                      const char *data_directory, const CepaPluginHostFuncs *funcs);

/* After cepa_plugin_host_is_stopped(), or what still runs is destroyed as it is. Modules stay loaded. */
void cepa_plugin_host_free (CepaPluginHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPluginHost, cepa_plugin_host_free)

/**
 * cepa_plugin_host_scan:
 * @directory: looked through with its sub-folders for "*.plugin" keyfiles, at most three levels deep
 *
 * No module is opened. What is refused is logged with the reason, and kept to be shown. Of two plugins of one id
 * the first found is used.
 *
 * Returns: how many were found usable so far.
 */
guint cepa_plugin_host_scan (CepaPluginHost *self, const char *directory);

/**
 * cepa_plugin_host_configure:
 * @config: its path_policy, plugins (Plugin lines) and plugin_options (PluginOption lines) are used
 *
 * Settles who is to be started. The path policy is required, so is transport.direct, and so is path.weighted wanted.
 *
 * Returns: FALSE with CEPA_ERROR_PLUGIN that names the line: a plugin or option that there is not, with those that
 * there are.
 */
gboolean cepa_plugin_host_configure (CepaPluginHost *self, const CepaConfig *config, GError **error);

/* Starts what is to be started: goes on in the loop until cepa_plugin_host_is_ready(), or failed is called. */
void cepa_plugin_host_start (CepaPluginHost *self);

/* Whether those have settled that the daemon needs: required ones, path policies that may be asked, transports, padding.
   The others may still be on their way. */
gboolean cepa_plugin_host_is_ready (const CepaPluginHost *self);

/* Stops everything, those that require others first. */
void cepa_plugin_host_stop (CepaPluginHost *self);
gboolean cepa_plugin_host_is_stopped (const CepaPluginHost *self);

/* The policies that the core asks for paths: kept in step with the plugins. (transfer none) */
CepaPathPolicies *cepa_plugin_host_get_policies (CepaPluginHost *self);

/* How channels are to get their sockets: through the running transport plugin. (transfer none) */
CepaDialer *cepa_plugin_host_get_dialer (CepaPluginHost *self);

/* Which addresses of relays it dials from now on, and which first; copied. */
void cepa_plugin_host_set_reachability (CepaPluginHost *self, const CepaReachability *reachability);

/* Plugins whose keyfile says NeedsCountries: whether one is running; and whom to tell when one starts. @wanted: (nullable) */
gboolean cepa_plugin_host_needs_countries (const CepaPluginHost *self);
void cepa_plugin_host_set_countries_wanted (CepaPluginHost *self, void (*wanted) (gpointer user_data), gpointer user_data);

/* The directory has changed, or is there for the first time; @view is valid until the next call. */
void cepa_plugin_host_network_changed (CepaPluginHost *self, const CepaNetworkView *view);

/* ---- for the vocabulary ---- */

typedef void (*CepaPluginHostFunc) (gpointer user_data, const GError *error);

/* Returns: (transfer none) (element-type CepaHostPlugin): every plugin there is, refused ones too. */
GPtrArray *cepa_plugin_host_list (CepaPluginHost *self);

/* Returns: (transfer none) (nullable): NULL with CEPA_ERROR_PLUGIN that says which there are. */
CepaHostPlugin *cepa_plugin_host_find (CepaPluginHost *self, const char *id, GError **error);

/* Each calls @func, now or later, when the plugin has settled. @func may be NULL. */
void cepa_plugin_host_start_plugin (CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func,
                                    gpointer user_data);
void cepa_plugin_host_stop_plugin (CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func,
                                   gpointer user_data);
/* Starts the path policy if it does not run, and asks it from then on. When it cannot be had, who was asked before is. */
void cepa_plugin_host_use_policy (CepaPluginHost *self, CepaHostPlugin *plugin, CepaPluginHostFunc func,
                                  gpointer user_data);

/* Returns: (transfer full): where it listens, as it says; none while it does not run. */
GStrv cepa_host_plugin_list_addresses (CepaHostPlugin *plugin);

/* Returns: (transfer floating): the plugin as Plugins1.List gives it: a{sv}. */
GVariant *cepa_host_plugin_to_variant (CepaHostPlugin *plugin);

G_END_DECLS
