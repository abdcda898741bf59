/* SPDX-License-Identifier: BSD-3-Clause */
/* A host whose vocabulary says what a test has told it to say. */
#pragma once

#include <cepa/control.h>

#include "support/fake-host.h"

G_BEGIN_DECLS

typedef struct
{
  FakeHost host; /* first */
  CepaVocabulary vocabulary;
  GHashTable *properties, *results, *errors, *methods, *deferred; /* private */
  GQueue waiting;                                                 /* private */
  GPtrArray *subscriptions;                                       /* private */
  guint64 last_subscription;                                      /* private */
  GString *calls; /* "Circuits1.Close (uint64 7, true)", one a line */
} FakeWords;

/* @words: a FakeWords, or the fixture that begins with it. Returns: (transfer full) (nullable): what the method returns;
   NULL with @error. */
typedef GVariant *(*FakeWordsMethod) (gpointer words, GVariant *args, GError **error);

void fake_words_init (FakeWords *self);

/* Fails when timers, watches or subscriptions are left. */
void fake_words_clear (FakeWords *self);

/* @name: "Client1.Version"; @value: (transfer floating) (nullable): NULL takes it away. */
void fake_words_set_property (FakeWords *self, const char *name, GVariant *value);

/* What a method, "Circuits1.List", returns from now on: the same each time; @error: (transfer full): or fails with; or
   what @method makes of each call. */
void fake_words_set_result (FakeWords *self, const char *name, GVariant *result);
void fake_words_set_error (FakeWords *self, const char *name, GError *error);
void fake_words_set_method (FakeWords *self, const char *name, FakeWordsMethod method);

/* There is no such method any more. */
void fake_words_forget (FakeWords *self, const char *name);

/* Calls of it wait until fake_words_answer(), which answers the oldest. */
void fake_words_defer (FakeWords *self, const char *name);
guint fake_words_n_waiting (FakeWords *self);
void fake_words_answer (FakeWords *self, GVariant *result, const GError *error);

/* @args: (transfer full): floating or not */
void fake_words_emit (FakeWords *self, const char *interface_name, const char *signal, GVariant *args);
guint fake_words_n_subscribed (FakeWords *self, const char *interface_name, const char *signal);

G_END_DECLS
