/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals of the vocabulary, and the events that they become. */
#include <string.h>

#include "connection.h"
#include "describe.h"
#include "events.h"
#include "text.h"

/* Ends the line, and queues it. */
static void
tor_sources_emit (CepaTorEvents *self, CepaTorEvent event, GString *line)
{
  g_string_append (line, "\r\n");
  cepa_tor_events_emit (self->control, event, line->str, line->len);
}

static void
tor_sources_emit_text (CepaTorEvents *self, CepaTorEvent event, const char *text)
{
  g_autoptr (GString) line = g_string_new (text);

  tor_sources_emit (self, event, line);
}

/* "650 CIRC " and what @describe says of a signal (tsa{sv}). */
static void
tor_sources_emit_object (CepaTorEvents *self, CepaTorEvent event, const char *name, GVariant *args,
                         void (*describe) (GString *out, guint64 id, const char *what, GVariant *object))
{
  g_autoptr (GString) line = g_string_new (name);
  g_autoptr (GVariant) object = g_variant_get_child_value (args, 2);
  gsize head = line->len;
  const char *what;
  guint64 id;

  g_variant_get_child (args, 0, "t", &id);
  g_variant_get_child (args, 1, "&s", &what);
  describe (line, id, what, object);
  if (line->len > head)
    tor_sources_emit (self, event, line);
}

/* ---- STATUS_CLIENT ---- */

static gboolean
tor_sources_get_flag (CepaTorEvents *self, const char *property)
{
  g_autoptr (GVariant) value = cepa_tor_get (self->control, "Client1", property, "b");

  return value != NULL && g_variant_get_boolean (value);
}

/* What has no signal of its own changes only where others are told. */
static void
tor_sources_check_status (CepaTorEvents *self)
{
  gboolean has_directory = tor_sources_get_flag (self, "HasDirectory");
  gboolean is_ready = tor_sources_get_flag (self, "IsReady");

  if (has_directory != self->has_directory)
    tor_sources_emit_text (self, CEPA_TOR_EVENT_STATUS_CLIENT,
                           has_directory ? "650 STATUS_CLIENT NOTICE ENOUGH_DIR_INFO"
                                         : "650 STATUS_CLIENT NOTICE NOT_ENOUGH_DIR_INFO");
  if (is_ready && !self->is_ready)
    tor_sources_emit_text (self, CEPA_TOR_EVENT_STATUS_CLIENT, "650 STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED");
  self->has_directory = has_directory;
  self->is_ready = is_ready;
}

static void
tor_sources_on_bootstrapped (void *user_data, G_GNUC_UNUSED const char *interface_name,
                             G_GNUC_UNUSED const char *signal, GVariant *args)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GString) line = g_string_new ("650 STATUS_CLIENT ");

  cepa_tor_events_append_bootstrap (line, args, NULL);
  tor_sources_emit (self, CEPA_TOR_EVENT_STATUS_CLIENT, line);
  tor_sources_check_status (self);
}

/* As C Tor: one line for whoever watches, and while there is no circuit yet, one that says what may be in the way. */
static void
tor_sources_on_skewed (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                       GVariant *args)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GVariant) bootstrap = cepa_tor_get (self->control, "Client1", "Bootstrap", "(uss)");
  g_autoptr (GString) general = g_string_new ("650 STATUS_GENERAL WARN CLOCK_SKEW SKEW=");
  g_autoptr (GString) client = g_string_new ("650 STATUS_CLIENT ");
  const char *source;
  gint64 skew;

  g_variant_get (args, "(x&s)", &skew, &source);
  if (skew == 0)
    return;
  g_string_append_printf (general, "%" G_GINT64_FORMAT " SOURCE=", skew);
  cepa_tor_text_append_word (general, source);
  tor_sources_emit (self, CEPA_TOR_EVENT_STATUS_GENERAL, general);
  if (bootstrap == NULL || tor_sources_get_flag (self, "IsReady"))
    return;
  cepa_tor_events_append_bootstrap (client, bootstrap, args);
  tor_sources_emit (self, CEPA_TOR_EVENT_STATUS_CLIENT, client);
}

/* ---- circuits, streams, channels ---- */

