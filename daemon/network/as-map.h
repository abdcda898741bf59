/* SPDX-License-Identifier: BSD-3-Clause */
/* Autonomous systems of addresses, from an MMDB file. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CepaAsMap:
 *
 * An MMDB file with the number of the autonomous system that announces each address: "autonomous_system_number", as in
 * GeoLite2-ASN and DB-IP's, or "asn" with "AS" before it, as in IPinfo's. It is mapped, not read. Counted and immutable:
 * any thread may ask.
 */
typedef struct _CepaAsMap CepaAsMap;

/**
 * cepa_as_map_open:
 * @path: blocks while the file is opened: for a worker
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_FILE that names the path and what is wrong: no such file, or
 * none that is MMDB.
 */
CepaAsMap *cepa_as_map_open (const char *path, GError **error);
CepaAsMap *cepa_as_map_ref (CepaAsMap *self);
void cepa_as_map_unref (CepaAsMap *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaAsMap, cepa_as_map_unref)

/* @ipv4: host byte order. Returns: the number; 0 when it is not known. */
guint32 cepa_as_map_find_ipv4 (const CepaAsMap *self, guint32 ipv4);

G_END_DECLS
