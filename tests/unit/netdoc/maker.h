/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes authorities, their key certificates and what they sign, for the tests of netdoc. */
#pragma once

#include <gcrypt.h>

#include "netdoc/authority.h"
#include "netdoc/key-certificate.h"

G_BEGIN_DECLS

typedef struct
{
  gcry_sexp_t secret;
  GBytes *der; /* of the public part */
  guint8 digest[20];
} MakerKey;

typedef struct
{
  MakerKey *identity;
  MakerKey *signing;
  CepaDirectorySource source;
  char nickname[20];
} MakerAuthority;

/* What is not as it should be in a certificate. */
typedef struct
{
  const char *published; /* (nullable): "2026-01-01 00:00:00" */
  const char *expires;   /* (nullable): "2027-01-01 00:00:00" */
  MakerKey *certifier;   /* (nullable): signs instead of the identity key */
  MakerKey *crosser;     /* (nullable): cross-certifies instead of the signing key */
  const char *extra;     /* (nullable): lines before dir-key-crosscert */
} MakerFaults;

/* The process's key number @i; it lives as long. RSA of 1024 bits. */
MakerKey *maker_key (guint i);

/* The process's authority number @i: keys 2 @i and 2 @i + 1. */
MakerAuthority *maker_authority (guint i);

/* (transfer container) (element-type CepaDirectorySource): the first @n authorities. */
GPtrArray *maker_sources (guint n);

/* (transfer full): base64 in lines of 64 between BEGIN and END. */
char *maker_object (const char *type, const void *data, gsize len);

/* (transfer full): an object of type @type around the PKCS#1 signature of @digest. */
char *maker_sign (const MakerKey *key, const char *type, const void *digest, gsize len);

/* (transfer full): @text up to and with "directory-signature ", signed by @authority, as a whole item. */
char *maker_directory_signature (const MakerAuthority *authority, gboolean sha256, const char *text);

/* (transfer full): the certificate of @authority. @faults may be NULL. */
char *maker_certificate (const MakerAuthority *authority, const MakerFaults *faults);

/* (transfer full) (element-type CepaKeyCertificate): the good ones of the first @n authorities. */
GPtrArray *maker_certificates (guint n);

/* (transfer full): the consensus up to and with the first "directory-signature ": with @n_relays relays and,
   behind the header's items, the lines @extra (nullable). Valid after 2026-06-01 12:00:00 for three hours. */
GString *maker_consensus (guint n_voters, guint n_relays, const char *extra);

/* (transfer full): a file of tests/data/netdoc. */
char *maker_read_data (const char *name, gsize *len);

/* (transfer full): @text with the one @find in it replaced. */
char *maker_replace (const char *text, const char *find, const char *replacement);

/* Asserts that @error is @code of CEPA_ERROR and that its message has @part in it. */
void maker_assert_error (const GError *error, int code, const char *part);

G_END_DECLS
