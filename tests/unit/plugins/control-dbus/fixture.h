/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin with a fake host, in a folder of its own, and clients of its socket in the same thread. */
#pragma once

#include <gio/gio.h>

#include "dbus.h"
#include "support/fake-words.h"

G_BEGIN_DECLS

#define FIXTURE_PATH "/org/cepa/Cepa1"

typedef struct
{
  FakeWords words;
  char *folder, *runtime, *data; /* runtime and data are in folder */
  CepaDbus *dbus;
} Fixture;

void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_tear_down (Fixture *self, gconstpointer data);

/* Starts the plugin and waits for the end of that. Returns: (transfer full) (nullable): the error. */
GError *fixture_start (Fixture *self);

/* Stops the plugin, waits for the end, and frees it. */
void fixture_stop (Fixture *self);

/* The turns of the loop until @condition; the host ends a test that waits too long. */
#define fixture_wait(self, condition) \
  while (!(condition)) \
  fake_host_turn (&(self)->words.host)

/* Returns: (transfer full): where the plugin listens, without "unix:". */
char *fixture_socket (Fixture *self);

/* Returns: (transfer full) (nullable) */
GDBusConnection *fixture_try_connect (Fixture *self, const char *path, GError **error);
GDBusConnection *fixture_connect (Fixture *self);

/* A call of a method by its full name, "org.cepa.Circuits1.List". @name: (nullable): of whom, on a bus.
   Returns: (transfer full) (nullable) */
GVariant *fixture_call (Fixture *self, GDBusConnection *client, const char *name, const char *method, GVariant *args,
                        GError **error);

/* Asserts that the last line of @error's message is of the D-Bus error @name; and clears it. */
void fixture_assert_error (GError **error, const char *name, const char *part);

/* Counts the signals that come, from now on. */
typedef struct
{
  guint n;
  char *last; /* "Bootstrapped (uint32 5, ...)" */
  GDBusConnection *client;
  guint id;
} SignalCount;

void signal_count_start (SignalCount *self, GDBusConnection *client, const char *interface_name);
void signal_count_stop (SignalCount *self);

/* Returns: a connected raw socket. */
int fixture_open_raw (const char *path);

G_END_DECLS
