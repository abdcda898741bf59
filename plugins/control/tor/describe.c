/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits, streams, channels and relays of the vocabulary as lines of the control protocol. */
#include "describe.h"

#include <string.h>

#include "text.h"

#define TOR_DESCRIBE_SHA1_LEN 20

/* What circuits for onion services are that are kept ready. */
#define TOR_DESCRIBE_PREBUILT "hs-vanguards"

static const guint8 tor_describe_no_digest[TOR_DESCRIBE_SHA1_LEN];

typedef struct
{
  const char *from, *to;
} TorDescribeWord;

/* Reasons of DESTROY and TRUNCATED, by number (tor-spec: tearing down circuits). */
static const char *const tor_describe_circuit_reasons[] = {
  "NONE", "TORPROTOCOL", "INTERNAL", "REQUESTED", "HIBERNATING", "RESOURCELIMIT", "CONNECTFAILED", "OR_IDENTITY",
  "CHANNEL_CLOSED", "FINISHED", "TIMEOUT", "DESTROYED", "NOSUCHSERVICE",
};

/* Reasons of END, by number (tor-spec: closing streams). */
static const char *const tor_describe_stream_reasons[] = {
  NULL, "MISC", "RESOLVEFAILED", "CONNECTREFUSED", "EXITPOLICY", "DESTROY", "DONE", "TIMEOUT", "NOROUTE",
  "HIBERNATING", "INTERNAL", "RESOURCELIMIT", "CONNRESET", "TORPROTOCOL", "NOTDIRECTORY",
};

const char *
cepa_tor_dict_text (GVariant *dict, const char *key, const char *fallback)
{
  const char *text = fallback;

  g_variant_lookup (dict, key, "&s", &text);
  return text;
}

guint64
cepa_tor_dict_number (GVariant *dict, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (dict, key, NULL);

  if (value == NULL)
    return 0;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT64))
    return g_variant_get_uint64 (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (guint64) MAX (g_variant_get_int64 (value), 0);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32 (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_UINT16))
    return g_variant_get_uint16 (value);
  return 0;
}

static const char *
tor_describe_find (const TorDescribeWord *words, gsize n, const char *from)
{
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (words[i].from, from))
      return words[i].to;
  return NULL;
}

#define tor_describe_translate(words, from) tor_describe_find (words, G_N_ELEMENTS (words), from)

static void
tor_describe_reason (GString *out, const char *const *names, gsize n, guint64 reason)
{
  if (reason < n && names[reason] != NULL)
    g_string_append (out, names[reason]);
  else
    g_string_append_printf (out, "UNKNOWN_%" G_GUINT64_FORMAT, reason);
}

/* "$FP~nick", or "$FP" where there is no nickname. */
static void
tor_describe_name (GString *out, const char *fingerprint, const char *nickname)
{
  g_string_append_c (out, '$');
  cepa_tor_text_append_word (out, fingerprint + (*fingerprint == '$'));
  if (*nickname != '\0')
    {
      g_string_append_c (out, '~');
      cepa_tor_text_append_word (out, nickname);
    }
}

/* The hops that are there. */
static void
tor_describe_path (GString *out, GVariant *circuit)
{
  g_autoptr (GVariant) path = g_variant_lookup_value (circuit, "path", G_VARIANT_TYPE ("a(ss)"));
  guint64 built = cepa_tor_dict_number (circuit, "built");

  for (gsize i = 0; path != NULL && i < g_variant_n_children (path) && i < built; i++)
    {
      const char *fingerprint, *nickname;

      g_variant_get_child (path, i, "(&s&s)", &fingerprint, &nickname);
      g_string_append_c (out, i == 0 ? ' ' : ',');
      tor_describe_name (out, fingerprint, nickname);
    }
}

