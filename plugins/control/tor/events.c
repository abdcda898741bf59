/* SPDX-License-Identifier: BSD-3-Clause */
/* SETEVENTS, and events on their way to controllers. */
#include "events.h"

#include <string.h>

#include <cepa/loop.h>

#include "commands.h"
#include "text.h"

/* In C Tor's order. Without a bit: what cannot happen here (README.md says why), so that nobody misses any. What does
   happen but is not told, NS and CIRC_BW, is not in it. */
static const struct
{
  const char *name;
  guint event;
} tor_events_names[] = {
  { "CIRC", CEPA_TOR_EVENT_CIRC },
  { "CIRC_MINOR", CEPA_TOR_EVENT_CIRC_MINOR },
  { "STREAM", CEPA_TOR_EVENT_STREAM },
  { "ORCONN", CEPA_TOR_EVENT_ORCONN },
  { "BW", CEPA_TOR_EVENT_BW },
  { "DEBUG", CEPA_TOR_EVENT_DEBUG },
  { "INFO", CEPA_TOR_EVENT_INFO },
  { "NOTICE", CEPA_TOR_EVENT_NOTICE },
  { "WARN", CEPA_TOR_EVENT_WARN },
  { "ERR", CEPA_TOR_EVENT_ERR },
  { "NEWDESC", CEPA_TOR_EVENT_NEWDESC },
  { "ADDRMAP", 0 },
  { "DESCCHANGED", 0 },
  { "STATUS_GENERAL", CEPA_TOR_EVENT_STATUS_GENERAL },
  { "STATUS_CLIENT", CEPA_TOR_EVENT_STATUS_CLIENT },
  { "STATUS_SERVER", 0 },
  { "GUARD", CEPA_TOR_EVENT_GUARD },
  { "STREAM_BW", CEPA_TOR_EVENT_STREAM_BW },
  { "CLIENTS_SEEN", 0 },
  { "NEWCONSENSUS", CEPA_TOR_EVENT_NEWCONSENSUS },
  { "BUILDTIMEOUT_SET", CEPA_TOR_EVENT_BUILDTIMEOUT_SET },
  { "SIGNAL", CEPA_TOR_EVENT_SIGNAL },
  { "CONF_CHANGED", CEPA_TOR_EVENT_CONF_CHANGED },
  { "CONN_BW", 0 },
  { "CELL_STATS", 0 },
  { "TRANSPORT_LAUNCHED", 0 },
  { "HS_DESC", 0 },
  { "HS_DESC_CONTENT", 0 },
  { "NETWORK_LIVENESS", CEPA_TOR_EVENT_NETWORK_LIVENESS },
};

/* Names that C Tor takes and does nothing for. */
static const char *const tor_events_old_names[] = { "EXTENDED", "AUTHDIR_NEWDESCS" };

void
cepa_tor_events_append_names (GString *out)
{
  for (guint i = 0; i < G_N_ELEMENTS (tor_events_names); i++)
    g_string_append_printf (out, "%s%s", i > 0 ? " " : "", tor_events_names[i].name);
}

static gboolean
tor_events_find (const char *name, guint64 *mask)
{
  for (guint i = 0; i < G_N_ELEMENTS (tor_events_names); i++)
    if (g_ascii_strcasecmp (name, tor_events_names[i].name) == 0)
      {
        *mask |= tor_events_names[i].event;
        return TRUE;
      }
  for (guint i = 0; i < G_N_ELEMENTS (tor_events_old_names); i++)
    if (g_ascii_strcasecmp (name, tor_events_old_names[i]) == 0)
      return TRUE;
  return FALSE;
}

