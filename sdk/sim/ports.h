/* SPDX-License-Identifier: BSD-3-Clause */
/* The mix of ports that a simulated user asks for. */
#pragma once

#include <glib.h>

#include "random.h"

G_BEGIN_DECLS

/* Kinds of stream in one mix: tables are made for each. */
#define CEPA_SIM_MAX_PORTS 64

/* A kind of stream. */
typedef struct
{
  guint16 port;
  gboolean is_ipv6;
  gboolean is_stable; /* long-lived: all relays must be Stable */
  guint64 weight;     /* how likely it is, of @sum */
} CepaSimPort;

typedef struct
{
  guint n;
  CepaSimPort ports[CEPA_SIM_MAX_PORTS];
  guint64 sum; /* of the weights */
} CepaSimPorts;

/**
 * cepa_sim_ports_parse:
 * @text: entries between commas, blanks or line ends: PORT, PORT=WEIGHT, with "v6" behind the port for streams to IPv6
 *   addresses; "#" begins a comment. Weights are whole numbers, 1 when not given
 * @out: (out): the mix
 *
 * Ports of the daemon's default LongLivedPorts are long-lived.
 *
 * Returns: FALSE with CEPA_ERROR_CONFIG that names the entry.
 */
gboolean cepa_sim_ports_parse (const char *text, CepaSimPorts *out, GError **error);

/* Returns: the number of the kind that is asked for next. */
static inline guint
cepa_sim_ports_draw (const CepaSimPorts *self, CepaSimRandom *random)
{
  guint64 target;
  guint i = 0;

  if (self->n == 1)
    return 0;
  target = cepa_sim_random_below (random, self->sum);
  while (target >= self->ports[i].weight)
    target -= self->ports[i++].weight;
  return i;
}

G_END_DECLS
