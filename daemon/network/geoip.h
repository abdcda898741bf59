/* SPDX-License-Identifier: BSD-3-Clause */
/* Countries of addresses, from the files of Debian's tor-geoipdb. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a file may be at most; Debian's have 9 and 16 MiB. */
#define CEPA_GEOIP_MAX_BYTES (128 * 1024 * 1024)
/* Bytes of a line; longer ones are damaged. */
#define CEPA_GEOIP_MAX_LINE 200
/* Different countries; 36 * 36 codes are possible. */
#define CEPA_GEOIP_MAX_COUNTRIES 1296

/**
 * CepaGeoip:
 *
 * Ranges of addresses with their countries, packed: the whole of Debian's two files takes about 2 MiB. Counted and
 * immutable: any thread may ask.
 */
typedef struct _CepaGeoip CepaGeoip;

/**
 * cepa_geoip_new:
 * @ipv4: (nullable): lines `LOW,HIGH,CC` with numbers, each part perhaps in quotation marks and others behind it
 * @ipv6: (nullable): lines `LOW,HIGH,CC` with addresses
 * @problems: (element-type utf8): a sentence for each text that has damaged lines: how many, and the first
 *
 * Empty lines and those that begin with # are passed over. Damaged lines, ranges that end before they begin, and
 * what of a range another with a later start covers too, are left out. A range of IPv6 that begins or ends within a
 * /64 counts before those that do not, and of such ranges the last that begins alone. Takes a tenth of a second with
 * Debian's files: for a worker.
 *
 * Returns: (transfer full)
 */
CepaGeoip *cepa_geoip_new (GBytes *ipv4, GBytes *ipv6, GPtrArray *problems);

/* The same of texts that are of cepa_file_map() and of nothing else: their pages are given back as they have been read. */
CepaGeoip *cepa_geoip_new_from_maps (GBytes *ipv4, GBytes *ipv6, GPtrArray *problems);
CepaGeoip *cepa_geoip_ref (CepaGeoip *self);
void cepa_geoip_unref (CepaGeoip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaGeoip, cepa_geoip_unref)

/* Whether any line of that family was good. */
gboolean cepa_geoip_has_ipv4 (const CepaGeoip *self);
gboolean cepa_geoip_has_ipv6 (const CepaGeoip *self);

/* Whether any range is in @country, two small letters. */
gboolean cepa_geoip_knows_country (const CepaGeoip *self, const char *country);

/**
 * cepa_geoip_find_ipv4:
 * @ipv4: host byte order
 * @country: (out): two small letters and zeros; all zeros when it is not known
 *
 * O(log n).
 *
 * Returns: whether it is known.
 */
gboolean cepa_geoip_find_ipv4 (const CepaGeoip *self, guint32 ipv4, char country[4]);

/* The same of an IPv6 address, 16 bytes. */
gboolean cepa_geoip_find_ipv6 (const CepaGeoip *self, const guint8 *ipv6, char country[4]);

/* Returns: bytes of memory that it takes. */
gsize cepa_geoip_get_size (const CepaGeoip *self);

G_END_DECLS
