/* SPDX-License-Identifier: BSD-3-Clause */
/* GETINFO and GETCONF: many questions in one command, answered one after the other, some of them later. */
#pragma once

#include "connection.h"

G_BEGIN_DECLS

/* Answers the question: ends in one of the functions below, or in a call whose function does. */
typedef void (*CepaTorQueryFunc) (CepaTorQuery *query);
typedef void (*CepaTorQueryReplyFunc) (CepaTorQuery *query, GVariant *result, const GError *error);

struct _CepaTorQuery
{
  CepaTorConnection *connection; /* that has it */
  GPtrArray *words;
  guint index;
  CepaTorQueryFunc ask;
  const char *unknown_text; /* what stands before the word in quotes */
  gboolean ends_with_ok;

  GPtrArray *answers, *unknown; /* of texts: "version=1", "Unrecognized ..." */
  gsize n_bytes;
  const char *failure; /* (nullable): why the whole command fails */
  gboolean waiting, running;
  CepaTorQueryFunc again; /* (nullable): what comes before the next question */

  /* Of one answer that takes several calls; cleared behind it. */
  GPtrArray *list;
  GVariant *relays;
  guint at;
  GString *text;
};

/* Begins to answer @words (transfer full) as the command of @connection. */
void cepa_tor_query_start (CepaTorConnection *connection, GPtrArray *words, CepaTorQueryFunc ask,
                           const char *unknown_text, gboolean ends_with_ok);
void cepa_tor_query_free (CepaTorQuery *self);

/* Goes on, for a while. */
void cepa_tor_query_run (CepaTorQuery *self);

/* Returns: (transfer none): the question. */
const char *cepa_tor_query_word (const CepaTorQuery *self);

/* @text: of any lines. "@key=@text" is the answer; "@key" when @text is NULL. */
void cepa_tor_query_add (CepaTorQuery *self, const char *key, const char *text);

/* The question is answered with what was added; the next one comes. */
void cepa_tor_query_next (CepaTorQuery *self);

/* Both, for the key that was asked for. */
void cepa_tor_query_answer (CepaTorQuery *self, const char *text);
void cepa_tor_query_answer_uint (CepaTorQuery *self, guint64 number);

/* There is no such key. @why: (nullable): NULL for the usual sentence */
void cepa_tor_query_unknown (CepaTorQuery *self, const char *why);

/* The whole command fails: 551. @why: a constant */
void cepa_tor_query_fail (CepaTorQuery *self, const char *why);

void cepa_tor_query_call (CepaTorQuery *self, const char *interface_name, const char *method, GVariant *args,
                          CepaTorQueryReplyFunc func);

/* More calls are needed for this answer: @func makes the next. */
void cepa_tor_query_again (CepaTorQuery *self, CepaTorQueryFunc func);

G_END_DECLS
