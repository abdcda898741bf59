/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading server descriptors; server-descriptor-verify.c checks their signatures. */
#include <string.h>

#include "base/encoding.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "netdoc/server-descriptor-private.h"
#include "netdoc/tokens.h"
#include "netdoc/values.h"

#define DESCRIPTOR_FIRST "router"
#define DESCRIPTOR_RSA_BITS 1024
#define DESCRIPTOR_MAX_DER 256
#define DESCRIPTOR_PURPOSE "@purpose"

/* One being read. */
typedef struct
{
  CepaUnverifiedServerDescriptor *descriptor;
  ServerDescriptor *out;
  guint n_items;
  guint ed_signature_place; /* numbers of items, from 1 */
  guint rsa_signature_place;
  gboolean has_onion_crosscert;
  gboolean has_fingerprint;
  guint8 fingerprint[20];
  guint8 master_key[32];
} DescriptorReader;

/* nickname address ORPort SOCKSPort DirPort */
static gboolean
descriptor_read_router (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaServerDescriptor *out = &((DescriptorReader *) document)->out->base;
  CepaSlice rest = item->args, words[5];
  guint16 socks_port;

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (!cepa_slice_next_word (&rest, &words[i]))
      return cepa_netdoc_refuse (error, "\"router\" with fewer than 5 arguments");
  if (!cepa_slice_is_nickname (words[0]))
    return cepa_netdoc_refuse (error, "\"router\" with a malformed nickname");
  memcpy (out->nickname, words[0].text, words[0].len);
  if (!cepa_slice_to_ipv4 (words[1], &out->ipv4))
    return cepa_netdoc_refuse (error, "\"router\" with a malformed address");
  if (!cepa_slice_to_port (words[2], &out->or_port) || !cepa_slice_to_port (words[3], &socks_port)
      || !cepa_slice_to_port (words[4], &out->dir_port))
    return cepa_netdoc_refuse (error, "\"router\" with a malformed port");
  if (out->or_port == 0)
    return cepa_netdoc_refuse (error, "\"router\" without an ORPort");
  if (out->dir_port != 0)
    out->is_directory = TRUE;
  return TRUE;
}

static gboolean
descriptor_read_cert (const CepaTextItem *item, ServerDescriptorCert *out, GError **error)
{
  return cepa_text_item_decode_object (item, "ED25519 CERT", out->bytes, sizeof out->bytes, &out->len, error)
         && cepa_ed_cert_parse (out->bytes, out->len, &out->cert, error);
}

/* The certificate of the signing key, by the identity that it names. */
static gboolean
descriptor_read_identity (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;
  ServerDescriptorCert *cert = &self->descriptor->identity;

  if (self->n_items != 2)
    return cepa_netdoc_refuse (error, "\"identity-ed25519\" is not the second item");
  if (!descriptor_read_cert (item, cert, error))
    return FALSE;
  if (cert->cert.type != CEPA_CERT_ED_SIGNING || !cert->cert.has_signing_key)
    return cepa_netdoc_refuse (error, "\"identity-ed25519\" with another kind of certificate");
  memcpy (self->out->base.ed25519_id, cert->cert.signing_key, sizeof self->out->base.ed25519_id);
  return TRUE;
}

static gboolean
descriptor_read_master_key (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word)
      || !cepa_slice_to_base64 (word, self->master_key, sizeof self->master_key))
    return cepa_netdoc_refuse (error, "\"master-key-ed25519\" without a key of 32 bytes");
  return TRUE;
}

/* The first IPv6 address; others are passed over, as C Tor does. */
static gboolean
descriptor_read_or_address (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaServerDescriptor *out = &((DescriptorReader *) document)->out->base;
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word))
    return cepa_netdoc_refuse (error, "\"or-address\" without an address");
  if (out->ipv6_port == 0)
    cepa_slice_to_ipv6_port (word, out->ipv6, &out->ipv6_port);
  return TRUE;
}

static gboolean
descriptor_read_platform (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((DescriptorReader *) document)->out->base.platform = item->args;
  return TRUE;
}

static gboolean
descriptor_read_proto (gpointer document, const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((DescriptorReader *) document)->out->base.protocols = item->args;
  return TRUE;
}

static gboolean
descriptor_read_published (gpointer document, const CepaTextItem *item, GError **error)
{
  if (!cepa_slice_to_time (item->args, &((DescriptorReader *) document)->out->base.published_s))
    return cepa_netdoc_refuse (error, "\"published\" without a time");
  return TRUE;
}

