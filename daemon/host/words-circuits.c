/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits1. */
#include <cepa/event.h>
#include <cepa/types.h>
#include <string.h>
#include <vocabulary-info.h>

#include "base/encoding.h"
#include "base/log.h"
#include "host/words.h"

static const char *
words_circuits_state (const CepaCircuit *circuit, const CepaCircuitsInfo *info)
{
  static const char *const names[] = {
    [CEPA_CIRCUIT_BUILDING] = "building", [CEPA_CIRCUIT_OPEN] = "open", [CEPA_CIRCUIT_CLOSED] = "closed",
  };

  return info->is_waiting ? "waiting" : names[cepa_circuit_get_state (circuit)];
}

static const char *
words_circuits_use (CepaCircuitsUse use)
{
  static const char *const names[CEPA_N_CIRCUITS_USES] = {
    [CEPA_CIRCUITS_FOR_STREAMS] = "streams",
    [CEPA_CIRCUITS_MEASURED] = "measured",
    [CEPA_CIRCUITS_PROBED] = "probed",
    [CEPA_CIRCUITS_APART] = "apart",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_PREBUILT] = "hs-vanguards",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_HSDIR] = "hs-client-hsdir",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_INTRO] = "hs-client-intro",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_CLIENT_REND] = "hs-client-rend",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_SERVICE_HSDIR] = "hs-service-hsdir",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_SERVICE_INTRO] = "hs-service-intro",
    [CEPA_CIRCUITS_ONION + CEPA_ONION_SERVICE_REND] = "hs-service-rend",
  };

  return names[use];
}

static const char *
words_circuits_purpose (const CepaCircuit *circuit)
{
  switch (cepa_circuit_get_purpose (circuit))
    {
    case CEPA_PURPOSE_INTERNAL:
      return "internal";
    case CEPA_PURPOSE_DIRECTORY:
      return "directory";
    default:
      return "general";
    }
}

static GVariant *
words_circuits_path (const CepaCircuit *circuit)
{
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ss)"));
  for (guint i = 0; i < cepa_circuit_get_n_hops (circuit); i++)
    {
      const CepaCircuitHop *hop = cepa_circuit_get_hop (circuit, i);
      char fingerprint[41];

      cepa_hex_encode_to (hop->target.rsa_id, sizeof hop->target.rsa_id, fingerprint);
      g_variant_builder_add (&out, "(ss)", fingerprint, hop->nickname);
    }
  return g_variant_builder_end (&out);
}

/* @circuits: (nullable): whose it is, or not. @reason: (nullable): in Changed */
static GVariant *
words_circuits_row (CepaCircuits *circuits, const CepaCircuit *circuit, gboolean has_closed, const GError *reason)
{
  CepaCircuitsInfo info = { 0 };
  GVariantDict row;

  if (circuits != NULL)
    cepa_circuits_get_info (circuits, circuit, &info);

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "id", "t", (guint64) cepa_circuit_get_number (circuit));
  g_variant_dict_insert (&row, "state", "s", has_closed ? "closed" : words_circuits_state (circuit, &info));
  g_variant_dict_insert (&row, "purpose", "s", words_circuits_purpose (circuit));
  g_variant_dict_insert (&row, "use", "s", words_circuits_use (info.use));
  g_variant_dict_insert (&row, "stable", "b", info.is_stable);
  g_variant_dict_insert_value (&row, "path", words_circuits_path (circuit));
  g_variant_dict_insert (&row, "built", "u", cepa_circuit_get_n_built (circuit));
  g_variant_dict_insert (&row, "streams", "u", cepa_circuit_get_n_streams (circuit));
  g_variant_dict_insert (&row, "created", "x", cepa_circuit_get_created_us (circuit));
  g_variant_dict_insert (&row, "channel", "t", cepa_circuit_get_channel_number (circuit));
  if (has_closed)
    {
      g_variant_dict_insert (&row, "reason", "s", reason != NULL ? reason->message : "");
      g_variant_dict_insert (&row, "remote-reason", "u", cepa_circuit_get_remote_reason (circuit));
    }
  return g_variant_dict_end (&row);
}