/* @key: "use" or "former-use" */
static const char *
tor_describe_purpose (GVariant *circuit, const char *key)
{
  static const TorDescribeWord purposes[] = {
    { "measured", "MEASURE_TIMEOUT" },         { "probed", "PATH_BIAS_TESTING" },
    { "apart", "CONTROLLER" },                 { TOR_DESCRIBE_PREBUILT, "HS_VANGUARDS" },
    { "hs-client-hsdir", "HS_CLIENT_HSDIR" },   { "hs-client-intro", "HS_CLIENT_INTRO" },
    { "hs-client-rend", "HS_CLIENT_REND" },     { "hs-service-hsdir", "HS_SERVICE_HSDIR" },
    { "hs-service-intro", "HS_SERVICE_INTRO" }, { "hs-service-rend", "HS_SERVICE_REND" },
  };
  const char *purpose = tor_describe_translate (purposes, cepa_tor_dict_text (circuit, key, "streams"));

  return purpose != NULL ? purpose : "GENERAL";
}

/* What every circuit event has behind its state. */
static void
tor_describe_circuit_tail (GString *out, GVariant *circuit)
{
  static const TorDescribeWord flags[] = {
    { "general", " BUILD_FLAGS=NEED_CAPACITY" },
    { "internal", " BUILD_FLAGS=IS_INTERNAL" },
    { "directory", " BUILD_FLAGS=ONEHOP_TUNNEL,IS_INTERNAL" },
  };
  const char *flag = tor_describe_translate (flags, cepa_tor_dict_text (circuit, "purpose", "general"));
  guint64 created = cepa_tor_dict_number (circuit, "created");
  gboolean is_stable = FALSE;

  tor_describe_path (out, circuit);
  g_string_append (out, flag != NULL ? flag : "");
  if (flag != NULL && g_str_has_prefix (cepa_tor_dict_text (circuit, "use", "streams"), "hs-"))
    g_string_append (out, ",NEED_CAPACITY");
  if (flag != NULL && g_variant_lookup (circuit, "stable", "b", &is_stable) && is_stable)
    g_string_append (out, ",NEED_UPTIME");
  g_string_append_printf (out, " PURPOSE=%s", tor_describe_purpose (circuit, "use"));
  if (created != 0)
    {
      g_string_append (out, " TIME_CREATED=");
      cepa_tor_text_append_time_us (out, (gint64) created);
    }
}

void
cepa_tor_describe_circuit (GString *out, guint64 id, const char *event, GVariant *circuit)
{
  static const TorDescribeWord events[] = {
    { "launched", "LAUNCHED" }, { "extended", "EXTENDED" }, { "built", "BUILT" },
    { "failed", "FAILED" },     { "closed", "CLOSED" },     { "waiting", "GUARD_WAIT" },
  };
  const char *state = tor_describe_translate (events, event);
  guint64 remote = cepa_tor_dict_number (circuit, "remote-reason");

  if (state == NULL)
    return;
  g_string_append_printf (out, "%" G_GUINT64_FORMAT " %s", id, state);
  tor_describe_circuit_tail (out, circuit);
  if (!g_str_equal (event, "failed") && !g_str_equal (event, "closed"))
    return;
  if (remote == 0)
    {
      /* The vocabulary says in a sentence what went wrong here; the protocol has a word for "not given". */
      g_string_append (out, *cepa_tor_dict_text (circuit, "reason", "") == '\0' ? " REASON=FINISHED" : " REASON=NONE");
      return;
    }
  g_string_append (out, " REASON=DESTROYED REMOTE_REASON=");
  tor_describe_reason (out, tor_describe_circuit_reasons, G_N_ELEMENTS (tor_describe_circuit_reasons), remote);
}

void
cepa_tor_describe_minor (GString *out, guint64 id, const char *event, GVariant *circuit)
{
  if (!g_str_equal (event, "use"))
    return;
  g_string_append_printf (out, "%" G_GUINT64_FORMAT " PURPOSE_CHANGED", id);
  tor_describe_circuit_tail (out, circuit);
  g_string_append_printf (out, " OLD_PURPOSE=%s", tor_describe_purpose (circuit, "former-use"));
}