static void
tor_sources_on_circuit (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                        GVariant *args)
{
  CepaTorEvents *self = user_data;

  tor_sources_emit_object (self, CEPA_TOR_EVENT_CIRC, "650 CIRC ", args, cepa_tor_describe_circuit);
  tor_sources_emit_object (self, CEPA_TOR_EVENT_CIRC_MINOR, "650 CIRC_MINOR ", args, cepa_tor_describe_minor);
  tor_sources_emit_object (self, CEPA_TOR_EVENT_CIRC_MINOR, "650 CIRC_MINOR ", args, cepa_tor_describe_taken);
  if ((self->mask & CEPA_TOR_EVENT_STATUS_CLIENT) != 0)
    tor_sources_check_status (self);
}

static void
tor_sources_on_build_timeout (void *user_data, G_GNUC_UNUSED const char *interface_name,
                              G_GNUC_UNUSED const char *signal, GVariant *args)
{
  g_autoptr (GVariant) figures = g_variant_get_child_value (args, 1);
  g_autoptr (GString) line = g_string_new ("650 BUILDTIMEOUT_SET ");
  const char *cause;

  g_variant_get_child (args, 0, "&s", &cause);
  cepa_tor_describe_build_timeout (line, cause, figures);
  tor_sources_emit (user_data, CEPA_TOR_EVENT_BUILDTIMEOUT_SET, line);
}

static void
tor_sources_on_guard (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                      GVariant *args)
{
  g_autoptr (GString) line = g_string_new ("650 GUARD ");
  g_autoptr (GVariant) guard = g_variant_get_child_value (args, 1);
  gsize head = line->len;
  const char *what;

  g_variant_get_child (args, 0, "&s", &what);
  cepa_tor_describe_guard (line, what, guard);
  if (line->len > head)
    tor_sources_emit (user_data, CEPA_TOR_EVENT_GUARD, line);
}

static void
tor_sources_on_stream (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                       GVariant *args)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GVariant) stream = g_variant_get_child_value (args, 2);
  const char *what;
  guint64 id;

  g_variant_get_child (args, 0, "t", &id);
  g_variant_get_child (args, 1, "&s", &what);
  if (g_str_equal (what, "closed") || g_str_equal (what, "failed"))
    cepa_tor_bandwidth_end_stream (self->bandwidth, id, stream);
  tor_sources_emit_object (self, CEPA_TOR_EVENT_STREAM, "650 STREAM ", args, cepa_tor_describe_stream);
}

static void
tor_sources_set_live (CepaTorEvents *self, gboolean is_live)
{
  if (is_live == self->is_live)
    return;
  self->is_live = is_live;
  tor_sources_emit_text (self, CEPA_TOR_EVENT_NETWORK_LIVENESS,
                         is_live ? "650 NETWORK_LIVENESS UP" : "650 NETWORK_LIVENESS DOWN");
}

static void
tor_sources_on_channels (gpointer user_data, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GVariant) list = NULL;
  gboolean is_live = FALSE;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    return;
  list = g_variant_get_child_value (result, 0);
  for (gsize i = 0; i < g_variant_n_children (list) && !is_live; i++)
    {
      g_autoptr (GVariant) channel = g_variant_get_child_value (list, i);

      is_live = g_str_equal (cepa_tor_dict_text (channel, "state", ""), "open");
    }
  tor_sources_set_live (self, is_live);
}

void
cepa_tor_sources_check_live (CepaTorEvents *self)
{
  cepa_tor_call (self->control, "Channels1", "List", NULL, tor_sources_on_channels, self, NULL);
}

/* The network is up once a relay has answered, and down once one has not while there is no connection to another.
   A channel that is closed because nobody needs it says nothing. */
static void
tor_sources_on_channel (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                        GVariant *args)
{
  CepaTorEvents *self = user_data;
  const char *what;

  g_variant_get_child (args, 1, "&s", &what);
  tor_sources_emit_object (self, CEPA_TOR_EVENT_ORCONN, "650 ORCONN ", args, cepa_tor_describe_channel);
  if (g_str_equal (what, "opened"))
    tor_sources_set_live (self, TRUE);
  else if (g_str_equal (what, "failed") && self->is_live)
    cepa_tor_sources_check_live (self);
}

/* ---- the directory ---- */