typedef struct
{
  CepaCircuits *circuits;
  GVariantBuilder out;
} WordsCircuitsList;

static void
words_circuits_add (gpointer user_data, CepaCircuit *circuit)
{
  WordsCircuitsList *list = user_data;

  g_variant_builder_add_value (&list->out, words_circuits_row (list->circuits, circuit, FALSE, NULL));
}

static void
words_circuits_list (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  WordsCircuitsList list = { .circuits = cepa_words_get_client (self)->circuits };

  g_variant_builder_init (&list.out, G_VARIANT_TYPE ("aa{sv}"));
  if (list.circuits != NULL)
    cepa_circuits_foreach (list.circuits, words_circuits_add, &list);
  cepa_word_reply_return (reply, g_variant_new ("(aa{sv})", &list.out));
}

static void
words_circuits_close (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  g_autoptr (GError) error = NULL;
  gboolean if_unused;
  guint64 id;

  g_variant_get (args, "(tb)", &id, &if_unused);
  if (circuits == NULL)
    cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "there is no circuit %" G_GUINT64_FORMAT, id);
  else if (cepa_circuits_close_by_number (circuits, id, if_unused, &error))
    cepa_word_reply_return (reply, NULL);
  else
    cepa_word_reply_fail (reply, error);
}

void
cepa_words_circuit_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer circuit, const GError *reason)
{
  static const char *const names[] = {
    [CEPA_CIRCUIT_EVENT_LAUNCHED] = "launched", [CEPA_CIRCUIT_EVENT_EXTENDED] = "extended",
    [CEPA_CIRCUIT_EVENT_BUILT] = "built",       [CEPA_CIRCUIT_EVENT_FAILED] = "failed",
    [CEPA_CIRCUIT_EVENT_ENDED] = "closed",
  };
  gboolean has_closed = event->what == CEPA_CIRCUIT_EVENT_FAILED || event->what == CEPA_CIRCUIT_EVENT_ENDED;
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  CepaCircuitsInfo info = { 0 };

  if (circuits != NULL && event->what == CEPA_CIRCUIT_EVENT_BUILT)
    cepa_circuits_get_info (circuits, circuit, &info);
  if (info.may_wait)
    return; /* words_circuits_settled() */
  if (event->what < G_N_ELEMENTS (names) && cepa_host_vocabulary_has_listener (self, "Circuits1", "Changed"))
    cepa_host_vocabulary_emit (self, "Circuits1", "Changed",
                               g_variant_new ("(ts@a{sv})", event->circuit, names[event->what],
                                              words_circuits_row (circuits, circuit, has_closed, reason)));
}

/* ---- Build ---- */

/* A wish, and what is not of one for streams. */
typedef struct
{
  CepaCircuitsWish wish;
  gboolean is_internal, is_apart;
  gint onion; /* CepaOnionPurpose; -1: none */
} WordsBuild;

/* "general", "internal", or the use of a circuit for onion services. */
static gboolean
words_circuits_read_purpose (const char *text, WordsBuild *out)
{
  if (g_str_equal (text, "general") || g_str_equal (text, "internal"))
    {
      out->is_internal = g_str_equal (text, "internal");
      out->onion = -1;
      return TRUE;
    }
  for (gint purpose = 0; purpose < CEPA_N_ONION_PURPOSES; purpose++)
    {
      if (!g_str_equal (words_circuits_use ((CepaCircuitsUse) (CEPA_CIRCUITS_ONION + purpose)), text))
        continue;
      out->onion = purpose;
      return TRUE;
    }
  return FALSE;
}

