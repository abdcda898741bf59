/* SPDX-License-Identifier: BSD-3-Clause */
/* C Tor's options that Cepa does not have. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  CEPA_KNOWN_NOT,      /* no option of C Tor's, or one that Cepa has */
  CEPA_KNOWN_RELAY,    /* for relays and authorities only */
  CEPA_KNOWN_LATER,    /* a client's, not in Cepa yet */
  CEPA_KNOWN_OBSOLETE, /* C Tor warns and ignores it */
} CepaKnownKind;

/* Returns: (transfer none): the name that @key is another spelling of, else @key itself. Any case. */
const char *cepa_known_resolve_alias (const char *key);

/* Finds @key, in any case; @name is set to its right spelling unless CEPA_KNOWN_NOT is returned. */
CepaKnownKind cepa_known_find (const char *key, const char **name);

/* Returns: (transfer none) (nullable): the value at which @name may stand, as Cepa does just that. */
const char *cepa_known_value (const char *name);

/* Returns: (transfer none) (nullable): the @i th name that is not obsolete; NULL behind the last. */
const char *cepa_known_name (guint i);

G_END_DECLS
