/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection's input, at once and byte by byte: both must come to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/socks.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct
{
  CepaSocks socks;
  CepaSocksStatus status;
  gsize done; /* bytes of the input consumed */
  GByteArray *reply;
} Talk;

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

static void
talk_run (Talk *talk, const guint8 *data, gsize size, gsize step)
{
  gsize have = 0;

  memset (talk, 0, sizeof *talk);
  talk->reply = g_byte_array_new ();
  do
    {
      gsize len, consumed = G_MAXSIZE;
      g_autofree guint8 *pending = NULL;
      g_autoptr (GError) error = NULL;

      have = MIN (size, have + step);
      len = have - talk->done;
      pending = g_memdup2 (data + talk->done, len);
      talk->status = cepa_socks_feed (&talk->socks, pending, len, &consumed, talk->reply, &error);
      require (consumed <= len);
      require ((talk->status == CEPA_SOCKS_REFUSED) == (error != NULL));
      talk->done += consumed;
      require (talk->status != CEPA_SOCKS_NEED_MORE || have - talk->done < CEPA_SOCKS_MAX_REQUEST);
    }
  while (talk->status == CEPA_SOCKS_NEED_MORE && have < size);
}

static void
talk_require_request (const Talk *talk)
{
  const CepaSocks *socks = &talk->socks;

  require (socks->port != 0 && socks->host[0] != '\0');
  require (memchr (socks->host, '\0', sizeof socks->host) != NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  Talk whole, pieces;

  if (size == 0)
    return 0;
  talk_run (&whole, data, size, size);
  talk_run (&pieces, data, size, 1);
  require (whole.status == pieces.status);
  require (whole.reply->len == pieces.reply->len);
  require (whole.reply->len == 0 || memcmp (whole.reply->data, pieces.reply->data, whole.reply->len) == 0);
  if (whole.status == CEPA_SOCKS_REQUEST)
    {
      talk_require_request (&whole);
      require (whole.done == pieces.done);
      require (memcmp (&whole.socks, &pieces.socks, sizeof whole.socks) == 0);
    }
  g_byte_array_unref (whole.reply);
  g_byte_array_unref (pieces.reply);
  return 0;
}
