/* SPDX-License-Identifier: BSD-3-Clause */
/* What an upstream proxy answers, at once and byte by byte: both must come to the same. The first byte of the input
   says to what: the protocol, and whether there is a login. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct
{
  CepaUpstreamTalk talk;
  CepaUpstreamStatus status;
  gsize done; /* bytes of the input taken */
  GByteArray *said;
} Talk;

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
talk_say (Talk *self)
{
  gsize len = self->talk.out_len;

  require (len <= sizeof self->talk.out);
  g_byte_array_append (self->said, self->talk.out, (guint) len);
  cepa_upstream_talk_sent (&self->talk, len);
}

static void
talk_run (Talk *self, guint8 how, const guint8 *data, gsize size, gsize step)
{
  static const CepaUpstreamProtocol *const protocols[]
      = { &cepa_upstream_socks4, &cepa_upstream_socks5, &cepa_upstream_https };
  static const CepaUpstreamLogin logins[] = { { NULL, NULL, NULL }, { "name", "word", "name:word" } };
  const CepaAddress relay = { .version = 4, .port = 9001, .bytes = { 192, 0, 2, 1 } };

  self->said = g_byte_array_new ();
  self->done = 0;
  self->status = CEPA_UPSTREAM_MORE;
  cepa_upstream_talk_init (&self->talk, protocols[how / 2 % 3], &logins[how % 2], &relay);
  talk_say (self);
  while (self->status == CEPA_UPSTREAM_MORE && self->done < size)
    {
      gsize len = MIN (step, size - self->done), used = G_MAXSIZE;
      g_autofree guint8 *piece = g_memdup2 (data + self->done, len);
      g_autoptr (GError) error = NULL;

      self->status = cepa_upstream_talk_feed (&self->talk, piece, len, &used, &error);
      require (used <= len && used > 0);
      require ((self->status == CEPA_UPSTREAM_FAILED) == (error != NULL));
      require (error == NULL || g_str_is_ascii (error->message));
      self->done += used;
      talk_say (self);
    }
  cepa_upstream_talk_clear (&self->talk);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Talk whole, pieces;

  if (size == 0)
    return 0;
  talk_run (&whole, data[0], data + 1, size - 1, G_MAXSIZE);
  talk_run (&pieces, data[0], data + 1, size - 1, 1);
  require (whole.status == pieces.status);
  require (whole.done == pieces.done || whole.status == CEPA_UPSTREAM_FAILED);
  require (whole.said->len == pieces.said->len && memcmp (whole.said->data, pieces.said->data, whole.said->len) == 0);
  g_byte_array_unref (whole.said);
  g_byte_array_unref (pieces.said);
  return 0;
}
