/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking for plugins in folders. Private to host. */
#pragma once

#include "host/host-private.h"

G_BEGIN_DECLS

/**
 * cepa_host_scan_directory:
 * @plugins: (element-type CepaHostPlugin): gets one for each keyfile below @directory, good or refused
 *
 * Sub-folders are looked at up to three levels deep, in the order of their names.
 */
void cepa_host_scan_directory (CepaPluginHost *host, GPtrArray *plugins, const char *directory);

G_END_DECLS
