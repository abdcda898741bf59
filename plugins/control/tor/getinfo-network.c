/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO: relays, their descriptors, the consensus. */
#include <string.h>

#include "describe.h"
#include "getinfo.h"
#include "text.h"

#define TOR_GETINFO_HEX_ID 40

static gboolean
tor_getinfo_has_consensus (CepaTorQuery *query)
{
  g_autoptr (GVariant) n = cepa_tor_get (query->connection->control, "Network1", "NRelays", "u");

  return n != NULL && g_variant_get_uint32 (n) > 0;
}

/* Returns: (transfer none) (nullable): what the key asks for, behind @prefix of the key or that of names; NULL when
   an id is no hex. */
static const char *
tor_getinfo_relay_of (CepaTorQuery *query, const char *id_prefix, const char *name_prefix)
{
  const char *word = cepa_tor_query_word (query), *id = word + strlen (id_prefix);

  if (g_str_has_prefix (word, name_prefix))
    return g_utf8_validate (word, -1, NULL) ? word + strlen (name_prefix) : NULL;
  return cepa_tor_text_is_hex (id + (*id == '$'), TOR_GETINFO_HEX_ID) ? id : NULL;
}

static void
tor_getinfo_on_relay (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GVariant) relay = NULL;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(a{sv})")))
    {
      cepa_tor_query_unknown (query, NULL);
      return;
    }
  relay = g_variant_get_child_value (result, 0);
  cepa_tor_describe_relay (out, relay);
  cepa_tor_query_answer (query, out->str);
}

void
cepa_tor_getinfo_ns (CepaTorQuery *query)
{
  const char *relay = tor_getinfo_relay_of (query, "ns/id/", "ns/name/");

  if (!tor_getinfo_has_consensus (query))
    cepa_tor_query_answer (query, "");
  else if (relay == NULL)
    cepa_tor_query_fail (query, "Data not decodeable as hex");
  else
    cepa_tor_query_call (query, "Network1", "Find", g_variant_new ("(s)", relay), tor_getinfo_on_relay);
}

/* One relay more: there are ten thousand of them, too many for one turn of the loop. */
static void
tor_getinfo_next_relay (CepaTorQuery *query)
{
  g_autoptr (GVariant) relay = NULL;

  if (query->at == g_variant_n_children (query->relays))
    {
      cepa_tor_query_answer (query, query->text->str);
      return;
    }
  relay = g_variant_get_child_value (query->relays, query->at++);
  cepa_tor_describe_relay (query->text, relay);
  cepa_tor_query_again (query, tor_getinfo_next_relay);
}

