/* SPDX-License-Identifier: BSD-3-Clause */
/* A host whose vocabulary says what a test has told it to say. Everything runs in the thread's default context. */
#pragma once

#include <cepa/control.h>

G_BEGIN_DECLS

typedef struct _FakeHost FakeHost;

FakeHost *fake_host_new (void);

/* Fails when timers, watches or subscriptions are left. */
void fake_host_free (FakeHost *self);

const CepaHost *fake_host_get (FakeHost *self);
void fake_host_set_option (FakeHost *self, const char *name, const char *value);

/* @name: "Client1.Version"; @value: (transfer floating) (nullable): NULL takes it away. */
void fake_host_set_property (FakeHost *self, const char *name, GVariant *value);

/* What a method, "Circuits1.List", returns from now on. @result: (transfer floating). */
void fake_host_set_result (FakeHost *self, const char *name, GVariant *result);

/* @error: (transfer full): what it fails with. */
void fake_host_set_error (FakeHost *self, const char *name, GError *error);

/* Calls of it wait until fake_host_answer(), which answers the oldest. */
void fake_host_defer (FakeHost *self, const char *name);
guint fake_host_n_waiting (FakeHost *self);
void fake_host_answer (FakeHost *self, GVariant *result, const GError *error);

/* Calls so far, as "Circuits1.Close (uint64 7, true)", one a line. */
const char *fake_host_calls (FakeHost *self);

/* @args: (transfer floating). */
void fake_host_emit (FakeHost *self, const char *interface_name, const char *signal, GVariant *args);
guint fake_host_n_subscribed (FakeHost *self, const char *interface_name, const char *signal);

/* Whether the task has ended; @error: (out) (nullable) (transfer full): its error. */
gboolean fake_host_has_ended (FakeHost *self, uint64_t task, GError **error);

/* Lines so far. */
const char *fake_host_log (FakeHost *self);

G_END_DECLS
