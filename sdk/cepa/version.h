/* SPDX-License-Identifier: BSD-3-Clause */
/* The version of the plugin interface, and how its tables grow. */
#ifndef CEPA_VERSION_H
#define CEPA_VERSION_H

#include <stddef.h>

/* A plugin fits a host of the same major whose minor is not below the plugin's. */
#define CEPA_ABI_MAJOR 1
#define CEPA_ABI_MINOR 0

/* Structs begin with their size in bytes and grow at their end only: a new minor adds members, nothing ever
   changes its place or meaning. Whoever reads one made by the other side reads no further than the size says.
   Members of minor 0 are always there. */

/* Whether the struct that @table points to reaches over @member. */
#define CEPA_TABLE_REACHES(table, type, member) \
  ((table)->size >= offsetof (type, member) + sizeof ((table)->member))

/* Whether it also has a function, or other pointer, there. */
#define CEPA_TABLE_HAS(table, type, member) \
  (CEPA_TABLE_REACHES (table, type, member) && (table)->member != NULL)

#endif
