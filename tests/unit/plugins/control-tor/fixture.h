/* SPDX-License-Identifier: BSD-3-Clause */
/* The front end with a host whose vocabulary says what a test tells it, and controllers in the same thread. */
#pragma once

#include "control.h"
#include "support/fake-words.h"

G_BEGIN_DECLS

typedef struct
{
  FakeWords words; /* first */
  GHashTable *options; /* of the torrc: name to GStrv; see fixture_set_up_world() */
  char *folder;
  CepaTorControl *control;
} Fixture;

/* A controller. */
typedef struct
{
  Fixture *fixture;
  int fd;
  GSource *source;
  GString *received; /* that no test has taken yet */
  gboolean ended;    /* by the other side */
} Client;

void fixture_set_up (Fixture *self, gconstpointer data);

/* Stops, and checks that nothing is left behind. */
void fixture_tear_down (Fixture *self, gconstpointer data);

/* Properties, circuits, streams, channels, relays and options of a small world. */
void fixture_set_up_world (Fixture *self);

/* Makes and starts the front end. Returns: (transfer full) (nullable): why it could not. */
GError *fixture_try_start (Fixture *self);

/* The same on a port of its own choice, which must work. */
void fixture_start (Fixture *self);
void fixture_stop (Fixture *self);

#define fixture_wait(self, condition) \
  while (!(condition)) \
  fake_host_turn (&(self)->words.host)

/* @place: "127.0.0.1:1", "unix:/x"; NULL for the first place */
Client *client_new (Fixture *fixture, const char *place);
void client_free (Client *self);

/* Authenticated, where nobody has to. */
Client *client_new_ready (Fixture *fixture);

void client_send (Client *self, const char *text);
void client_send_bytes (Client *self, const void *bytes, gsize len);

/* Waits for one whole answer or event and takes it: up to the first line whose code is followed by a space.
   Returns: (transfer full): with LF as line end, without the last one. */
char *client_take (Client *self);

/* Waits until the other side has closed. Returns: (transfer full): what it said. */
char *client_take_all (Client *self);

/* Sends @command, and checks the answer, whose lines are apart by LF. */
void client_check (Client *self, const char *command, const char *answer);

/* The same, and it is closed then. */
void client_check_closed (Client *self, const char *command, const char *answer);

/* Waits for one event. */
void client_check_event (Client *self, const char *event);

G_END_DECLS