/* 40 digits, in groups of four. */
static gboolean
descriptor_read_fingerprint (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;
  CepaSlice rest = item->args, word;
  char digits[40];
  gsize n = 0;

  while (cepa_slice_next_word (&rest, &word))
    {
      if (word.len > sizeof digits - n)
        return cepa_netdoc_refuse (error, "\"fingerprint\" with more than 40 digits");
      memcpy (digits + n, word.text, word.len);
      n += word.len;
    }
  self->has_fingerprint = cepa_hex_decode (digits, n, self->fingerprint, sizeof self->fingerprint);
  return self->has_fingerprint || cepa_netdoc_refuse (error, "\"fingerprint\" without 40 hexadecimal digits");
}

static gboolean
descriptor_read_hibernating (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word))
    return cepa_netdoc_refuse (error, "\"hibernating\" without a number");
  ((DescriptorReader *) document)->out->base.is_hibernating = !cepa_slice_is (word, "0");
  return TRUE;
}

static gboolean
descriptor_read_uptime (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word)
      || !cepa_slice_to_uint (word, G_MAXINT64, &((DescriptorReader *) document)->out->base.uptime_s))
    return cepa_netdoc_refuse (error, "\"uptime\" without a number");
  return TRUE;
}

static gboolean
descriptor_read_bandwidth (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaServerDescriptor *out = &((DescriptorReader *) document)->out->base;
  guint32 *to[] = { &out->bandwidth_average_bytes_per_s, &out->bandwidth_burst_bytes_per_s,
                    &out->bandwidth_observed_bytes_per_s };
  CepaSlice rest = item->args, word;

  for (guint i = 0; i < G_N_ELEMENTS (to); i++)
    {
      guint64 value;

      if (!cepa_slice_next_word (&rest, &word) || !cepa_slice_to_uint (word, G_MAXINT32, &value)
          || (i == 0 && value == 0))
        return cepa_netdoc_refuse (error, "\"bandwidth\" without three numbers, of which the first is above 0");
      *to[i] = (guint32) value;
    }
  return TRUE;
}

static CepaRsaKey *
descriptor_read_rsa_key (const CepaTextItem *item, GError **error)
{
  guint8 der[DESCRIPTOR_MAX_DER];
  g_autoptr (CepaRsaKey) key = NULL;
  gsize len;

  if (!cepa_text_item_decode_object (item, "RSA PUBLIC KEY", der, sizeof der, &len, error))
    return NULL;
  key = cepa_rsa_key_new_from_der (der, len, error);
  if (key != NULL && cepa_rsa_key_get_bits (key) != DESCRIPTOR_RSA_BITS)
    {
      cepa_netdoc_refuse (error, "an RSA key that is not of %d bits", DESCRIPTOR_RSA_BITS);
      return NULL;
    }
  return g_steal_pointer (&key);
}

static gboolean
descriptor_read_onion_key (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaUnverifiedServerDescriptor *descriptor = ((DescriptorReader *) document)->descriptor;

  descriptor->onion_key = descriptor_read_rsa_key (item, error);
  return descriptor->onion_key != NULL;
}

static gboolean
descriptor_read_signing_key (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;

  self->descriptor->rsa_key = descriptor_read_rsa_key (item, error);
  if (self->descriptor->rsa_key == NULL)
    return FALSE;
  cepa_rsa_key_get_digest (self->descriptor->rsa_key, self->out->base.rsa_id);
  return TRUE;
}

static gboolean
descriptor_read_rsa_signature (const CepaTextItem *item, const char *type, ServerDescriptorRsaSignature *out,
                               GError **error)
{
  return cepa_text_item_decode_object (item, type, out->bytes, sizeof out->bytes, &out->len, error);
}

static gboolean
descriptor_read_onion_crosscert (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;

  self->has_onion_crosscert = TRUE;
  return descriptor_read_rsa_signature (item, "CROSSCERT", &self->descriptor->onion_crosscert, error);
}

static gboolean
descriptor_read_ntor_key (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaServerDescriptor *out = &((DescriptorReader *) document)->out->base;
  CepaSlice rest = item->args, word;

  if (!cepa_slice_next_word (&rest, &word) || !cepa_slice_to_base64 (word, out->ntor_key, sizeof out->ntor_key))
    return cepa_netdoc_refuse (error, "\"ntor-onion-key\" without a key of 32 bytes");
  return TRUE;
}