static void
tor_sources_on_relays (gpointer user_data, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GString) lines = g_string_new (NULL), event = g_string_new ("650+NEWCONSENSUS\r\n");

  if (result == NULL)
    return;
  cepa_tor_describe_relays (lines, result);
  cepa_tor_text_append_data (event, lines->str);
  g_string_append (event, "650 OK");
  tor_sources_emit (self, CEPA_TOR_EVENT_NEWCONSENSUS, event);
}

/* The table changes with each microdescriptor; the consensus only with its time. */
static void
tor_sources_on_network (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                        GVariant *args)
{
  CepaTorEvents *self = user_data;
  gint64 valid_after;

  g_variant_get_child (args, 1, "x", &valid_after);
  if ((self->mask & CEPA_TOR_EVENT_STATUS_CLIENT) != 0)
    tor_sources_check_status (self);
  if (valid_after == self->valid_after)
    return;
  self->valid_after = valid_after;
  tor_sources_emit_text (self, CEPA_TOR_EVENT_STATUS_CLIENT, "650 STATUS_CLIENT NOTICE CONSENSUS_ARRIVED");
  if ((self->mask & CEPA_TOR_EVENT_NEWCONSENSUS) != 0)
    cepa_tor_call (self->control, "Network1", "List", NULL, tor_sources_on_relays, self, NULL);
}

static void
tor_sources_on_described (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                          GVariant *args)
{
  g_autoptr (GVariant) relays = g_variant_get_child_value (args, 0);
  g_autoptr (GString) event = g_string_new ("650 NEWDESC");

  for (gsize i = 0; i < g_variant_n_children (relays); i++)
    {
      const char *fingerprint, *nickname;

      g_variant_get_child (relays, i, "(&s&s)", &fingerprint, &nickname);
      g_string_append (event, " $");
      cepa_tor_text_append_word (event, fingerprint);
      g_string_append_c (event, '~');
      cepa_tor_text_append_word (event, nickname);
    }
  tor_sources_emit (user_data, CEPA_TOR_EVENT_NEWDESC, event);
}

/* ---- options ---- */

/* One event on its way: its lines come one after the other. */
typedef struct
{
  CepaTorEvents *events;
  GString *text;
  guint missing;
} TorSourcesChange;

static void
tor_sources_end_change (TorSourcesChange *change)
{
  if (--change->missing > 0)
    return;
  g_string_append (change->text, "650 OK");
  tor_sources_emit (change->events, CEPA_TOR_EVENT_CONF_CHANGED, change->text);
}

static void
tor_sources_clear_change (gpointer data)
{
  TorSourcesChange *change = data;

  g_string_free (change->text, TRUE);
}

static void
tor_sources_release_change (gpointer data)
{
  g_rc_box_release_full (data, tor_sources_clear_change);
}

static void
tor_sources_on_option (gpointer user_data, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  TorSourcesChange *change = user_data;
  g_autoptr (GVariant) values = NULL;
  const char *name;

  if (result != NULL && g_variant_is_of_type (result, G_VARIANT_TYPE ("(sas)")))
    {
      g_variant_get (result, "(&s@as)", &name, &values);
      for (gsize i = 0; i < MAX (g_variant_n_children (values), 1); i++)
        {
          const char *value = NULL;

          if (i < g_variant_n_children (values))
            g_variant_get_child (values, i, "&s", &value);
          g_string_append (change->text, "650-");
          cepa_tor_text_append_word (change->text, name);
          g_string_append (change->text, value != NULL ? "=" : "");
          cepa_tor_text_append_line (change->text, value != NULL ? value : "");
          g_string_append (change->text, "\r\n");
        }
    }
  tor_sources_end_change (change);
}

static void
tor_sources_on_options (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                        GVariant *args)
{
  CepaTorEvents *self = user_data;
  g_autoptr (GVariant) names = g_variant_get_child_value (args, 0);
  TorSourcesChange *change = g_rc_box_new0 (TorSourcesChange);

  change->events = self;
  change->text = g_string_new ("650-CONF_CHANGED\r\n");
  change->missing = (guint) g_variant_n_children (names) + 1;
  for (gsize i = 0; i < g_variant_n_children (names); i++)
    {
      g_autoptr (GVariant) name = g_variant_get_child_value (names, i);

      cepa_tor_call (self->control, "Options1", "Get", g_variant_new_tuple (&name, 1), tor_sources_on_option,
                     g_rc_box_acquire (change), tor_sources_release_change);
    }
  tor_sources_end_change (change);
  tor_sources_release_change (change);
}