/* What @wish says, of which every key must be known. */
static gboolean
words_circuits_read_wish (GVariant *wish, WordsBuild *build, const char **fault)
{
  CepaCircuitsWish *out = &build->wish;
  GVariantIter iter;
  const char *key, *text;
  GVariant *value;

  g_variant_iter_init (&iter, wish);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      gboolean is_text = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING);
      gboolean is_flag = g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN);

      *fault = key;
      text = is_text ? g_variant_get_string (value, NULL) : "";
      if (g_str_equal (key, "purpose") && words_circuits_read_purpose (text, build))
        ;
      else if (g_str_equal (key, "port") && g_variant_is_of_type (value, G_VARIANT_TYPE_UINT16))
        out->port = g_variant_get_uint16 (value);
      else if (g_str_equal (key, "ipv6") && is_flag)
        out->ipv6 = g_variant_get_boolean (value);
      else if (g_str_equal (key, "apart") && is_flag)
        build->is_apart = g_variant_get_boolean (value);
      else if (g_str_equal (key, "country") && strlen (text) == 2 && g_ascii_isalpha (text[0])
               && g_ascii_isalpha (text[1]))
        {
          out->country[0] = g_ascii_tolower (text[0]);
          out->country[1] = g_ascii_tolower (text[1]);
        }
      else if (g_str_equal (key, "exit") && strlen (text) == 40 && cepa_hex_decode (text, 40, out->exit, sizeof out->exit))
        out->has_exit = TRUE;
      else
        {
          g_variant_unref (value);
          return FALSE;
        }
    }
  return TRUE;
}

static void
words_circuits_build (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  g_autoptr (GVariant) wish = g_variant_get_child_value (args, 0);
  WordsBuild build = { .onion = -1 };
  g_autoptr (GError) error = NULL;
  const char *fault = NULL;
  guint64 id;

  if (!words_circuits_read_wish (wish, &build, &fault))
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_INVALID, "the key \"%s\" is not known or has another kind of value",
                                 fault);
      return;
    }
  if (circuits == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  if (build.onion >= 0)
    id = cepa_circuits_build_onion (circuits, (CepaOnionPurpose) build.onion,
                                    build.wish.has_exit ? build.wish.exit : NULL, &error);
  else
    id = cepa_circuits_build (circuits, &build.wish, build.is_internal, build.is_apart, &error);
  if (id != 0)
    cepa_word_reply_return (reply, g_variant_new ("(t)", id));
  else
    cepa_word_reply_fail (reply, error);
}

/* ---- build times ---- */

static GVariant *
words_circuits_figures (const CepaBuildTimesFigures *figures)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  g_variant_dict_insert (&row, "times", "u", figures->n_times);
  g_variant_dict_insert (&row, "timeout-ms", "u", figures->timeout_ms);
  g_variant_dict_insert (&row, "close-ms", "u", figures->close_ms);
  g_variant_dict_insert (&row, "xm-ms", "u", figures->xm_ms);
  g_variant_dict_insert (&row, "alpha", "d", figures->alpha);
  g_variant_dict_insert (&row, "quantile", "d", figures->quantile);
  g_variant_dict_insert (&row, "timeout-rate", "d", figures->timeout_rate);
  g_variant_dict_insert (&row, "close-rate", "d", figures->close_rate);
  return g_variant_dict_end (&row);
}

static GVariant *
words_circuits_get_build_timeout (CepaHostVocabulary *self, G_GNUC_UNUSED GError **error)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;
  CepaBuildTimesFigures figures = { 0 };

  if (circuits != NULL)
    cepa_build_times_get_figures (cepa_circuits_get_build_times (circuits), &figures);
  return words_circuits_figures (&figures);
}

static void
words_circuits_drop_build_times (CepaHostVocabulary *self, G_GNUC_UNUSED GVariant *args, CepaWordReply *reply)
{
  CepaCircuits *circuits = cepa_words_get_client (self)->circuits;

  if (circuits == NULL)
    {
      cepa_word_reply_fail_with (reply, CEPA_PLUGIN_ERROR_FAILED, "the daemon is %s", cepa_words_get_state (self));
      return;
    }
  cepa_log (CEPA_LOG_CIRC, CEPA_LOG_NOTICE, "what was learned of how long circuits take is forgotten, as somebody asked");
  cepa_build_times_drop (cepa_circuits_get_build_times (circuits));
  cepa_word_reply_return (reply, NULL);
}

