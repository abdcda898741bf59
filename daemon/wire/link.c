/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/link.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/writer.h"

#define LINK_MIN_VERSION 3
#define LINK_MAX_VERSION 5
#define LINK_CHALLENGE_LEN 32
#define LINK_ADDRESS_IPV4 4
#define LINK_ADDRESS_IPV6 6

gsize
cepa_versions_write (guint8 out[11])
{
  static const guint8 cell[] = { 0, 0, CEPA_CELL_VERSIONS, 0, 2 * (LINK_MAX_VERSION - LINK_MIN_VERSION + 1),
                                 0, 3, 0, 4, 0, 5 };

  memcpy (out, cell, sizeof cell);
  return sizeof cell;
}

guint
cepa_versions_choose (const guint8 *body, gsize len)
{
  guint best = 0;
  CepaReader reader;

  if (len % 2 != 0)
    return 0;
  cepa_reader_init (&reader, body, len);
  while (reader.left > 0)
    {
      guint version = cepa_reader_u16 (&reader);

      if (version >= LINK_MIN_VERSION && version <= LINK_MAX_VERSION)
        best = MAX (best, version);
    }
  return best;
}

gboolean
cepa_certs_parse (const guint8 *body, gsize len, CepaLinkCert *certs, guint *n_certs, GError **error)
{
  CepaLinkCert found[CEPA_LINK_MAX_CERTS];
  CepaReader reader;
  guint n;

  cepa_reader_init (&reader, body, len);
  n = cepa_reader_u8 (&reader);
  if (n > CEPA_LINK_MAX_CERTS)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                   "a CERTS cell has %u certificates, %u are the limit", n, CEPA_LINK_MAX_CERTS);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    {
      found[i].type = cepa_reader_u8 (&reader);
      found[i].len = cepa_reader_u16 (&reader);
      found[i].data = cepa_reader_take (&reader, found[i].len);
    }
  if (reader.failed)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "a CERTS cell ends within its certificates");
      return FALSE;
    }
  memcpy (certs, found, n * sizeof *certs);
  *n_certs = n;
  return TRUE;
}

gboolean
cepa_auth_challenge_parse (const guint8 *body, gsize len, guint *n_methods, GError **error)
{
  CepaReader reader;
  guint n;

  cepa_reader_init (&reader, body, len);
  cepa_reader_take (&reader, LINK_CHALLENGE_LEN);
  n = cepa_reader_u16 (&reader);
  cepa_reader_take (&reader, 2 * (gsize) n);
  if (reader.failed)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL,
                   "an AUTH_CHALLENGE cell is shorter than its methods");
      return FALSE;
    }
  *n_methods = n;
  return TRUE;
}

static void
link_read_address (CepaReader *reader, CepaNetinfoAddress *out)
{
  guint8 type = cepa_reader_u8 (reader), len = cepa_reader_u8 (reader);
  const guint8 *bytes = cepa_reader_take (reader, len);
  gboolean known = (type == LINK_ADDRESS_IPV4 && len == 4) || (type == LINK_ADDRESS_IPV6 && len == 16);

  memset (out, 0, sizeof *out);
  if (bytes == NULL || !known)
    return;
  out->len = len;
  memcpy (out->bytes, bytes, len);
}

gboolean
cepa_netinfo_parse (const guint8 *body, gsize len, CepaNetinfo *out, GError **error)
{
  CepaNetinfo netinfo = { 0 };
  CepaReader reader;
  guint n;

  cepa_reader_init (&reader, body, len);
  netinfo.timestamp_s = cepa_reader_u32 (&reader);
  link_read_address (&reader, &netinfo.ours);
  n = cepa_reader_u8 (&reader);
  for (guint i = 0; i < n; i++)
    {
      CepaNetinfoAddress beyond, *address = &beyond;

      if (netinfo.n_theirs < G_N_ELEMENTS (netinfo.theirs))
        address = &netinfo.theirs[netinfo.n_theirs++];
      link_read_address (&reader, address);
    }
  if (reader.failed)
    {
      g_set_error (error, CEPA_ERROR, CEPA_ERROR_PROTOCOL, "a NETINFO cell ends within its addresses");
      return FALSE;
    }
  *out = netinfo;
  return TRUE;
}

void
cepa_netinfo_write (const CepaNetinfoAddress *peer, guint8 body[CEPA_CELL_BODY_LEN])
{
  static const CepaNetinfoAddress unknown = { .len = 4 };
  const CepaNetinfoAddress *address = peer->len == 4 || peer->len == 16 ? peer : &unknown;
  CepaWriter writer;

  memset (body, 0, CEPA_CELL_BODY_LEN);
  cepa_writer_init (&writer, body, CEPA_CELL_BODY_LEN);
  cepa_writer_u32 (&writer, 0);
  cepa_writer_u8 (&writer, address->len == 4 ? LINK_ADDRESS_IPV4 : LINK_ADDRESS_IPV6);
  cepa_writer_u8 (&writer, address->len);
  cepa_writer_bytes (&writer, address->bytes, address->len);
  cepa_writer_u8 (&writer, 0);
}
