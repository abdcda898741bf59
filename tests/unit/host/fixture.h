/* SPDX-License-Identifier: BSD-3-Clause */
/* A host over plugins of tests/plugins, in a private folder and a private loop. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/random.h"
#include "host/host.h"
#include "host/plugin.h"

G_BEGIN_DECLS

#define KEYFILE \
  "[Plugin]\nId=path.variant\nName=A plugin for tests\nModule=variant.so\nAbiMajor=1\nAbiMinor=0\n"

typedef struct
{
  char *root; /* where the host looks */
  GMainContext *context;
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaPluginHost *host;
  CepaLoopWatch *deadline;
  GError *failure; /* (nullable): what the host said that the daemon should end for */
} Fixture;

void fixture_set_up (Fixture *self, gconstpointer data);
void fixture_tear_down (Fixture *self, gconstpointer data);

/* Another host, which has seen nothing yet. */
void fixture_renew (Fixture *self);

void fixture_write (const Fixture *self, const char *name, const char *text, gssize len);

/* Puts the module @variant and a keyfile, KEYFILE when it is NULL, into the folder @folder of the root. */
void fixture_install (const Fixture *self, const char *folder, const char *variant, const char *keyfile);

/* The same with a keyfile of the id @id and with the lines @more in it; scans the folder. */
void fixture_install_as (const Fixture *self, const char *variant, const char *id, const char *more);

/* Starts, uses or stops it, and waits until it has settled; @id is full or without "path.". NULL with what the host says. */
CepaHostPlugin *fixture_start (Fixture *self, const char *id, GError **error);
gboolean fixture_use (Fixture *self, const char *id, GError **error);
gboolean fixture_stop (Fixture *self, CepaHostPlugin *plugin, GError **error);

CepaHostPlugin *fixture_find (const Fixture *self, const char *id);

/* How often it broke @rule. */
guint fixture_violations (const CepaHostPlugin *plugin, const char *rule);

/* The policy of path.variant, which is started. */
CepaPathPolicy *fixture_policy (Fixture *self);

/* Asserts that the plugin cannot be started, with a sentence that has @part. */
void fixture_assert_refused (Fixture *self, const char *id, const char *part);

G_END_DECLS
