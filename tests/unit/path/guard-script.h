/* SPDX-License-Identifier: BSD-3-Clause */
/* Scenarios of guards as tables: what happens, and what must be seen. */
#pragma once

#include "path/guards.h"
#include "support/test-consensus.h"

G_BEGIN_DECLS

#define GUARD_SCRIPT_MAX_RELAYS 400

/*
 * A step: what happens, and (nullable) what must come of it. Guards are called by letters, in the order in which the first
 * sample was drawn: A, B ... Z, a ... z; tickets by digits.
 *
 *   sample, primary, confirmed, usable       the letters of that set in its order; ? for guards without letter
 *   size                                     how many are sampled
 *   list, listdir                            the candidates for circuits, or for the directory: the first five letters
 *   list @7                                  for a circuit whose last relay is number 7 of the network
 *   listdir -AB                              when A and B lacked documents
 *   try A 1, trydir A 1, try A 1 @7          ticket 1 for a circuit through A: "now", "wait" or "none"
 *   built 1                                  "use", "wait", "drop"
 *   failed 1, close 1                        the guard's fault; the circuit ends
 *   update                                   what waiting tickets were told ("1use 2drop"), then "+15": when it is due again
 *   wait 600                                 seconds pass
 *   day 3                                    days pass, then comes a consensus
 *   consensus                                comes with what follows:
 *   gone AB, back AB                         relays leave the consensus and return
 *   bar AB, unbar AB                         the user's options exclude them, or no more
 *   barfrom 30                               exclude the relays from that number of the network on, and no others
 *   keep                                     the daemon is started anew
 *   events                                   what was told since the last: "+A" new, "^A" up, "vA" down, "!A" bad, "=A"
 *                                            good, "-A" dropped, "*" another set
 *   set                                      "default", "restricted", "bridges"
 */
typedef struct
{
  const char *step, *expected;
} GuardStep;

typedef struct
{
  CepaClockFake clock;
  CepaRandomSeeded random;
  CepaGuardsConfig config;
  TestRelay relays[GUARD_SCRIPT_MAX_RELAYS];
  guint8 barred[GUARD_SCRIPT_MAX_RELAYS];
  TestConsensus spec;
  CepaNetwork *network;
  CepaGuards *guards;
  guint8 letters[52][20];
  guint n_letters;
  CepaGuardTicket *tickets[10];
  GString *told, *events;
  guint n_changes;
} GuardScript;

/* @n_guards of the @n_relays have the Guard flag. No consensus yet. */
void guard_script_init (GuardScript *self, guint n_relays, guint n_guards, guint64 seed);
void guard_script_clear (GuardScript *self);

/* What the fields say becomes the network. */
void guard_script_publish (GuardScript *self);
void guard_script_pass (GuardScript *self, gint64 seconds);
void guard_script_restart (GuardScript *self);

/* Letters of guards that are in the set in use now and have none yet are given out. */
void guard_script_name (GuardScript *self);
char guard_script_letter (const GuardScript *self, const guint8 *rsa_id);

void guard_script_run (GuardScript *self, const GuardStep *steps, guint n_steps);

#define GUARD_SCRIPT_RUN(self, steps) guard_script_run ((self), (steps), G_N_ELEMENTS (steps))

/* A script with its network. */
typedef struct
{
  guint n_relays, n_guards;
  const char *params; /* (nullable): of the consensus */
  const GuardStep *steps;
  guint n_steps;
} GuardScenario;

#define GUARD_SCENARIO(n_relays, n_guards, params, steps) \
  { (n_relays), (n_guards), (params), (steps), G_N_ELEMENTS (steps) }

/* For g_test_add_data_func(). @scenario: GuardScenario */
void guard_scenario_run (gconstpointer scenario);

G_END_DECLS
