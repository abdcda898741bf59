/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO: what happens now. */
#include <string.h>

#include "describe.h"
#include "events.h"
#include "getinfo.h"
#include "listener.h"
#include "text.h"

typedef void (*TorGetinfoDescribe) (GString *out, GVariant *object);

/* One line for each object of a List that has one, with CRLF between them. */
static void
tor_getinfo_answer_list (CepaTorQuery *query, GVariant *result, const GError *error, TorGetinfoDescribe describe)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GVariant) list = NULL;

  if (error != NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    {
      cepa_tor_query_fail (query, "The list cannot be had");
      return;
    }
  list = g_variant_get_child_value (result, 0);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) object = g_variant_get_child_value (list, i);
      g_autoptr (GString) line = g_string_new (NULL);

      describe (line, object);
      if (line->len > 0)
        g_string_append_printf (out, "%s%s", out->len > 0 ? "\r\n" : "", line->str);
    }
  cepa_tor_query_answer (query, out->str);
}

static void
tor_getinfo_on_circuits (CepaTorQuery *query, GVariant *result, const GError *error)
{
  tor_getinfo_answer_list (query, result, error, cepa_tor_describe_circuit_state);
}

void
cepa_tor_getinfo_circuits (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Circuits1", "List", NULL, tor_getinfo_on_circuits);
}

static void
tor_getinfo_on_streams (CepaTorQuery *query, GVariant *result, const GError *error)
{
  tor_getinfo_answer_list (query, result, error, cepa_tor_describe_stream_state);
}

void
cepa_tor_getinfo_streams (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Streams1", "List", NULL, tor_getinfo_on_streams);
}

static void
tor_getinfo_on_channels (CepaTorQuery *query, GVariant *result, const GError *error)
{
  tor_getinfo_answer_list (query, result, error, cepa_tor_describe_channel_state);
}

void
cepa_tor_getinfo_channels (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Channels1", "List", NULL, tor_getinfo_on_channels);
}

static void
tor_getinfo_on_guards (CepaTorQuery *query, GVariant *result, const GError *error)
{
  tor_getinfo_answer_list (query, result, error, cepa_tor_describe_guard_state);
}

void
cepa_tor_getinfo_guards (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Guards1", "List", NULL, tor_getinfo_on_guards);
}

static void
tor_getinfo_add_address (GString *out, const char *address)
{
  g_string_append (out, out->len > 0 ? " " : "");
  cepa_tor_text_append_quoted (out, address);
}

void
cepa_tor_getinfo_listeners (CepaTorQuery *query)
{
  static const char *const kinds[] = {
    "or", "extor", "dir", "socks", "trans", "natd", "httptunnel", "dns", "control", "metrics", NULL,
  };
  CepaTorControl *control = query->connection->control;
  const char *wanted = cepa_tor_query_word (query) + strlen ("net/listeners/");
  g_autoptr (GVariant) listeners = cepa_tor_get (control, "Client1", "Listeners", "a(ss)");
  gboolean is_ours = g_str_equal (wanted, "control");
  g_autoptr (GString) out = g_string_new (NULL);

  if (!g_strv_contains (kinds, wanted))
    {
      cepa_tor_query_unknown (query, NULL);
      return;
    }
  /* Other front ends speak other protocols. */
  for (guint i = 0; is_ours && i < control->listeners->len; i++)
    tor_getinfo_add_address (out, cepa_tor_listener_get_address (control->listeners->pdata[i]));
  for (gsize i = 0; !is_ours && listeners != NULL && i < g_variant_n_children (listeners); i++)
    {
      const char *kind, *address;

      g_variant_get_child (listeners, i, "(&s&s)", &kind, &address);
      if (g_str_equal (kind, wanted))
        tor_getinfo_add_address (out, address);
    }
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_getinfo_bootstrap (CepaTorQuery *query)
{
  g_autoptr (GVariant) bootstrap = cepa_tor_get (query->connection->control, "Client1", "Bootstrap", "(uss)");
  g_autoptr (GVariant) skew = cepa_tor_get (query->connection->control, "Client1", "ClockSkew", "(xs)");
  g_autoptr (GString) out = g_string_new (NULL);

  if (bootstrap == NULL)
    {
      cepa_tor_query_fail (query, "Internal error");
      return;
    }
  cepa_tor_events_append_bootstrap (out, bootstrap, skew);
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_getinfo_traffic (CepaTorQuery *query)
{
  gboolean read = g_str_equal (cepa_tor_query_word (query), "traffic/read");
  g_autoptr (GVariant) bytes = cepa_tor_get (query->connection->control, "Client1",
                                             read ? "BytesRead" : "BytesWritten", "t");

  if (bytes != NULL)
    cepa_tor_query_answer_uint (query, g_variant_get_uint64 (bytes));
  else
    cepa_tor_query_fail (query, "Internal error");
}

void
cepa_tor_getinfo_flags (CepaTorQuery *query)
{
  gboolean circuit = g_str_equal (cepa_tor_query_word (query), "status/circuit-established");
  g_autoptr (GVariant) flag = cepa_tor_get (query->connection->control, "Client1",
                                            circuit ? "IsReady" : "HasDirectory", "b");

  cepa_tor_query_answer (query, flag != NULL && g_variant_get_boolean (flag) ? "1" : "0");
}

void
cepa_tor_getinfo_dormant (CepaTorQuery *query)
{
  g_autoptr (GVariant) is_dormant = cepa_tor_get (query->connection->control, "Client1", "Dormant", "b");

  cepa_tor_query_answer (query, is_dormant != NULL && g_variant_get_boolean (is_dormant) ? "1" : "0");
}

void
cepa_tor_getinfo_liveness (CepaTorQuery *query)
{
  cepa_tor_query_answer (query, query->connection->control->events->is_live ? "up" : "down");
}

void
cepa_tor_getinfo_bandwidth (CepaTorQuery *query)
{
  g_autoptr (GString) out = g_string_new (NULL);

  cepa_tor_bandwidth_append_cache (query->connection->control->events->bandwidth, out);
  cepa_tor_query_answer (query, out->str);
}
