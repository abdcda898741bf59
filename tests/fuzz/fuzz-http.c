/* SPDX-License-Identifier: BSD-3-Clause */
/* An answer of a directory server: nothing comes out that is larger than what was asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "directory/http.h"

#define MAX_SIZE (256 * 1024)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
require (gboolean condition)
{
  if (!condition)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  CepaHttpResponse response = { 0 };
  g_autoptr (GError) error = NULL, head_error = NULL;
  CepaHttpHead head;
  gboolean has_head = cepa_http_parse_head (data, size, &head, &head_error);

  if (cepa_http_parse_response (data, size, MAX_SIZE, &response, &error))
    {
      require (error == NULL && response.body != NULL);
      require (g_bytes_get_size (response.body) <= MAX_SIZE);
      require (response.status < 1000);
      require (has_head && cepa_http_head_is_whole (data, size));
      require (head.len <= size && head.status == response.status && head.date_s == response.date_s);
    }
  else
    require (error->domain == CEPA_ERROR && response.body == NULL);
  cepa_http_response_clear (&response);
  return 0;
}
