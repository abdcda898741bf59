/* SPDX-License-Identifier: BSD-3-Clause */
/* What plugin.c loads and instance.c runs. */
#pragma once

#include "host/keyfile.h"
#include "plugin.h"

G_BEGIN_DECLS

struct _CepaSimPlugin
{
  CepaPluginFile *file;
  const CepaPlugin *module; /* loaded for good */
  GHashTable *values;       /* (element-type utf8 GStrv) */
};

G_END_DECLS