static void
tor_getinfo_on_relays (CepaTorQuery *query, GVariant *result, const GError *error)
{
  if (error != NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    {
      cepa_tor_query_fail (query, "The list of relays cannot be had");
      return;
    }
  query->relays = g_variant_get_child_value (result, 0);
  query->text = g_string_new (NULL);
  cepa_tor_query_again (query, tor_getinfo_next_relay);
}

void
cepa_tor_getinfo_ns_all (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Network1", "List", NULL, tor_getinfo_on_relays);
}

/* ---- descriptors ---- */

/* Whether @kind, a word of Network1.Descriptors, is fetched. */
static gboolean
tor_getinfo_downloads (CepaTorQuery *query, const char *kind)
{
  g_autoptr (GVariant) kinds = cepa_tor_get (query->connection->control, "Network1", "Descriptors", "as");
  g_autofree const char **words = kinds != NULL ? g_variant_get_strv (kinds, NULL) : NULL;

  return words != NULL && g_strv_contains (words, kind);
}

static gboolean
tor_getinfo_is_of_servers (CepaTorQuery *query)
{
  return g_str_has_prefix (cepa_tor_query_word (query), "desc/");
}

void
cepa_tor_getinfo_downloads (CepaTorQuery *query)
{
  const char *kind = tor_getinfo_is_of_servers (query) ? "server-descriptors" : "microdescriptors";

  cepa_tor_query_answer_uint (query, tor_getinfo_downloads (query, kind));
}

static void
tor_getinfo_on_descriptor (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  const char *text;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(s)")))
    {
      cepa_tor_query_unknown (query, NULL);
      return;
    }
  g_variant_get (result, "(&s)", &text);
  cepa_tor_query_answer (query, text);
}

static void
tor_getinfo_descriptor (CepaTorQuery *query, const char *relay, const char *method)
{
  if (relay != NULL)
    cepa_tor_query_call (query, "Network1", method, g_variant_new ("(s)", relay), tor_getinfo_on_descriptor);
  else
    cepa_tor_query_unknown (query, NULL);
}

void
cepa_tor_getinfo_md (CepaTorQuery *query)
{
  tor_getinfo_descriptor (query, tor_getinfo_relay_of (query, "md/id/", "md/name/"), "Microdescriptor");
}

void
cepa_tor_getinfo_desc (CepaTorQuery *query)
{
  const char *relay = tor_getinfo_relay_of (query, "desc/id/", "desc/name/");

  if (tor_getinfo_downloads (query, "server-descriptors"))
    tor_getinfo_descriptor (query, relay, "ServerDescriptor");
  else if (g_str_has_prefix (cepa_tor_query_word (query), "desc/id/"))
    cepa_tor_query_unknown (query, "We fetch microdescriptors, not router descriptors. You'll need to use md/id/* instead "
                                   "of desc/id/*.");
  else
    cepa_tor_query_unknown (query, "We fetch microdescriptors, not router descriptors. You'll need to use md/name/* "
                                   "instead of desc/name/*.");
}

/* ---- md/all, desc/all-recent: one relay after the other ---- */

static void tor_getinfo_next_descriptor (CepaTorQuery *query);

static void
tor_getinfo_on_next_descriptor (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  const char *text;

  /* One that is not here, or has gone since the list was made, is left out. */
  if (result != NULL && g_variant_is_of_type (result, G_VARIANT_TYPE ("(s)")))
    {
      g_variant_get (result, "(&s)", &text);
      g_string_append (query->text, text);
    }
  cepa_tor_query_again (query, tor_getinfo_next_descriptor);
}

static void
tor_getinfo_next_descriptor (CepaTorQuery *query)
{
  const char *method = tor_getinfo_is_of_servers (query) ? "ServerDescriptor" : "Microdescriptor";

  if (query->at == query->list->len)
    cepa_tor_query_answer (query, query->text->str);
  else if (query->n_bytes + query->text->len > CEPA_TOR_MAX_ANSWER)
    cepa_tor_query_fail (query, "The answer is too long; ask for less at once");
  else
    cepa_tor_query_call (query, "Network1", method, g_variant_new ("(s)", query->list->pdata[query->at++]),
                         tor_getinfo_on_next_descriptor);
}

static void
tor_getinfo_on_relays_to_describe (CepaTorQuery *query, GVariant *result, const GError *error)
{
  g_autoptr (GVariant) list = NULL;

  if (error != NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    {
      cepa_tor_query_fail (query, "The list of relays cannot be had");
      return;
    }
  list = g_variant_get_child_value (result, 0);
  query->list = g_ptr_array_new_with_free_func (g_free);
  query->text = g_string_new (NULL);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr (GVariant) relay = g_variant_get_child_value (list, i);

      g_ptr_array_add (query->list, g_strdup (cepa_tor_dict_text (relay, "fingerprint", "")));
    }
  cepa_tor_query_again (query, tor_getinfo_next_descriptor);
}

static void
tor_getinfo_all (CepaTorQuery *query, const char *kind)
{
  if (tor_getinfo_downloads (query, kind))
    cepa_tor_query_call (query, "Network1", "List", NULL, tor_getinfo_on_relays_to_describe);
  else
    cepa_tor_query_answer (query, "");
}

void
cepa_tor_getinfo_md_all (CepaTorQuery *query)
{
  tor_getinfo_all (query, "microdescriptors");
}

void
cepa_tor_getinfo_desc_all (CepaTorQuery *query)
{
  tor_getinfo_all (query, "server-descriptors");
}

void
cepa_tor_getinfo_consensus (CepaTorQuery *query)
{
  static const char *const properties[][2] = {
    { "valid-after", "ValidAfter" }, { "fresh-until", "FreshUntil" }, { "valid-until", "ValidUntil" },
  };
  const char *what = cepa_tor_query_word (query) + strlen ("consensus/");

  for (guint i = 0; i < G_N_ELEMENTS (properties); i++)
    if (g_str_equal (what, properties[i][0]))
      {
        g_autoptr (GVariant) value = cepa_tor_get (query->connection->control, "Network1", properties[i][1], "x");
        gint64 time_s = value != NULL ? g_variant_get_int64 (value) : 0;
        g_autofree char *text = cepa_tor_text_time (time_s, "%Y-%m-%d %H:%M:%S");

        cepa_tor_query_answer (query, time_s != 0 ? text : "");
        return;
      }
  cepa_tor_query_unknown (query, NULL);
}

/* ---- countries ---- */

static void
tor_getinfo_on_country (CepaTorQuery *query, GVariant *result, const GError *error)
{
  const char *country;

  if (result == NULL || !g_variant_is_of_type (result, G_VARIANT_TYPE ("(s)")))
    {
      if (g_error_matches (error, CEPA_PLUGIN_ERROR, CEPA_PLUGIN_ERROR_INVALID))
        cepa_tor_query_unknown (query, NULL);
      else
        cepa_tor_query_fail (query, "GeoIP data not loaded");
      return;
    }
  g_variant_get (result, "(&s)", &country);
  cepa_tor_query_answer (query, country[0] != '\0' ? country : "??");
}

void
cepa_tor_getinfo_country (CepaTorQuery *query)
{
  const char *address = cepa_tor_query_word (query) + strlen ("ip-to-country/");
  gsize len = strlen (address);
  g_autofree char *bare = NULL;

  /* C Tor takes IPv6 addresses with and without brackets. */
  if (len >= 2 && address[0] == '[' && address[len - 1] == ']')
    bare = g_strndup (address + 1, len - 2);
  cepa_tor_query_call (query, "Network1", "Country", g_variant_new ("(s)", bare != NULL ? bare : address),
                       tor_getinfo_on_country);
}

static void
tor_getinfo_on_has_countries (CepaTorQuery *query, GVariant *result, G_GNUC_UNUSED const GError *error)
{
  gboolean ipv4 = FALSE, ipv6 = FALSE;

  if (result != NULL && g_variant_is_of_type (result, G_VARIANT_TYPE ("(bb)")))
    g_variant_get (result, "(bb)", &ipv4, &ipv6);
  cepa_tor_query_answer_uint (query, strstr (cepa_tor_query_word (query), "/ipv6-") != NULL ? ipv6 : ipv4);
}

void
cepa_tor_getinfo_has_countries (CepaTorQuery *query)
{
  cepa_tor_query_call (query, "Network1", "HasCountries", NULL, tor_getinfo_on_has_countries);
}