void
cepa_tor_describe_taken (GString *out, guint64 id, const char *event, GVariant *circuit)
{
  const char *use = cepa_tor_dict_text (circuit, "use", "streams");

  if (!g_str_equal (event, "use") || !g_str_has_prefix (use, "hs-")
      || !g_str_equal (cepa_tor_dict_text (circuit, "former-use", "streams"), TOR_DESCRIBE_PREBUILT))
    return;
  g_string_append_printf (out, "%" G_GUINT64_FORMAT " CANNIBALIZED", id);
  tor_describe_circuit_tail (out, circuit);
  g_string_append (out, " OLD_PURPOSE=HS_VANGUARDS OLD_TIME_CREATED=");
  cepa_tor_text_append_time_us (out, (gint64) cepa_tor_dict_number (circuit, "created"));
}

void
cepa_tor_describe_circuit_state (GString *out, GVariant *circuit)
{
  const char *state = cepa_tor_dict_text (circuit, "state", "closed");
  const char *word = "BUILT";

  if (g_str_equal (state, "building"))
    word = cepa_tor_dict_number (circuit, "built") == 0 ? "LAUNCHED" : "EXTENDED";
  else if (g_str_equal (state, "waiting"))
    word = "GUARD_WAIT";
  else if (!g_str_equal (state, "open"))
    return;
  g_string_append_printf (out, "%" G_GUINT64_FORMAT " %s", cepa_tor_dict_number (circuit, "id"), word);
  tor_describe_circuit_tail (out, circuit);
}

/* C's locale is not ours to assume: a decimal point it is. */
static void
tor_describe_fraction (GString *out, const char *word, GVariant *dict, const char *key)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  double value = 0;

  g_variant_lookup (dict, key, "d", &value);
  g_string_append_printf (out, " %s=%s", word, g_ascii_formatd (text, sizeof text, "%f", value));
}

void
cepa_tor_describe_build_timeout (GString *out, const char *cause, GVariant *figures)
{
  g_string_append_printf (out,
                          "%s TOTAL_TIMES=%" G_GUINT64_FORMAT " TIMEOUT_MS=%" G_GUINT64_FORMAT " XM=%" G_GUINT64_FORMAT,
                          g_str_equal (cause, "reset") ? "RESET" : "COMPUTED", cepa_tor_dict_number (figures, "times"),
                          cepa_tor_dict_number (figures, "timeout-ms"), cepa_tor_dict_number (figures, "xm-ms"));
  tor_describe_fraction (out, "ALPHA", figures, "alpha");
  tor_describe_fraction (out, "CUTOFF_QUANTILE", figures, "quantile");
  tor_describe_fraction (out, "TIMEOUT_RATE", figures, "timeout-rate");
  g_string_append_printf (out, " CLOSE_MS=%" G_GUINT64_FORMAT, cepa_tor_dict_number (figures, "close-ms"));
  tor_describe_fraction (out, "CLOSE_RATE", figures, "close-rate");
}

static void
tor_describe_stream_head (GString *out, guint64 id, const char *state, GVariant *stream)
{
  g_string_append_printf (out, "%" G_GUINT64_FORMAT " %s %" G_GUINT64_FORMAT " ", id, state,
                          cepa_tor_dict_number (stream, "circuit"));
  cepa_tor_text_append_word (out, cepa_tor_dict_text (stream, "target", ""));
}

void
cepa_tor_describe_stream (GString *out, guint64 id, const char *event, GVariant *stream)
{
  static const TorDescribeWord events[] = {
    { "new", "NEW" },           { "attached", "SENTCONNECT" }, { "succeeded", "SUCCEEDED" },
    { "detached", "DETACHED" }, { "failed", "FAILED" },        { "closed", "CLOSED" },
  };
  const char *state = tor_describe_translate (events, event);
  const char *source = cepa_tor_dict_text (stream, "source", "");
  guint64 reason = cepa_tor_dict_number (stream, "reason");

  if (state == NULL)
    return;
  tor_describe_stream_head (out, id, state, stream);
  if (g_str_equal (event, "new"))
    {
      if (*source != '\0')
        {
          g_string_append (out, " SOURCE_ADDR=");
          cepa_tor_text_append_word (out, source);
        }
      g_string_append (out, " PURPOSE=USER");
    }
  else if (reason != 0 && (g_str_equal (event, "detached") || g_str_equal (event, "failed")
                           || g_str_equal (event, "closed")))
    {
      g_string_append (out, " REASON=");
      tor_describe_reason (out, tor_describe_stream_reasons, G_N_ELEMENTS (tor_describe_stream_reasons), reason);
    }
}

