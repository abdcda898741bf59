/* SPDX-License-Identifier: BSD-3-Clause */
/* A request to metrics.prometheus: an answer is certain once the headers are complete, whatever comes behind, and only
   complete requests of a size get one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prometheus/request.h"

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
  g_autofree char *copy = g_memdup2 (data, size); /* of this size: a read beyond it is seen */
  g_autofree char *more = g_malloc (size + 4);
  gboolean is_head, again_is_head;
  CepaPrometheusStatus status = cepa_prometheus_parse_request (copy, size, &is_head), again;

  require (size < CEPA_PROMETHEUS_MAX_REQUEST || status != CEPA_PROMETHEUS_WAIT);
  require (status == CEPA_PROMETHEUS_WAIT || strlen (cepa_prometheus_status_name (status)) > 0);
  if (size > 0)
    memcpy (more, data, size);
  memcpy (more + size, "\r\n\r\n", 4);
  again = cepa_prometheus_parse_request (more, size + 4, &again_is_head);
  require (again != CEPA_PROMETHEUS_WAIT);
  require (status == CEPA_PROMETHEUS_WAIT || (status == again && is_head == again_is_head));
  return 0;
}
