/* SPDX-License-Identifier: BSD-3-Clause */
/* What machines for padding are for, and what they are told. */
#ifndef CEPA_PADDING_EVENT_H
#define CEPA_PADDING_EVENT_H

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

/* What a machine pads. */
typedef enum
{
  CEPA_PADDING_CHANNEL = 0, /* one machine for a link to a relay: padding is PADDING cells, blocking is not there */
  CEPA_PADDING_CIRCUIT = 1, /* one machine for a circuit: padding is DROP messages */
} CepaPaddingScope;

/* What a machine is for. */
typedef struct
{
  uint32_t size;         /* of this struct as the host knows it, bytes */
  uint32_t scope;        /* CepaPaddingScope */
  uint64_t number;       /* of the channel or circuit, as in events */
  uint32_t purpose;      /* of a circuit: CepaPathPurpose */
  uint32_t n_hops;       /* of a circuit: how many hops it will have */
  uint32_t link_version; /* of a channel: 5 can negotiate padding */
  uint32_t reserved;     /* 0 */
} CepaPaddingTarget;

/* What a machine is told. One that it does not know is nothing to it. */
typedef enum
{
  CEPA_PADDING_NORMAL_SENT = 0,      /* a cell with a purpose was queued; several are told at once, by count */
  CEPA_PADDING_NORMAL_RECEIVED = 1,
  CEPA_PADDING_PADDING_SENT = 2,
  CEPA_PADDING_PADDING_RECEIVED = 3,
  CEPA_PADDING_TUNNEL_SENT = 4,      /* cells of any kind left for the network */
  CEPA_PADDING_TUNNEL_RECEIVED = 5,
  CEPA_PADDING_BLOCKING_BEGIN = 6,
  CEPA_PADDING_BLOCKING_END = 7,
  CEPA_PADDING_TIMER_BEGIN = 8,      /* the internal timer was set */
  CEPA_PADDING_TIMER_END = 9,        /* it has come */
  CEPA_PADDING_IN_USE = 10,          /* a channel carries circuits for applications; a circuit has streams */
  CEPA_PADDING_UNUSED = 11,          /* not any more */
  CEPA_PADDING_OPENED = 12,          /* the circuit is built; the channel is open */
  CEPA_PADDING_REFUSED = 13,         /* the budget, or a full queue, did not allow an action, which was dropped */
  CEPA_PADDING_STREAM = 14,          /* a channel, once: a stream of an application was begun on it */
} CepaPaddingEventType;

/* An event. It never grows. */
typedef struct
{
  uint32_t type;  /* CepaPaddingEventType */
  uint32_t count; /* how many of them, at least 1 */
} CepaPaddingEvent;

G_END_DECLS

#endif