static gboolean
descriptor_read_ntor_crosscert (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaUnverifiedServerDescriptor *descriptor = ((DescriptorReader *) document)->descriptor;

  if (!cepa_slice_is (item->args, "0") && !cepa_slice_is (item->args, "1"))
    return cepa_netdoc_refuse (error, "\"ntor-onion-key-crosscert\" with another sign than 0 or 1");
  descriptor->ntor_is_negative = cepa_slice_is (item->args, "1");
  if (!descriptor_read_cert (item, &descriptor->ntor_crosscert, error))
    return FALSE;
  if (descriptor->ntor_crosscert.cert.type != CEPA_CERT_NTOR_ID)
    return cepa_netdoc_refuse (error, "\"ntor-onion-key-crosscert\" with another kind of certificate");
  return TRUE;
}

static gboolean
descriptor_read_policy_line (gpointer document, const CepaTextItem *item, GError **error)
{
  GArray *policy = ((DescriptorReader *) document)->out->policy;
  CepaSlice line = { item->start, (gsize) (item->args.text + item->args.len - item->start) };

  if (item->args.len == 0)
    return cepa_netdoc_refuse (error, "a line of the exit policy without a pattern");
  if (policy->len == CEPA_SERVER_DESCRIPTOR_MAX_POLICY)
    return cepa_netdoc_refuse (error, "more than %d lines of exit policy", CEPA_SERVER_DESCRIPTOR_MAX_POLICY);
  g_array_append_val (policy, line);
  return TRUE;
}

/* C Tor refuses these too: nobody may have them. */
static gboolean
descriptor_read_policy6_line (G_GNUC_UNUSED gpointer document, const CepaTextItem *item, GError **error)
{
  return cepa_netdoc_refuse (error, "a line \"%.*s\"", (int) item->keyword.len, item->keyword.text);
}

static gboolean
descriptor_read_ipv6_policy (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, word, list;

  if (!cepa_slice_next_word (&rest, &word) || (!cepa_slice_is (word, "accept") && !cepa_slice_is (word, "reject"))
      || !cepa_slice_next_word (&rest, &list) || !g_ascii_isdigit (list.text[0]))
    return cepa_netdoc_refuse (error, "\"ipv6-policy\" without \"accept\" or \"reject\" and ports");
  ((DescriptorReader *) document)->out->base.ipv6_policy = item->args;
  return TRUE;
}

/* A nickname, or "$" and 40 digits, behind which "=" or "~" and a nickname may be. */
static gboolean
descriptor_is_family_member (CepaSlice word)
{
  guint8 id[20];

  if (word.text[0] != '$')
    return cepa_slice_is_nickname (word);
  return cepa_slice_to_fingerprint (word, id);
}

static gboolean
descriptor_read_family (gpointer document, const CepaTextItem *item, GError **error)
{
  CepaSlice rest = item->args, word;

  while (cepa_slice_next_word (&rest, &word))
    if (!descriptor_is_family_member (word))
      {
        g_autofree char *shown = cepa_slice_escape (word);

        return cepa_netdoc_refuse (error, "malformed member \"%s\" of \"family\"", shown);
      }
  ((DescriptorReader *) document)->out->base.family = item->args;
  return TRUE;
}

static gboolean
descriptor_read_family_cert (gpointer document, const CepaTextItem *item, GError **error)
{
  GPtrArray *certs = ((DescriptorReader *) document)->descriptor->family_certs;
  g_autofree ServerDescriptorCert *cert = NULL;

  if (certs->len == CEPA_SERVER_DESCRIPTOR_MAX_FAMILY_CERTS)
    return cepa_netdoc_refuse (error, "more than %d \"family-cert\"", CEPA_SERVER_DESCRIPTOR_MAX_FAMILY_CERTS);
  cert = g_new0 (ServerDescriptorCert, 1);
  if (!cepa_text_item_decode_object (item, "FAMILY CERT", cert->bytes, sizeof cert->bytes, &cert->len, error)
      || !cepa_ed_cert_parse (cert->bytes, cert->len, &cert->cert, error))
    return FALSE;
  if (cert->cert.type != CEPA_CERT_FAMILY_ID || !cert->cert.has_signing_key)
    return cepa_netdoc_refuse (error, "\"family-cert\" with another kind of certificate");
  g_ptr_array_add (certs, g_steal_pointer (&cert));
  return TRUE;
}

