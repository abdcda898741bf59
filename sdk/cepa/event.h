/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to channels, circuits, streams and cells, as fixed records without names or payload. */
#ifndef CEPA_EVENT_H
#define CEPA_EVENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kinds of events, as bits: of CepaEvent.kind and cepa_metrics_want(). */
enum
{
  CEPA_EVENT_CHANNEL = 1u << 0,
  CEPA_EVENT_CIRCUIT = 1u << 1,
  CEPA_EVENT_STREAM = 1u << 2,
  CEPA_EVENT_CELL = 1u << 3,
};

/* What happened to a channel: CepaEvent.what of CEPA_EVENT_CHANNEL. */
typedef enum
{
  CEPA_CHANNEL_EVENT_LAUNCHED = 0,
  CEPA_CHANNEL_EVENT_OPENED = 1, /* the link handshake is done */
  CEPA_CHANNEL_EVENT_FAILED = 2, /* it never opened */
  CEPA_CHANNEL_EVENT_ENDED = 3,  /* it had opened */
} CepaChannelEvent;

/* What happened to a circuit: CepaEvent.what of CEPA_EVENT_CIRCUIT. */
typedef enum
{
  CEPA_CIRCUIT_EVENT_LAUNCHED = 0,
  CEPA_CIRCUIT_EVENT_EXTENDED = 1, /* n hops are there; behind BUILT it was made longer */
  CEPA_CIRCUIT_EVENT_BUILT = 2,    /* all that it was begun with are there: once */
  CEPA_CIRCUIT_EVENT_FAILED = 3, /* it was never built */
  CEPA_CIRCUIT_EVENT_ENDED = 4,  /* it had been built */
} CepaCircuitEvent;

/* What happened to a stream: CepaEvent.what of CEPA_EVENT_STREAM. */
typedef enum
{
  CEPA_STREAM_EVENT_NEW = 0,       /* an application asked */
  CEPA_STREAM_EVENT_ATTACHED = 1,  /* BEGIN was sent on circuit */
  CEPA_STREAM_EVENT_SUCCEEDED = 2, /* CONNECTED came */
  CEPA_STREAM_EVENT_DETACHED = 3,  /* it left circuit and goes on with another; reason of END */
  CEPA_STREAM_EVENT_FAILED = 4,    /* it never succeeded; reason of END */
  CEPA_STREAM_EVENT_ENDED = 5,     /* it had succeeded; reason of END */
} CepaStreamEvent;

/* What happened to a cell: CepaEvent.what of CEPA_EVENT_CELL. */
typedef enum
{
  CEPA_CELL_EVENT_RECEIVED = 0, /* time_ns: when it was taken out of TLS */
  CEPA_CELL_EVENT_SENT = 1,     /* queued_ns, and time_ns: when it was given to TLS */
} CepaCellEvent;

/**
 * CepaEvent:
 *
 * Something that happened. Valid during the call that gives it. Members that do not belong to the kind are zero.
 * Events of one thing come in the order of its life, each once; what has ended is told before what it was on. The clock
 * counts microseconds, and is read once for all cells that were received, or written, in one turn of the loop: their
 * @time_ns is the same.
 */
typedef struct _CepaEvent
{
  uint32_t size;          /* of this struct as the host knows it, bytes */
  uint32_t kind;          /* one bit of CEPA_EVENT_* */
  uint32_t what;          /* of the kind's enumeration */
  uint32_t reason;        /* of DESTROY or TRUNCATED, or of END, as on the wire; 0 for none or our own. Of a stream
                             also what a controller gave, and 5 (DESTROY) when its circuit went */
  int64_t time_ns;        /* when, in nanoseconds of the clock of cepa_host_monotonic_us() */
  int64_t queued_ns;      /* of CEPA_CELL_EVENT_SENT: when it was queued; the same clock */
  uint64_t channel;       /* the number of the channel; numbers count up from 1 in one run, 0 for none */
  uint64_t circuit;       /* the number of the circuit, likewise */
  uint64_t stream;        /* the number of the stream, likewise */
  uint32_t purpose;       /* of a circuit: CepaPathPurpose */
  uint32_t n;             /* of a circuit: hops that are there */
  uint32_t command;       /* of a cell: its command on the link */
  uint32_t relay_command; /* of a relay cell that is for us or from us; 0 otherwise */
} CepaEvent;

#ifdef __cplusplus
}
#endif

#endif
