/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy.h"

#include <stdarg.h>
#include <string.h>

#include <cepa/error.h>

void
cepa_upstream_talk_init (CepaUpstreamTalk *self, const CepaUpstreamProtocol *protocol, const CepaUpstreamLogin *login,
                         const CepaAddress *relay)
{
  memset (self, 0, sizeof *self);
  self->protocol = protocol;
  self->login = login;
  self->relay = *relay;
  protocol->begin (self);
}

void
cepa_upstream_talk_clear (CepaUpstreamTalk *self)
{
  explicit_bzero (self, sizeof *self);
}

void
cepa_upstream_talk_sent (CepaUpstreamTalk *self, gsize len)
{
  g_return_if_fail (len <= self->out_len);
  memmove (self->out, self->out + len, self->out_len - len);
  self->out_len -= len;
  explicit_bzero (self->out + self->out_len, len);
}

CepaUpstreamStatus
cepa_upstream_talk_feed (CepaUpstreamTalk *self, const guint8 *data, gsize len, gsize *used, GError **error)
{
  CepaUpstreamStatus status = CEPA_UPSTREAM_MORE;

  *used = 0;
  while (status == CEPA_UPSTREAM_MORE && self->out_len == 0 && *used < len)
    {
      gsize n = MIN (len - *used, self->wanted - self->in_len);

      memcpy (self->in + self->in_len, data + *used, n);
      self->in_len += n;
      *used += n;
      if (self->in_len == self->wanted)
        status = self->protocol->answer (self, error);
    }
  return status;
}

CepaUpstreamStatus
cepa_upstream_talk_fail (const CepaUpstreamTalk *self, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_NETWORK, "the %s proxy %s", self->protocol->name, what);
  return CEPA_UPSTREAM_FAILED;
}

void
cepa_upstream_talk_put (CepaUpstreamTalk *self, const void *data, gsize len)
{
  g_return_if_fail (len <= sizeof self->out - self->out_len);
  memcpy (self->out + self->out_len, data, len);
  self->out_len += len;
}