static gboolean
descriptor_read_caches_extra_info (gpointer document, G_GNUC_UNUSED const CepaTextItem *item,
                                   G_GNUC_UNUSED GError **error)
{
  ((DescriptorReader *) document)->out->base.caches_extra_info = TRUE;
  return TRUE;
}

static gboolean
descriptor_read_tunnelled (gpointer document, G_GNUC_UNUSED const CepaTextItem *item, G_GNUC_UNUSED GError **error)
{
  ((DescriptorReader *) document)->out->base.is_directory = TRUE;
  return TRUE;
}

static gboolean
descriptor_read_ed_signature (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;
  const char *behind = item->keyword.text + item->keyword.len;
  CepaSlice rest = item->args, word;

  if (*behind != ' ' || !cepa_slice_next_word (&rest, &word)
      || !cepa_slice_to_base64 (word, self->descriptor->ed_signature, sizeof self->descriptor->ed_signature))
    return cepa_netdoc_refuse (error, "\"router-sig-ed25519\" without a signature of 64 bytes");
  self->descriptor->ed_signed_len = (gsize) (behind + 1 - self->out->base.text.text);
  self->ed_signature_place = self->n_items;
  return TRUE;
}

static gboolean
descriptor_read_signature (gpointer document, const CepaTextItem *item, GError **error)
{
  DescriptorReader *self = document;
  const char *newline = memchr (item->start, '\n', (gsize) (item->end - item->start));

  self->descriptor->rsa_signed_len = (gsize) (newline + 1 - self->out->base.text.text);
  self->rsa_signature_place = self->n_items;
  return descriptor_read_rsa_signature (item, "SIGNATURE", &self->descriptor->rsa_signature, error);
}

static const CepaItemRule descriptor_items[] = {
  { DESCRIPTOR_FIRST, CEPA_ITEM_REQUIRED, descriptor_read_router },
  { "identity-ed25519", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    descriptor_read_identity },
  { "master-key-ed25519", CEPA_ITEM_REQUIRED, descriptor_read_master_key },
  { "or-address", CEPA_ITEM_REPEATED, descriptor_read_or_address },
  { "platform", CEPA_ITEM_ONCE, descriptor_read_platform },
  { "proto", CEPA_ITEM_REQUIRED, descriptor_read_proto },
  { "published", CEPA_ITEM_REQUIRED, descriptor_read_published },
  { "fingerprint", CEPA_ITEM_ONCE, descriptor_read_fingerprint },
  { "hibernating", CEPA_ITEM_ONCE, descriptor_read_hibernating },
  { "uptime", CEPA_ITEM_ONCE, descriptor_read_uptime },
  { "bandwidth", CEPA_ITEM_REQUIRED, descriptor_read_bandwidth },
  { "onion-key", CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS, descriptor_read_onion_key },
  { "onion-key-crosscert", CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS, descriptor_read_onion_crosscert },
  { "ntor-onion-key", CEPA_ITEM_REQUIRED, descriptor_read_ntor_key },
  { "ntor-onion-key-crosscert", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT, descriptor_read_ntor_crosscert },
  { "signing-key", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    descriptor_read_signing_key },
  { "accept", CEPA_ITEM_REPEATED, descriptor_read_policy_line },
  { "reject", CEPA_ITEM_REPEATED, descriptor_read_policy_line },
  { "accept6", CEPA_ITEM_REPEATED, descriptor_read_policy6_line },
  { "reject6", CEPA_ITEM_REPEATED, descriptor_read_policy6_line },
  { "ipv6-policy", CEPA_ITEM_ONCE, descriptor_read_ipv6_policy },
  { "family", CEPA_ITEM_ONCE, descriptor_read_family },
  { "family-cert", CEPA_ITEM_REPEATED | CEPA_ITEM_MUST_OBJECT, descriptor_read_family_cert },
  { "contact", CEPA_ITEM_ONCE, NULL },
  { "caches-extra-info", CEPA_ITEM_NO_ARGUMENTS, descriptor_read_caches_extra_info },
  { "tunnelled-dir-server", CEPA_ITEM_NO_ARGUMENTS, descriptor_read_tunnelled },
  { "router-sig-ed25519", CEPA_ITEM_REQUIRED, descriptor_read_ed_signature },
  { "router-signature", CEPA_ITEM_REQUIRED | CEPA_ITEM_MUST_OBJECT | CEPA_ITEM_NO_ARGUMENTS,
    descriptor_read_signature },
};

