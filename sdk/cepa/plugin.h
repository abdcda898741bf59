/* SPDX-License-Identifier: BSD-3-Clause */
/* What a plugin exports: one symbol, cepa_plugin_v1. */
#ifndef CEPA_PLUGIN_H
#define CEPA_PLUGIN_H

#include <cepa/host.h>
#include <cepa/path.h>
#include <cepa/version.h>

G_BEGIN_DECLS

/**
 * CepaPlugin:
 *
 * Constant data of the module. @size first: a host reads no further than it reaches.
 *
 * Beside the module lies a keyfile, NAME.plugin, that the host reads before any code of the plugin runs:
 *
 *   [Plugin]
 *   Id=path.weighted
 *   Name=Bandwidth-weighted paths
 *   Module=weighted.so
 *   AbiMajor=1
 *   AbiMinor=0
 *
 * with the same Id and numbers as here. Nobody but root and the user that the daemon runs as may be able to
 * write the module, the keyfile or a directory above them. A loaded module stays until the process ends.
 */
typedef struct
{
  uint32_t size;                 /* sizeof (CepaPlugin) */
  uint16_t abi_major, abi_minor; /* CEPA_ABI_MAJOR, CEPA_ABI_MINOR */
  const char *id;                /* "path.weighted": kind, dot, name; [a-z0-9-] */
  const char *name;              /* for people */
  const char *licence;           /* SPDX */
  const CepaPathTable *path;     /* (nullable): the table of kind path */
} CepaPlugin;

#define CEPA_PLUGIN_SYMBOL "cepa_plugin_v1"

/* In exactly one file of a plugin: CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = { ... }; */
#ifdef __cplusplus
#define CEPA_PLUGIN_EXPORT extern "C" __attribute__ ((visibility ("default")))
#else
#define CEPA_PLUGIN_EXPORT __attribute__ ((visibility ("default")))
#endif

G_END_DECLS

#endif
