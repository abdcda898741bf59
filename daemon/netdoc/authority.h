/* SPDX-License-Identifier: BSD-3-Clause */
/* Directory authorities and fallback directories: where the first documents come from and who signs them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * CepaDirectorySource:
 *
 * A directory authority (@is_authority) or a fallback directory.
 */
typedef struct
{
  char *nickname; /* (nullable) */
  gboolean is_authority;
  gboolean is_v3;          /* an authority that signs consensuses: v3_id is set */
  guint8 rsa_id[20];       /* of the relay */
  guint8 v3_id[20];        /* SHA-1 of the authority's identity key */
  guint32 ipv4;            /* host byte order */
  guint16 or_port;
  guint16 dir_port;        /* 0: none; never used to fetch from */
  gboolean has_ipv6;
  guint8 ipv6[16];
  guint16 ipv6_port;
  double weight;           /* 1.0 unless it says otherwise */
} CepaDirectorySource;

/**
 * cepa_directory_source_parse_authority:
 * @line: the value of a DirAuthority line: `[nick] orport=N [v3ident=HEX] [bridge] [ipv6=[A]:P] [weight=X]
 *   [no-v2 ...] ADDR:DIRPORT FINGERPRINT`, the fingerprint with or without spaces
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_ERROR_CONFIG that says what is wrong with it.
 */
CepaDirectorySource *cepa_directory_source_parse_authority (const char *line, GError **error);

/* The same of a FallbackDir line: `ADDR[:DIRPORT] orport=N id=HEX [ipv6=[A]:P] [weight=X]`. */
CepaDirectorySource *cepa_directory_source_parse_fallback (const char *line, GError **error);

void cepa_directory_source_free (CepaDirectorySource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaDirectorySource, cepa_directory_source_free)

G_END_DECLS
