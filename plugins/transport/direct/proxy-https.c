/* SPDX-License-Identifier: BSD-3-Clause */
/* An HTTP proxy's CONNECT (RFC 9110), with a name and password by RFC 7617. The requests look as C Tor's do. */
#include "proxy.h"

#include <string.h>

#include "address.h"

/* "HTTP/1.1 200" */
#define HTTPS_STATUS_LEN 12

#define HTTPS_MAX_SHOWN 60

enum
{
  HTTPS_STATUS_LINE,
  HTTPS_HEADERS,
};

static void
https_begin (CepaUpstreamTalk *self)
{
  char relay[CEPA_ADDRESS_TEXT_LEN], request[CEPA_UPSTREAM_MAX_OUT];
  const char *login = self->login->authenticator;
  int n;

  cepa_direct_address_format (&self->relay, relay);
  if (login != NULL)
    {
      char *encoded = g_base64_encode ((const guchar *) login, strnlen (login, CEPA_UPSTREAM_MAX_AUTHENTICATOR));

      n = g_snprintf (request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Basic %s\r\n\r\n",
                      relay, relay, encoded);
      explicit_bzero (encoded, strlen (encoded));
      g_free (encoded);
    }
  else
    n = g_snprintf (request, sizeof request, "CONNECT %s HTTP/1.0\r\n\r\n", relay);
  cepa_upstream_talk_put (self, request, (gsize) n);
  explicit_bzero (request, sizeof request);
  self->wanted = 1;
}

/* What the proxy wrote behind the number, to be shown. */
static char *
https_show_reason (const CepaUpstreamTalk *self)
{
  GString *shown = g_string_new (NULL);

  for (gsize i = HTTPS_STATUS_LEN; i < self->in_len && shown->len < HTTPS_MAX_SHOWN; i++)
    if (self->in[i] != '\r' && self->in[i] != '\n')
      g_string_append_c (shown, g_ascii_isprint (self->in[i]) && self->in[i] != '"' ? (char) self->in[i] : '?');
  return g_string_free (shown, FALSE);
}

static CepaUpstreamStatus
https_status (CepaUpstreamTalk *self, GError **error)
{
  static const char version[] = "HTTP/1.";
  g_autofree char *reason = NULL;
  guint status = 0;

  for (gsize i = 0; i < MIN (self->in_len, HTTPS_STATUS_LEN); i++)
    {
      guint8 c = self->in[i];
      gboolean fits = i < 7 ? c == (guint8) version[i] : i == 8 ? c == ' ' : g_ascii_isdigit (c);

      if (!fits)
        return cepa_upstream_talk_fail (self, error, "does not answer in HTTP/1");
      if (i > 8)
        status = status * 10 + (guint) (c - '0');
    }
  if (self->in_len > HTTPS_STATUS_LEN && strchr (" \r\n", self->in[HTTPS_STATUS_LEN]) == NULL)
    return cepa_upstream_talk_fail (self, error, "answers with a status of more than three digits");
  if (self->in[self->in_len - 1] != '\n')
    return CEPA_UPSTREAM_MORE;
  /* Any of 2xx opens the tunnel: RFC 9110, 9.3.6. */
  if (status / 100 == 2)
    return CEPA_UPSTREAM_DONE;
  if (status == 407)
    return cepa_upstream_talk_fail (self, error, "%s", self->login->authenticator != NULL
                                                             ? "refused the user name or the password"
                                                             : "wants a user name and a password, and none are set for it");
  reason = https_show_reason (self);
  return cepa_upstream_talk_fail (self, error, "refused with status %u \"%s\"", status, g_strstrip (reason));
}

/* Called for each byte: what is behind the empty line is not ours. */
static CepaUpstreamStatus
https_answer (CepaUpstreamTalk *self, GError **error)
{
  guint8 c = self->in[self->in_len - 1];
  gboolean is_empty_line = c == '\n' && self->n_line == 0;

  if (++self->n_header > CEPA_UPSTREAM_MAX_HEADER)
    return cepa_upstream_talk_fail (self, error, "answers with more than %d bytes", CEPA_UPSTREAM_MAX_HEADER);
  if (c == '\n')
    self->n_line = 0;
  else if (c != '\r')
    self->n_line++;
  if (self->stage == HTTPS_STATUS_LINE)
    {
      CepaUpstreamStatus status = https_status (self, error);

      if (status == CEPA_UPSTREAM_FAILED)
        return status;
      if (status == CEPA_UPSTREAM_DONE)
        self->stage = HTTPS_HEADERS;
      /* Of a longer line the end is not kept, but for the place of its last byte. */
      self->in_len = MIN (self->in_len, sizeof self->in - 1);
      self->wanted = self->in_len + 1;
      return CEPA_UPSTREAM_MORE;
    }
  self->in_len = 0;
  self->wanted = 1;
  return is_empty_line ? CEPA_UPSTREAM_DONE : CEPA_UPSTREAM_MORE;
}

const CepaUpstreamProtocol cepa_upstream_https = { "HTTPS", 443, TRUE, https_begin, https_answer };