G_STATIC_ASSERT (G_N_ELEMENTS (descriptor_items) <= 32);

/* What no item says alone. */
static gboolean
descriptor_check_whole (const DescriptorReader *self, GError **error)
{
  const CepaServerDescriptor *out = &self->out->base;

  if (self->rsa_signature_place != self->n_items || self->ed_signature_place + 1 != self->n_items)
    return cepa_netdoc_refuse (error, "\"router-sig-ed25519\" and \"router-signature\" are not the last items");
  if ((self->descriptor->onion_key != NULL) != self->has_onion_crosscert)
    return cepa_netdoc_refuse (error, "only one of \"onion-key\" and \"onion-key-crosscert\"");
  if (memcmp (self->master_key, out->ed25519_id, sizeof self->master_key) != 0)
    return cepa_netdoc_refuse (error, "\"master-key-ed25519\" is not the key of the certificate");
  if (self->has_fingerprint && memcmp (self->fingerprint, out->rsa_id, sizeof self->fingerprint) != 0)
    return cepa_netdoc_refuse (error, "\"fingerprint\" is not that of the identity key");
  if (self->out->policy->len == 0)
    return cepa_netdoc_refuse (error, "no exit policy");
  return TRUE;
}

static gboolean
descriptor_read_items (DescriptorReader *self, GError **error)
{
  const guint n_rules = G_N_ELEMENTS (descriptor_items);
  CepaSlice text = self->out->base.text;
  CepaTextCursor cursor;
  guint32 seen = 0;

  if (text.len > CEPA_SERVER_DESCRIPTOR_MAX_BYTES)
    return cepa_netdoc_refuse (error, "more than %d bytes", CEPA_SERVER_DESCRIPTOR_MAX_BYTES);
  cepa_text_cursor_init (&cursor, text.text, text.len);
  while (!cepa_text_cursor_is_done (&cursor))
    {
      CepaTextItem item;

      if (!cepa_text_cursor_next (&cursor, &item, error))
        return FALSE;
      self->n_items++;
      if (!cepa_item_rules_apply (descriptor_items, n_rules, &seen, self, &item, error))
        return FALSE;
    }
  return cepa_item_rules_check (descriptor_items, n_rules, seen, error) && descriptor_check_whole (self, error);
}

/* Annotations are of who wrote the file, and only one of them says anything here. */
static gboolean
descriptor_is_bridge (CepaSlice annotations)
{
  while (annotations.len > 0)
    {
      const char *newline = memchr (annotations.text, '\n', annotations.len);
      CepaSlice line = { annotations.text, newline != NULL ? (gsize) (newline - annotations.text) : annotations.len };
      CepaSlice word;

      annotations = cepa_slice_skip (annotations, line.len + (newline != NULL));
      if (cepa_slice_next_word (&line, &word) && cepa_slice_is (word, DESCRIPTOR_PURPOSE)
          && cepa_slice_next_word (&line, &word) && cepa_slice_is (word, "bridge"))
        return TRUE;
    }
  return FALSE;
}

static const char *
descriptor_next_line (const char *p, const char *end)
{
  const char *newline = memchr (p, '\n', (gsize) (end - p));

  return newline != NULL ? newline + 1 : end;
}

static gboolean
descriptor_is_start (const char *p, const char *end)
{
  const gsize len = strlen (DESCRIPTOR_FIRST);

  return (gsize) (end - p) > len && memcmp (p, DESCRIPTOR_FIRST, len) == 0 && (p[len] == ' ' || p[len] == '\t');
}

/* Takes one descriptor off @rest: the annotations before it and its text, without blank lines behind it. */
static void
descriptor_split (CepaSlice *rest, CepaSlice *annotations, CepaSlice *text)
{
  const char *start = rest->text, *end = start + rest->len, *p = start, *body, *last;

  while (p < end && *p == '@')
    p = descriptor_next_line (p, end);
  body = p;
  if (p < end)
    p = descriptor_next_line (p, end);
  while (p < end && *p != '@' && !descriptor_is_start (p, end))
    p = descriptor_next_line (p, end);
  last = p;
  while (last - body > 1 && last[-1] == '\n' && last[-2] == '\n')
    last--;

  *annotations = (CepaSlice) { start, (gsize) (body - start) };
  *text = (CepaSlice) { body, (gsize) (last - body) };
  *rest = (CepaSlice) { p, (gsize) (end - p) };
}

