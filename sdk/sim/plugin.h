/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin, loaded as the daemon loads it, and instances of it over a host whose time and chance are simulated. */
#pragma once

#include <cepa/plugin.h>
#include <glib.h>

#include "base/clock.h"
#include "network/extras.h"
#include "path/policy.h"
#include "random.h"

G_BEGIN_DECLS

/* A loaded module with the user's options. Immutable. */
typedef struct _CepaSimPlugin CepaSimPlugin;

/**
 * cepa_sim_plugin_load:
 * @name: an id ("path.weighted"), looked for in @folders; or the path of a module ("./mine.so", whose keyfile lies beside
 *   it) or of a keyfile ("./mine.plugin")
 * @options: (nullable): "NAME=VALUE", each as a PluginOption line would have it
 * @folders: looked through up to three levels deep, one after the other
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_PLUGIN: what the daemon would refuse it for, or that it is no
 * path plugin.
 */
CepaSimPlugin *cepa_sim_plugin_load (const char *name, const char *const *options, const char *const *folders,
                                     GError **error);
void cepa_sim_plugin_free (CepaSimPlugin *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimPlugin, cepa_sim_plugin_free)

const char *cepa_sim_plugin_get_id (const CepaSimPlugin *self); /* (transfer none) */

/* How often an instance was refused for one reason. */
typedef struct
{
  const char *reason; /* (transfer none): a rule of path/check.h, "no-path", "no-guard" or "plugin-error"; a literal */
  guint64 n;
} CepaSimRefusal;

/* An instance with its host. Used from one thread, as the SDK promises to plugins. */
typedef struct _CepaSimInstance CepaSimInstance;

/**
 * cepa_sim_instance_new:
 * @plugin: (transfer none): outlives it
 * @start_us: the time, microseconds since 1970
 * @seed: @number: of its chance
 *
 * Makes and starts it. What it does in its start with timers gets up to ten simulated seconds.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_PLUGIN.
 */
CepaSimInstance *cepa_sim_instance_new (const CepaSimPlugin *plugin, gint64 start_us, guint64 seed, guint64 number,
                                        GError **error);

/* Stops and destroys it. */
void cepa_sim_instance_free (CepaSimInstance *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaSimInstance, cepa_sim_instance_free)

/* Returns: (transfer none): the clock of the simulated time. */
const CepaClock *cepa_sim_instance_get_clock (const CepaSimInstance *self);

/* The time goes on to @now_us (since 1970), never back; timers that are due are called on the way. */
void cepa_sim_instance_advance (CepaSimInstance *self, gint64 now_us);

/* Adds the side tables that it has loaded. */
void cepa_sim_instance_add_side_tables (const CepaSimInstance *self, CepaExtras *extras);

/* @network: (transfer none): kept by reference: the directory from now on. */
void cepa_sim_instance_set_network (CepaSimInstance *self, CepaNetwork *network);

/**
 * cepa_sim_instance_propose:
 * @random: of the core's draws
 * @refusal: (out): why there is no path, as in CepaSimRefusal
 *
 * Asks for a path, which is checked as in the daemon, and tells the plugin that a circuit over it was built.
 *
 * Returns: FALSE when there is none; counted.
 */
gboolean cepa_sim_instance_propose (CepaSimInstance *self, CepaRandom *random, const CepaPathRequest *request,
                                    gboolean enforce_subnets, CepaPath *path, const char **refusal);

/* There is no path for a reason of the caller's, who did not ask. @reason: (transfer none): a literal */
void cepa_sim_instance_refuse (CepaSimInstance *self, const char *reason, const char *sentence);

/* Returns: (transfer none) (array length=n): how often there was no path. */
const CepaSimRefusal *cepa_sim_instance_get_refusals (const CepaSimInstance *self, guint *n);

/* Returns: (transfer none) (nullable): what was said when there was no path for the first time. */
const char *cepa_sim_instance_get_first_refusal (const CepaSimInstance *self);

/* FALSE with CEPA_ERROR_PLUGIN when the plugin said that it cannot go on. */
gboolean cepa_sim_instance_check (const CepaSimInstance *self, GError **error);

G_END_DECLS
