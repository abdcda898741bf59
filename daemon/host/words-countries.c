/* SPDX-License-Identifier: BSD-3-Clause */
/* Network1: countries of addresses, which are read when somebody asks for the first time. */
#include <arpa/inet.h>
#include <string.h>

#include "base/encoding.h"
#include "host/words.h"

#define WORDS_COUNTRIES_SHOWN 60 /* characters of what was asked for, in messages */

/* A question that waits until countries are read. */
typedef struct
{
  CepaWordReply *reply;
  gboolean is_ipv6;
  guint8 address[16]; /* network byte order */
} WordsCountriesQuestion;

static void
words_countries_told (gpointer user_data, const CepaGeoip *geoip)
{
  WordsCountriesQuestion *question = user_data;
  gboolean is_known = geoip != NULL
                      && (question->is_ipv6 ? cepa_geoip_has_ipv6 (geoip) : cepa_geoip_has_ipv4 (geoip));
  char country[4] = "";
  guint32 ipv4;

  memcpy (&ipv4, question->address, sizeof ipv4);
  if (is_known && question->is_ipv6)
    cepa_geoip_find_ipv6 (geoip, question->address, country);
  else if (is_known)
    cepa_geoip_find_ipv4 (geoip, GUINT32_FROM_BE (ipv4), country);
  if (is_known)
    cepa_word_reply_return (question->reply, g_variant_new ("(s)", country));
  else
    cepa_word_reply_fail_with (question->reply, CEPA_PLUGIN_ERROR_UNSUPPORTED,
                               "there is no file with countries of %s addresses", question->is_ipv6 ? "IPv6" : "IPv4");
  g_free (question);
}

void
cepa_words_country (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaHostRelays *relays = cepa_words_get_client (self)->relays;
  WordsCountriesQuestion *question;
  guint8 address[16] = { 0 };
  gboolean is_ipv6;
  const char *text;

  g_variant_get (args, "(&s)", &text);
  is_ipv6 = strchr (text, ':') != NULL;
  if (inet_pton (is_ipv6 ? AF_INET6 : AF_INET, text, address) != 1)
    {
      g_autofree char *shown = cepa_escape_for_log (text, strlen (text), WORDS_COUNTRIES_SHOWN);

      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "\"%s\" is not an address", shown);
      return;
    }
  if (relays == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  question = g_new0 (WordsCountriesQuestion, 1);
  question->reply = reply;
  question->is_ipv6 = is_ipv6;
  memcpy (question->address, address, sizeof address);
  cepa_knowledge_ask_countries (cepa_host_relays_get_knowledge (relays), words_countries_told, question);
}

static void
words_countries_available (gpointer user_data, const CepaGeoip *geoip)
{
  cepa_word_reply_return (user_data, g_variant_new ("(bb)", geoip != NULL && cepa_geoip_has_ipv4 (geoip),
                                                    geoip != NULL && cepa_geoip_has_ipv6 (geoip)));
}

void
cepa_words_has_countries (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaHostRelays *relays = cepa_words_get_client (self)->relays;

  if (relays != NULL)
    cepa_knowledge_ask_countries (cepa_host_relays_get_knowledge (relays), words_countries_available, reply);
  else
    words_countries_available (reply, NULL);
}