static CepaUnverifiedServerDescriptor *
descriptor_parse (CepaSlice annotations, CepaSlice text, GError **error)
{
  g_autoptr (CepaUnverifiedServerDescriptor) self = NULL;
  DescriptorReader reader = { .n_items = 0 };

  if (!descriptor_is_start (text.text, text.text + text.len))
    {
      cepa_netdoc_refuse (error, "text without \"router\" where a server descriptor should begin");
      return NULL;
    }
  self = reader.descriptor = g_new0 (CepaUnverifiedServerDescriptor, 1);
  self->out = reader.out = g_new0 (ServerDescriptor, 1);
  self->out->policy = g_array_new (FALSE, FALSE, sizeof (CepaSlice));
  self->family_certs = g_ptr_array_new_with_free_func (g_free);
  self->out->base.text = text;
  self->out->base.annotations = annotations;
  self->out->base.is_bridge = descriptor_is_bridge (annotations);
  if (!descriptor_read_items (&reader, error))
    {
      g_prefix_error (error, "server descriptor of %s: ",
                      self->out->base.nickname[0] != '\0' ? self->out->base.nickname : "somebody");
      return NULL;
    }
  cepa_sha1 (text.text, self->rsa_signed_len, self->out->base.digest);
  self->out->base.policy = (const CepaSlice *) (const void *) self->out->policy->data;
  self->out->base.n_policy = self->out->policy->len;
  return g_steal_pointer (&self);
}

CepaServerDescriptorStatus
cepa_unverified_server_descriptor_next (CepaSlice *rest, CepaUnverifiedServerDescriptor **out, GError **error)
{
  CepaUnverifiedServerDescriptor *read;
  CepaSlice annotations, text;

  while (rest->len > 0 && rest->text[0] == '\n')
    *rest = cepa_slice_skip (*rest, 1);
  if (rest->len == 0)
    return CEPA_SERVER_DESCRIPTOR_END;
  descriptor_split (rest, &annotations, &text);
  read = descriptor_parse (annotations, text, error);
  if (read == NULL)
    return CEPA_SERVER_DESCRIPTOR_BAD;
  *out = read;
  return CEPA_SERVER_DESCRIPTOR_GOOD;
}

void
cepa_unverified_server_descriptor_free (CepaUnverifiedServerDescriptor *self)
{
  if (self == NULL)
    return;
  if (self->out != NULL)
    cepa_server_descriptor_free (&self->out->base);
  g_clear_pointer (&self->rsa_key, cepa_rsa_key_free);
  g_clear_pointer (&self->onion_key, cepa_rsa_key_free);
  g_clear_pointer (&self->family_certs, g_ptr_array_unref);
  g_free (self);
}

const guint8 *
cepa_unverified_server_descriptor_get_digest (const CepaUnverifiedServerDescriptor *self)
{
  return self->out->base.digest;
}

/* The start of the one that @p is in; NULL when none begins so far before it as one may be long. */
static const char *
descriptor_find_start (const char *text, const char *p, const char *end)
{
  const char *first = p - MIN (p - text, CEPA_SERVER_DESCRIPTOR_MAX_BYTES);

  while (!((p == text || p[-1] == '\n') && descriptor_is_start (p, end)))
    {
      if (p == first)
        return NULL;
      p--;
    }
  return p;
}

gboolean
cepa_server_descriptor_find_text (CepaSlice text, const guint8 digest[20], const guint8 ntor_key[32], CepaSlice *out)
{
  g_autofree char *base64 = cepa_base64_encode_unpadded (ntor_key, 32);
  const char *p = text.text, *end = text.text + text.len, *start;

  while (p != NULL && (p = memmem (p, (gsize) (end - p), base64, strlen (base64))) != NULL)
    {
      g_autoptr (CepaUnverifiedServerDescriptor) found = NULL;
      CepaSlice rest;

      start = descriptor_find_start (text.text, p, end);
      p += strlen (base64);
      if (start == NULL)
        continue;
      rest = (CepaSlice) { start, (gsize) (end - start) };
      if (cepa_unverified_server_descriptor_next (&rest, &found, NULL) != CEPA_SERVER_DESCRIPTOR_GOOD
          || memcmp (found->out->base.digest, digest, sizeof found->out->base.digest) != 0)
        continue;
      *out = found->out->base.text;
      return TRUE;
    }
  return FALSE;
}