static void
tor_sources_on_clock_jump (void *user_data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
                           GVariant *args)
{
  CepaTorEvents *self = user_data;
  g_autofree char *text = NULL;
  gint64 seconds;

  g_variant_get (args, "(x)", &seconds);
  text = g_strdup_printf ("650 STATUS_GENERAL WARN CLOCK_JUMPED TIME=%" G_GINT64_FORMAT " IDLE=0", seconds);
  tor_sources_emit_text (self, CEPA_TOR_EVENT_STATUS_GENERAL, text);
  tor_sources_emit_text (self, CEPA_TOR_EVENT_STATUS_CLIENT,
                         "650 STATUS_CLIENT WARN CIRCUIT_NOT_ESTABLISHED REASON=CLOCK_JUMPED");
}

static void
tor_sources_on_new_identity (void *user_data, G_GNUC_UNUSED const char *interface_name,
                             G_GNUC_UNUSED const char *signal, G_GNUC_UNUSED GVariant *args)
{
  tor_sources_emit_text (user_data, CEPA_TOR_EVENT_SIGNAL, "650 SIGNAL NEWNYM");
}

/* ---- the log ---- */

static void
tor_sources_on_log (void *user_data, G_GNUC_UNUSED const char *interface_name, const char *signal, GVariant *args)
{
  static const struct
  {
    const char *signal, *name;
    CepaTorEvent event;
  } severities[] = {
    { "Err", "ERR", CEPA_TOR_EVENT_ERR },          { "Warn", "WARN", CEPA_TOR_EVENT_WARN },
    { "Notice", "NOTICE", CEPA_TOR_EVENT_NOTICE }, { "Info", "INFO", CEPA_TOR_EVENT_INFO },
    { "Debug", "DEBUG", CEPA_TOR_EVENT_DEBUG },
  };
  CepaTorEvents *self = user_data;
  const char *domain, *text;
  guint i = 0;

  while (i < G_N_ELEMENTS (severities) - 1 && !g_str_equal (signal, severities[i].signal))
    i++;
  g_variant_get (args, "(&s&s)", &domain, &text);
  if ((self->mask & severities[i].event) != 0)
    {
      g_autoptr (GString) line = g_string_new ("650 ");

      g_string_append (line, severities[i].name);
      g_string_append_c (line, ' ');
      cepa_tor_text_append_line (line, text);
      tor_sources_emit (self, severities[i].event, line);
    }
  if ((self->mask & CEPA_TOR_EVENT_STATUS_GENERAL) != 0 && g_str_equal (domain, "bug"))
    {
      g_autoptr (GString) line = g_string_new ("650 STATUS_GENERAL ");

      g_string_append (line, severities[i].name);
      g_string_append (line, " BUG REASON=");
      cepa_tor_text_append_quoted (line, text);
      tor_sources_emit (self, CEPA_TOR_EVENT_STATUS_GENERAL, line);
    }
}

/* ---- the table ---- */