void
cepa_tor_describe_stream_state (GString *out, GVariant *stream)
{
  static const TorDescribeWord states[] = {
    { "new", "NEW" }, { "attached", "SENTCONNECT" }, { "open", "SUCCEEDED" },
  };
  const char *state = tor_describe_translate (states, cepa_tor_dict_text (stream, "state", "closed"));

  if (state != NULL)
    tor_describe_stream_head (out, cepa_tor_dict_number (stream, "id"), state, stream);
}

static void
tor_describe_channel_name (GString *out, GVariant *channel)
{
  const char *fingerprint = cepa_tor_dict_text (channel, "fingerprint", "");

  if (*fingerprint != '\0')
    tor_describe_name (out, fingerprint, cepa_tor_dict_text (channel, "nickname", ""));
  else
    cepa_tor_text_append_word (out, cepa_tor_dict_text (channel, "address", "?"));
}

void
cepa_tor_describe_channel (GString *out, guint64 id, const char *event, GVariant *channel)
{
  static const TorDescribeWord events[] = {
    { "launched", "LAUNCHED" }, { "opened", "CONNECTED" }, { "failed", "FAILED" }, { "closed", "CLOSED" },
  };
  const char *state = tor_describe_translate (events, event);
  guint64 circuits = cepa_tor_dict_number (channel, "circuits");

  if (state == NULL)
    return;
  tor_describe_channel_name (out, channel);
  g_string_append_printf (out, " %s", state);
  if (g_str_equal (event, "failed") || g_str_equal (event, "closed"))
    {
      const char *reason = cepa_tor_dict_text (channel, "reason", "");

      g_string_append (out, *reason == '\0' ? " REASON=DONE" : " REASON=MISC");
      if (circuits != 0)
        g_string_append_printf (out, " NCIRCS=%" G_GUINT64_FORMAT, circuits);
    }
  g_string_append_printf (out, " ID=%" G_GUINT64_FORMAT, id);
}

void
cepa_tor_describe_channel_state (GString *out, GVariant *channel)
{
  const char *state = cepa_tor_dict_text (channel, "state", "closed");

  if (g_str_equal (state, "closed"))
    return;
  tor_describe_channel_name (out, channel);
  g_string_append (out, g_str_equal (state, "open") ? " CONNECTED" : " LAUNCHED");
}

static void
tor_describe_guard_name (GString *out, GVariant *guard)
{
  const char *nickname = cepa_tor_dict_text (guard, "nickname", "");

  g_string_append_c (out, '$');
  cepa_tor_text_append_word (out, cepa_tor_dict_text (guard, "fingerprint", ""));
  if (*nickname != '\0')
    {
      g_string_append_c (out, '~');
      cepa_tor_text_append_word (out, nickname);
    }
}

void
cepa_tor_describe_guard (GString *out, const char *event, GVariant *guard)
{
  static const char *const events[] = { "new", "up", "down", "bad", "good", "dropped", NULL };
  static const char *const second[] = { "good-l2", "bad-l2", NULL };
  gboolean is_second = g_strv_contains (second, event);
  g_autofree char *status = g_strdelimit (g_ascii_strup (event, -1), "-", '_');

  if (!is_second && !g_strv_contains (events, event))
    return;
  g_string_append (out, "ENTRY ");
  tor_describe_guard_name (out, guard);
  if (is_second && *cepa_tor_dict_text (guard, "nickname", "") == '\0')
    g_string_append (out, "~None"); /* as C Tor has it of relays that have left the network */
  g_string_append_printf (out, " %s", status);
}