static void
words_circuits_build_timeout_set (gpointer user_data, CepaBuildTimesChange change,
                                  const CepaBuildTimesFigures *figures)
{
  CepaHostVocabulary *self = user_data;

  if (cepa_host_vocabulary_has_listener (self, "Circuits1", "BuildTimeoutSet"))
    cepa_host_vocabulary_emit (self, "Circuits1", "BuildTimeoutSet",
                               g_variant_new ("(s@a{sv})", change == CEPA_BUILD_TIMES_RESET ? "reset" : "computed",
                                              words_circuits_figures (figures)));
}

static void
words_circuits_use_changed (gpointer user_data, CepaCircuit *circuit, CepaCircuitsUse former)
{
  CepaHostVocabulary *self = user_data;
  g_autoptr (GVariant) now = NULL;
  GVariantDict row;

  if (!cepa_host_vocabulary_has_listener (self, "Circuits1", "Changed"))
    return;
  now = g_variant_ref_sink (words_circuits_row (cepa_words_get_client (self)->circuits, circuit, FALSE, NULL));
  g_variant_dict_init (&row, now);
  g_variant_dict_insert (&row, "former-use", "s", words_circuits_use (former));
  cepa_host_vocabulary_emit (self, "Circuits1", "Changed",
                             g_variant_new ("(ts@a{sv})", (guint64) cepa_circuit_get_number (circuit), "use",
                                            g_variant_dict_end (&row)));
}

/* As in C Tor a circuit is built when it may be used, and again when it has been made longer. */
static void
words_circuits_settled (gpointer user_data, CepaCircuit *circuit, gboolean is_waiting)
{
  CepaHostVocabulary *self = user_data;

  if (cepa_host_vocabulary_has_listener (self, "Circuits1", "Changed"))
    cepa_host_vocabulary_emit (self, "Circuits1", "Changed",
                               g_variant_new ("(ts@a{sv})", (guint64) cepa_circuit_get_number (circuit),
                                              is_waiting ? "waiting" : "built",
                                              words_circuits_row (cepa_words_get_client (self)->circuits, circuit,
                                                                  FALSE, NULL)));
}

static void
words_circuits_new_identity (gpointer user_data)
{
  if (cepa_host_vocabulary_has_listener (user_data, "Client1", "NewIdentityTaken"))
    cepa_host_vocabulary_emit (user_data, "Client1", "NewIdentityTaken", NULL);
}

void
cepa_words_watch_circuits (CepaHostVocabulary *self, CepaCircuits *circuits, gboolean watch)
{
  static const CepaCircuitsWatch funcs = { words_circuits_new_identity, words_circuits_build_timeout_set,
                                           words_circuits_use_changed, words_circuits_settled };

  if (circuits == NULL)
    return;
  cepa_circuits_set_watch (circuits, watch ? &funcs : NULL, self);
  cepa_vanguards_set_func (cepa_circuits_get_vanguards (circuits), watch ? cepa_words_vanguard_changed : NULL, self);
}

static const CepaWordMethod words_circuits_methods[] = {
  { "List", words_circuits_list },
  { "Build", words_circuits_build },
  { "Close", words_circuits_close },
  { "DropBuildTimes", words_circuits_drop_build_times },
  { NULL, NULL },
};

static const CepaWordProperty words_circuits_properties[] = {
  { "BuildTimeout", words_circuits_get_build_timeout },
  { NULL, NULL },
};

const CepaWords cepa_words_circuits = {
  .info = &org_cepa_circuits1_interface,
  .properties = words_circuits_properties,
  .methods = words_circuits_methods,
};