/* @events: CepaTorEvent, as bits: those that need the signal; 0 for one that is always watched */
static const struct
{
  guint events;
  const char *interface_name, *signal, *type;
  CepaSignalFunc func;
} tor_sources[] = {
  { 0, "Channels1", "Changed", "(tsa{sv})", tor_sources_on_channel },
  { CEPA_TOR_EVENT_CIRC | CEPA_TOR_EVENT_CIRC_MINOR | CEPA_TOR_EVENT_STATUS_CLIENT, "Circuits1", "Changed",
    "(tsa{sv})", tor_sources_on_circuit },
  { CEPA_TOR_EVENT_BUILDTIMEOUT_SET, "Circuits1", "BuildTimeoutSet", "(sa{sv})", tor_sources_on_build_timeout },
  { CEPA_TOR_EVENT_STREAM | CEPA_TOR_EVENT_STREAM_BW, "Streams1", "Changed", "(tsa{sv})", tor_sources_on_stream },
  { CEPA_TOR_EVENT_STATUS_CLIENT, "Client1", "Bootstrapped", "(uss)", tor_sources_on_bootstrapped },
  { CEPA_TOR_EVENT_STATUS_GENERAL | CEPA_TOR_EVENT_STATUS_CLIENT, "Client1", "ClockSkewed", "(xs)",
    tor_sources_on_skewed },
  { CEPA_TOR_EVENT_NEWCONSENSUS | CEPA_TOR_EVENT_STATUS_CLIENT, "Network1", "Changed", "(ux)",
    tor_sources_on_network },
  { CEPA_TOR_EVENT_NEWDESC, "Network1", "Described", "(a(ss))", tor_sources_on_described },
  { CEPA_TOR_EVENT_GUARD, "Guards1", "Changed", "(sa{sv})", tor_sources_on_guard },
  { CEPA_TOR_EVENT_CONF_CHANGED, "Options1", "Changed", "(as)", tor_sources_on_options },
  { CEPA_TOR_EVENT_STATUS_GENERAL | CEPA_TOR_EVENT_STATUS_CLIENT, "Client1", "ClockJumped", "(x)",
    tor_sources_on_clock_jump },
  { CEPA_TOR_EVENT_SIGNAL, "Client1", "NewIdentityTaken", "()", tor_sources_on_new_identity },
  { CEPA_TOR_EVENT_ERR | CEPA_TOR_EVENT_STATUS_GENERAL, "Log1", "Err", "(ss)", tor_sources_on_log },
  { CEPA_TOR_EVENT_WARN | CEPA_TOR_EVENT_STATUS_GENERAL, "Log1", "Warn", "(ss)", tor_sources_on_log },
  { CEPA_TOR_EVENT_NOTICE | CEPA_TOR_EVENT_STATUS_GENERAL, "Log1", "Notice", "(ss)", tor_sources_on_log },
  { CEPA_TOR_EVENT_INFO, "Log1", "Info", "(ss)", tor_sources_on_log },
  { CEPA_TOR_EVENT_DEBUG, "Log1", "Debug", "(ss)", tor_sources_on_log },
};

G_STATIC_ASSERT (G_N_ELEMENTS (tor_sources) == CEPA_TOR_N_SOURCES);

/* A vocabulary of another version could have other arguments; nothing is told then. */
static void
tor_sources_on_signal (void *user_data, const char *interface_name, const char *signal, GVariant *args)
{
  for (guint i = 0; i < G_N_ELEMENTS (tor_sources); i++)
    if (g_str_equal (tor_sources[i].interface_name, interface_name) && g_str_equal (tor_sources[i].signal, signal)
        && g_variant_is_of_type (args, G_VARIANT_TYPE (tor_sources[i].type)))
      tor_sources[i].func (user_data, interface_name, signal, args);
}

/* Where things stand when somebody begins to watch, so that only what changes is told. */
static void
tor_sources_prime (CepaTorEvents *self)
{
  g_autoptr (GVariant) valid_after = cepa_tor_get (self->control, "Network1", "ValidAfter", "x");

  self->has_directory = tor_sources_get_flag (self, "HasDirectory");
  self->is_ready = tor_sources_get_flag (self, "IsReady");
  self->valid_after = valid_after != NULL ? g_variant_get_int64 (valid_after) : 0;
}

void
cepa_tor_sources_update (CepaTorEvents *self, guint64 mask)
{
  const CepaHost *host = self->control->host;

  for (guint i = 0; i < G_N_ELEMENTS (tor_sources); i++)
    {
      gboolean wanted = tor_sources[i].events == 0 || (mask & tor_sources[i].events) != 0;

      if (wanted && self->subscriptions[i] == 0)
        {
          if (tor_sources[i].func == tor_sources_on_network)
            tor_sources_prime (self);
          self->subscriptions[i] = cepa_vocabulary_subscribe (host, tor_sources[i].interface_name,
                                                              tor_sources[i].signal, tor_sources_on_signal, self);
        }
      else if (!wanted && self->subscriptions[i] != 0)
        {
          cepa_vocabulary_unsubscribe (host, self->subscriptions[i]);
          self->subscriptions[i] = 0;
        }
    }
}