void
cepa_tor_describe_guard_state (GString *out, GVariant *guard)
{
  gint64 since = (gint64) cepa_tor_dict_number (guard, "since");
  g_autofree char *time = since > 0 ? cepa_tor_text_time (since, "%Y-%m-%d %H:%M:%S") : NULL;
  gboolean is_current = FALSE;

  if (!g_variant_lookup (guard, "is-current", "b", &is_current) || !is_current)
    return;
  tor_describe_guard_name (out, guard);
  g_string_append_c (out, ' ');
  cepa_tor_text_append_word (out, cepa_tor_dict_text (guard, "state", "never-connected"));
  if (time != NULL)
    g_string_append_printf (out, " %s", time);
}

/* Base64 without the "=" at the end (dir-spec: "r" line). */
static void
tor_describe_base64 (GString *out, const guint8 *bytes, gsize len)
{
  g_autofree char *text = g_base64_encode (bytes, len);

  g_string_append_len (out, text, (gssize) strcspn (text, "="));
}

static void
tor_describe_relay_head (GString *out, GVariant *relay)
{
  const char *fingerprint = cepa_tor_dict_text (relay, "fingerprint", "");
  gint64 published = (gint64) cepa_tor_dict_number (relay, "published");
  g_autofree char *time = cepa_tor_text_time (published, "%Y-%m-%d %H:%M:%S");
  g_autoptr (GVariant) digest = g_variant_lookup_value (relay, "digest", G_VARIANT_TYPE_BYTESTRING);
  g_autofree guint8 *id = NULL;
  const guint8 *microdescriptor;
  gsize len = 0, digest_len = 0;

  id = cepa_tor_text_unhex (fingerprint + (*fingerprint == '$'), &len);
  g_string_append (out, "r ");
  cepa_tor_text_append_word (out, cepa_tor_dict_text (relay, "nickname", "Unnamed"));
  g_string_append_c (out, ' ');
  tor_describe_base64 (out, id, id != NULL ? MIN (len, TOR_DESCRIBE_SHA1_LEN) : 0);
  g_string_append_c (out, ' ');
  /* The place of a server descriptor's digest, which has 20 bytes; C Tor too puts the beginning of this one there. */
  microdescriptor = digest != NULL ? g_variant_get_fixed_array (digest, &digest_len, 1) : NULL;
  tor_describe_base64 (out, digest_len >= TOR_DESCRIBE_SHA1_LEN ? microdescriptor : tor_describe_no_digest,
                       TOR_DESCRIBE_SHA1_LEN);
  g_string_append_printf (out, " %s ", time);
  cepa_tor_text_append_word (out, cepa_tor_dict_text (relay, "address", "0.0.0.0"));
  g_string_append_printf (out, " %u 0\n", (guint) cepa_tor_dict_number (relay, "or-port"));
}

void
cepa_tor_describe_relay (GString *out, GVariant *relay)
{
  g_autoptr (GVariant) flags = g_variant_lookup_value (relay, "flags", G_VARIANT_TYPE_STRING_ARRAY);
  const char *ipv6 = cepa_tor_dict_text (relay, "ipv6", "");

  tor_describe_relay_head (out, relay);
  if (*ipv6 != '\0')
    {
      g_string_append (out, "a ");
      cepa_tor_text_append_word (out, ipv6);
      g_string_append_c (out, '\n');
    }
  g_string_append_c (out, 's');
  for (gsize i = 0; flags != NULL && i < g_variant_n_children (flags); i++)
    {
      const char *flag;

      g_variant_get_child (flags, i, "&s", &flag);
      g_string_append_c (out, ' ');
      cepa_tor_text_append_word (out, flag);
    }
  g_string_append_printf (out, "\nw Bandwidth=%" G_GUINT64_FORMAT "\n", cepa_tor_dict_number (relay, "bandwidth"));
}

void
cepa_tor_describe_relays (GString *out, GVariant *result)
{
  g_autoptr (GVariant) list = NULL;
  GVariantIter iter;
  GVariant *relay;

  if (!g_variant_is_of_type (result, G_VARIANT_TYPE ("(aa{sv})")))
    return;
  list = g_variant_get_child_value (result, 0);
  g_variant_iter_init (&iter, list);
  while ((relay = g_variant_iter_next_value (&iter)) != NULL)
    {
      cepa_tor_describe_relay (out, relay);
      g_variant_unref (relay);
    }
}
