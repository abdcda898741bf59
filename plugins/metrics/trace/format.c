/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"

#include <cepa/types.h>
#include <string.h>

/* Members behind time, event and what, in the order of the columns. */
typedef enum
{
  FORMAT_QUEUED,
  FORMAT_CHANNEL,
  FORMAT_CIRCUIT,
  FORMAT_STREAM,
  FORMAT_PURPOSE,
  FORMAT_HOPS,
  FORMAT_COMMAND,
  FORMAT_RELAY_COMMAND,
  FORMAT_REASON,
  FORMAT_VALUE,
  FORMAT_N_FIELDS,
} FormatField;

static const char *const format_fields[FORMAT_N_FIELDS]
    = { "queued_ns", "channel", "circuit", "stream", "purpose", "hops", "command", "relay_command", "reason", "value" };

#define FORMAT_MAX_WHATS 6

/* What there is of each kind; @fields: bits 1 << FormatField. */
typedef struct
{
  guint32 kind;
  const char *name;
  guint32 fields;
  const char *whats[FORMAT_MAX_WHATS]; /* (nullable elements) */
} FormatKind;

static const FormatKind format_kinds[] = {
  { CEPA_EVENT_CELL, "cell",
    1u << FORMAT_CHANNEL | 1u << FORMAT_CIRCUIT | 1u << FORMAT_COMMAND | 1u << FORMAT_RELAY_COMMAND,
    { "received", "sent" } },
  { CEPA_EVENT_STREAM, "stream", 1u << FORMAT_CIRCUIT | 1u << FORMAT_STREAM | 1u << FORMAT_REASON,
    { "new", "attached", "succeeded", "detached", "failed", "ended" } },
  { CEPA_EVENT_CIRCUIT, "circuit",
    1u << FORMAT_CHANNEL | 1u << FORMAT_CIRCUIT | 1u << FORMAT_PURPOSE | 1u << FORMAT_HOPS | 1u << FORMAT_REASON,
    { "launched", "extended", "built", "failed", "ended" } },
  { CEPA_EVENT_CHANNEL, "channel", 1u << FORMAT_CHANNEL, { "launched", "opened", "failed", "ended" } },
  { CEPA_TRACE_OWN, "trace", 1u << FORMAT_VALUE, { "started", "lost", "stopped" } },
};

/* Any that a later host has. */
static const FormatKind format_other = { 0, "other", 0, { NULL } };

static const FormatKind *
format_find (const CepaEvent *event)
{
  for (guint i = 0; i < G_N_ELEMENTS (format_kinds); i++)
    if (format_kinds[i].kind == event->kind)
      return &format_kinds[i];
  return &format_other;
}

static char *
format_text (char *to, const char *text)
{
  gsize len = strlen (text);

  memcpy (to, text, len);
  return to + len;
}

static char *
format_number (char *to, gint64 value)
{
  char digits[20];
  guint n = 0;
  guint64 left = value < 0 ? -(guint64) value : (guint64) value;

  if (value < 0)
    *to++ = '-';
  do
    digits[n++] = (char) ('0' + left % 10);
  while ((left /= 10) > 0);
  while (n > 0)
    *to++ = digits[--n];
  return to;
}

static const char *
format_purpose (guint32 purpose)
{
  static const char *const names[] = { "general", "internal", "directory" };

  return purpose < G_N_ELEMENTS (names) ? names[purpose] : "other";
}

static gint64
format_get (const CepaEvent *event, FormatField field)
{
  switch (field)
    {
    case FORMAT_CHANNEL:
      return (gint64) event->channel;
    case FORMAT_CIRCUIT:
      return (gint64) event->circuit;
    case FORMAT_STREAM:
      return (gint64) event->stream;
    case FORMAT_HOPS:
      return event->n;
    case FORMAT_COMMAND:
      return event->command;
    case FORMAT_RELAY_COMMAND:
      return event->relay_command;
    case FORMAT_REASON:
      return event->reason;
    default: /* FORMAT_QUEUED, FORMAT_VALUE */
      return event->queued_ns;
    }
}

static char *
format_json_field (char *to, const CepaEvent *event, FormatField field)
{
  to = format_text (to, ",\"");
  to = format_text (to, format_fields[field]);
  to = format_text (to, "\":");
  if (field != FORMAT_PURPOSE)
    return format_number (to, format_get (event, field));
  to = format_text (to, "\"");
  to = format_text (to, format_purpose (event->purpose));
  return format_text (to, "\"");
}

static char *
format_csv_field (char *to, const CepaEvent *event, FormatField field)
{
  if (field == FORMAT_PURPOSE)
    return format_text (to, format_purpose (event->purpose));
  return format_number (to, format_get (event, field));
}

gsize
cepa_trace_format (CepaTraceFormat format, const CepaEvent *event, char out[CEPA_TRACE_MAX_LINE])
{
  const FormatKind *kind = format_find (event);
  const char *what = event->what < FORMAT_MAX_WHATS ? kind->whats[event->what] : NULL;
  guint32 fields = kind->fields;
  gboolean is_json = format == CEPA_TRACE_JSON;
  char *to = format_text (out, is_json ? "{\"time_ns\":" : "");

  if (kind->kind == CEPA_EVENT_CELL && event->what == CEPA_CELL_EVENT_SENT)
    fields |= 1u << FORMAT_QUEUED;
  to = format_number (to, event->time_ns);
  to = format_text (to, is_json ? ",\"event\":\"" : ",");
  to = format_text (to, kind->name);
  to = format_text (to, is_json ? "\",\"what\":\"" : ",");
  to = format_text (to, what != NULL ? what : "other");
  to = format_text (to, is_json ? "\"" : "");
  for (guint field = 0; field < FORMAT_N_FIELDS; field++)
    {
      gboolean is_there = (fields & 1u << field) != 0;

      if (!is_json)
        *to++ = ',';
      if (is_there)
        to = is_json ? format_json_field (to, event, field) : format_csv_field (to, event, field);
    }
  to = format_text (to, is_json ? "}\n" : "\n");
  return (gsize) (to - out);
}
