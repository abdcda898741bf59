/* SPDX-License-Identifier: BSD-3-Clause */
/* An event sink that writes down what it is told, and fails the test when the life of a thing is told in another order
   than it can have. */
#pragma once

#include <cepa/event.h>

#include "base/event-sink.h"

G_BEGIN_DECLS

/**
 * EventLog:
 * @lines: an event a line, of those in @shown: "channel 1 launched", "circuit 7 extended 2", "stream 3 failed on 7
 *   reason 4 why", "cell 1/7 received 3 relay 4"
 * @shown: CEPA_EVENT_*; all but cells
 * @cells: (element-type CepaEvent): those of cells, when @sink.wanted has them
 */
typedef struct
{
  CepaEventSink sink; /* first */
  GString *lines;
  guint32 shown;
  GArray *cells;
  GHashTable *lives; /* private */
} EventLog;

void event_log_init (EventLog *self, const CepaClock *clock);

/* Everything that began must have ended. */
void event_log_clear (EventLog *self);

/* Asserts that the lines since the last call are these, and forgets them. */
void event_log_expect (EventLog *self, const char *lines);

/* How many lines there are that begin like that. */
guint event_log_count (const EventLog *self, const char *beginning);

G_END_DECLS
