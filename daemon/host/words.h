/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of the vocabulary: what answers each property and method of the XML. Private to host. */
#pragma once

#include <gio/gio.h>

#include "host/vocabulary.h"

G_BEGIN_DECLS

/* A method's answer that is still owed. */
typedef struct _CepaWordReply CepaWordReply;

/* Returns: (transfer floating or full) (nullable): NULL with any error. */
typedef GVariant *(*CepaWordGet) (CepaHostVocabulary *self, GError **error);

/* @args: (transfer none): a tuple of the types that the XML says. @reply is answered once, now or later. */
typedef void (*CepaWordCall) (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply);

typedef struct
{
  const char *name;
  CepaWordGet get;
} CepaWordProperty;

typedef struct
{
  const char *name;
  CepaWordCall call;
} CepaWordMethod;

/**
 * CepaWords:
 * @info: generated from the XML
 * @properties: @methods: NULL names at the end; each of @info has one
 * @interest: (nullable): somebody has subscribed to a signal of it, or has ended that
 *
 * The words of one interface.
 */
typedef struct
{
  const GDBusInterfaceInfo *info;
  const CepaWordProperty *properties;
  const CepaWordMethod *methods;
  void (*interest) (CepaHostVocabulary *self);
} CepaWords;

extern const CepaWords cepa_words_client;
extern const CepaWords cepa_words_circuits;
extern const CepaWords cepa_words_guards;
extern const CepaWords cepa_words_streams;
extern const CepaWords cepa_words_channels;
extern const CepaWords cepa_words_network;
extern const CepaWords cepa_words_plugins;
extern const CepaWords cepa_words_options;
extern const CepaWords cepa_words_log;

/* Returns: (transfer none): NULL at the end: all of these. */
const CepaWords *const *cepa_words (void);

/* The XML, made from data/. */
extern const char cepa_words_xml[];

/* @result: (transfer floating) (nullable): the tuple; NULL for a method that returns nothing. */
void cepa_word_reply_return (CepaWordReply *reply, GVariant *result);

/* @error: (transfer none): of any domain; what plugins get is of CEPA_PLUGIN_ERROR. */
void cepa_word_reply_fail (CepaWordReply *reply, const GError *error);
void cepa_word_reply_fail_with (CepaWordReply *reply, CepaPluginError code, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* Returns: (transfer none) (nullable): NULL when it went away before the answer came. */
CepaHostVocabulary *cepa_word_reply_get_vocabulary (const CepaWordReply *reply);

/* Returns: (transfer none): what was set, all zeros before. */
const CepaVocabularyClient *cepa_words_get_client (const CepaHostVocabulary *self);
CepaPluginHost *cepa_words_get_host (const CepaHostVocabulary *self); /* (transfer none) (nullable) */

GMainContext *cepa_words_get_context (const CepaHostVocabulary *self); /* (transfer none): the protocol thread's */

/* "starting", "running", "stopping" */
const char *cepa_words_get_state (const CepaHostVocabulary *self);

/* What the files keep for one vocabulary; each is made when it is first asked for. */
typedef struct _CepaWordsLog CepaWordsLog;
typedef struct _CepaWordsOptions CepaWordsOptions;
CepaWordsLog **cepa_words_get_log (CepaHostVocabulary *self);
CepaWordsOptions **cepa_words_get_options (CepaHostVocabulary *self);
void cepa_words_log_free (CepaWordsLog *self);
void cepa_words_options_free (CepaWordsOptions *self);

/* In words-circuits.c, words-streams.c and words-channels.c: emits Changed. */
void cepa_words_circuit_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer circuit,
                               const GError *reason);
void cepa_words_stream_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer application);
void cepa_words_channel_event (CepaHostVocabulary *self, const CepaEvent *event, gpointer channel,
                               const GError *reason);

/* In words-circuits.c. @circuits: (nullable): tells what happens to it from now on, or not any more. */
void cepa_words_watch_circuits (CepaHostVocabulary *self, CepaCircuits *circuits, gboolean watch);

/* In words-guards.c: a CepaVanguardsFunc: emits Changed. */
void cepa_words_vanguard_changed (gpointer self, const guint8 rsa_id[20], gboolean is_good);

/* In words-client.c: emits Bootstrapped. */
void cepa_words_bootstrapped (gpointer self, const CepaBootstrap *bootstrap);
void cepa_words_clock_skewed (gpointer self, const CepaSkew *skew); /* the same of CepaSkew.changed */

/* In words-countries.c: methods of Network1. */
void cepa_words_country (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply);
void cepa_words_has_countries (CepaHostVocabulary *self, GVariant *args, CepaWordReply *reply);

/* In words-options.c: the path policy is another one now, by another way than Set. */
void cepa_words_options_note_policy (CepaHostVocabulary *self, const char *id);

G_END_DECLS
