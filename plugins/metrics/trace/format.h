/* SPDX-License-Identifier: BSD-3-Clause */
/* Events as lines of text; README.md says what is in them. */
#pragma once

#include <glib.h>

#include "ring.h"

G_BEGIN_DECLS

typedef enum
{
  CEPA_TRACE_JSON, /* an object in a line */
  CEPA_TRACE_CSV,  /* RFC 4180, but for the line's end, which is "\n" */
} CepaTraceFormat;

/* No line is longer: 13 members of at most 20 digits, with their names. */
#define CEPA_TRACE_MAX_LINE 512

/* The first line of a CSV file. */
#define CEPA_TRACE_CSV_HEADER \
  "time_ns,event,what,queued_ns,channel,circuit,stream,purpose,hops,command,relay_command,reason,value\n"

/* Returns: bytes written to @out, the last of which is "\n". */
gsize cepa_trace_format (CepaTraceFormat format, const CepaEvent *event, char out[CEPA_TRACE_MAX_LINE]);

G_END_DECLS
