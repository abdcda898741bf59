/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin host: finds plugins, checks them before their code runs, loads them, hands out their tables. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/random.h"
#include "path/policy.h"

G_BEGIN_DECLS

typedef struct _CepaPluginHost CepaPluginHost;

/**
 * cepa_plugin_host_new:
 * @clock: @random: (transfer none): must outlive the host; what plugins get
 */
CepaPluginHost *cepa_plugin_host_new (const CepaClock *clock, CepaRandom *random);

/* Frees instances; modules stay loaded until the process ends. */
void cepa_plugin_host_free (CepaPluginHost *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPluginHost, cepa_plugin_host_free)

/**
 * cepa_plugin_host_scan:
 * @directory: looked through with its sub-folders for "*.plugin" keyfiles, at most three levels deep
 *
 * A keyfile has a group [Plugin] with Id, Module (file name beside it), AbiMajor, AbiMinor, Name. No module
 * is opened. What is refused is logged with the reason.
 *
 * Returns: how many were found usable so far.
 */
guint cepa_plugin_host_scan (CepaPluginHost *self, const char *directory);

/**
 * cepa_plugin_host_get_path_policy:
 * @id: "path.weighted", or without the kind: "weighted"
 *
 * Checks owner and mode of the module, of its keyfile and of the directories above them (nobody but root and
 * this user may write), loads the module, checks its symbol and ABI, makes an instance; once.
 *
 * Returns: (transfer none) (nullable): valid as long as the host. NULL with CEPA_ERROR_PLUGIN: a sentence
 * that says what is wrong, both version numbers where the ABI does not fit, and which plugins there are.
 */
CepaPathPolicy *cepa_plugin_host_get_path_policy (CepaPluginHost *self, const char *id, GError **error);

G_END_DECLS
