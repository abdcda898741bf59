/* SPDX-License-Identifier: BSD-3-Clause */
/* The version of the plugin interface, and how its tables grow. */
#ifndef CEPA_VERSION_H
#define CEPA_VERSION_H

#include <stddef.h>

/* A plugin fits a host of the same major whose minor is not below the plugin's. */
#define CEPA_ABI_MAJOR 1
/* Counts what was added since CEPA_ABI_MAJOR; sdk/README.md has the table. */
#define CEPA_ABI_MINOR 1

/* Structs that begin with their size in bytes grow, at their end only: a new minor adds members, nothing ever changes
   its place or meaning. Whoever reads one made by the other side reads no further than the size says. Data of minor 0
   is always there; a function may be NULL even then, and is called through a wrapper that knows what to do without.
   Structs without a size never grow, but for CepaRelay and CepaPluginOption, whose arrays come with a stride. */

/* Whether the struct that @table, which is not NULL, points to reaches over @member. */
#define CEPA_TABLE_REACHES(table, type, member) \
  ((table)->size >= offsetof (type, member) + sizeof ((table)->member))

/* Whether it also has a function, or other pointer, there. */
#define CEPA_TABLE_HAS(table, type, member) \
  (CEPA_TABLE_REACHES (table, type, member) && (table)->member != NULL)

#endif
