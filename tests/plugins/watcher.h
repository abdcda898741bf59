/* SPDX-License-Identifier: BSD-3-Clause */
/* What the plugin metrics.watcher counts: its instance, which a test looks into. */
#pragma once

#include <cepa/cepa.h>

typedef struct
{
  const CepaHost *host;
  guint n_events[4]; /* channel, circuit, stream, cell */
  CepaEvent last;
} Watcher;
