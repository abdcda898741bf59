/* SPDX-License-Identifier: BSD-3-Clause */
/* A path plugin of the build, loaded as it is, for programs that draw many paths. */
#pragma once

#include <cepa/plugin.h>

#include "base/random.h"
#include "path/policy.h"

G_BEGIN_DECLS

/* A plugin with a host that has chance alone, and the policy that asks it. Not to be moved. */
typedef struct
{
  CepaHost host;
  const CepaPlugin *module;
  void *instance;
  CepaPathPolicy policy;
  CepaRandom *random;
} PathPlugin;

/* @path: of the module. Ends the program with a sentence when it cannot be used. */
void path_plugin_init (PathPlugin *self, const char *path, CepaRandom *random);
void path_plugin_clear (PathPlugin *self);

G_END_DECLS