void
cepa_tor_command_setevents (CepaTorConnection *connection, const CepaTorCommand *command)
{
  g_autoptr (GPtrArray) words = cepa_tor_command_split (command->args);
  guint64 mask = 0;

  for (guint i = 0; i < words->len; i++)
    if (!tor_events_find (words->pdata[i], &mask))
      {
        g_autofree char *echo = cepa_tor_text_echo (words->pdata[i]);

        cepa_tor_connection_reply (connection, 552, "Unrecognized event \"%s\"", echo);
        return;
      }
  connection->event_mask = mask;
  cepa_tor_events_update (connection->control);
  cepa_tor_connection_reply (connection, 250, "OK");
}

static void
tor_events_deliver (void *user_data)
{
  CepaTorEvents *self = user_data;
  GPtrArray *connections = self->control->connections;

  /* Sending may log, and that must not become an event for the same turn. From the end: closed ones leave the list. */
  self->delivering = TRUE;
  for (guint i = connections->len; i > 0; i--)
    if (i <= connections->len)
      cepa_tor_connection_flush_events (connections->pdata[i - 1]);
  self->delivering = FALSE;
}

void
cepa_tor_events_emit (CepaTorControl *control, CepaTorEvent event, const char *text, gsize len)
{
  CepaTorEvents *self = control->events;
  gboolean wanted = FALSE;

  for (guint i = 0; i < control->connections->len && !self->delivering; i++)
    {
      CepaTorConnection *connection = control->connections->pdata[i];

      if ((connection->event_mask & event) == 0)
        continue;
      cepa_tor_connection_add_event (connection, text, len);
      wanted = TRUE;
    }
  if (wanted)
    cepa_host_timer_set (control->host, self->timer, 0);
}

void
cepa_tor_events_update (CepaTorControl *control)
{
  CepaTorEvents *self = control->events;
  guint64 mask = 0;

  for (guint i = 0; i < control->connections->len; i++)
    mask |= ((CepaTorConnection *) control->connections->pdata[i])->event_mask;
  if (self == NULL || mask == self->mask)
    return;
  self->mask = mask;
  cepa_tor_sources_update (self, mask);
  cepa_tor_bandwidth_update (self->bandwidth, mask);
}

void
cepa_tor_events_append_bootstrap (GString *out, GVariant *bootstrap, GVariant *skew)
{
  const char *tag, *summary, *source = "";
  gint64 skew_s = 0;
  guint32 percent;

  g_variant_get (bootstrap, "(u&s&s)", &percent, &tag, &summary);
  if (skew != NULL && percent < 100)
    g_variant_get (skew, "(x&s)", &skew_s, &source);
  g_string_append_printf (out, "%s BOOTSTRAP PROGRESS=%u TAG=", skew_s != 0 ? "WARN" : "NOTICE", percent);
  cepa_tor_text_append_word (out, tag);
  g_string_append (out, " SUMMARY=");
  cepa_tor_text_append_quoted (out, summary);
  if (skew_s != 0)
    {
      g_autofree char *warning = g_strdup_printf ("Clock skew %" G_GINT64_FORMAT " from %s", skew_s, source);

      g_string_append (out, " WARNING=");
      cepa_tor_text_append_quoted (out, warning);
      g_string_append (out, " REASON=CLOCK_SKEW COUNT=1 RECOMMENDATION=warn");
    }
}

CepaTorEvents *
cepa_tor_events_new (CepaTorControl *control)
{
  CepaTorEvents *self = g_new0 (CepaTorEvents, 1);

  self->control = control;
  self->timer = cepa_host_timer_new (control->host, tor_events_deliver, self);
  self->bandwidth = cepa_tor_bandwidth_new (control);
  cepa_tor_sources_update (self, 0);
  cepa_tor_sources_check_live (self);
  return self;
}

void
cepa_tor_events_free (CepaTorEvents *self)
{
  for (guint i = 0; i < CEPA_TOR_N_SOURCES; i++)
    cepa_vocabulary_unsubscribe (self->control->host, self->subscriptions[i]);
  cepa_host_timer_free (self->control->host, self->timer);
  cepa_tor_bandwidth_free (self->bandwidth);
  g_free (self);
}
