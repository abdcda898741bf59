/* SPDX-License-Identifier: BSD-3-Clause */
/* A padding machine for tests: writes down what it is told, and does what the test has set. */
#pragma once

#include "channel/padding.h"

G_BEGIN_DECLS

#define FAKE_MACHINE_MAX_EVENTS 64

/**
 * FakeMachine:
 * @counts: of each event since the test began
 * @events: (array length=n_events): of the last trigger
 * @actions: (array length=n_actions): what the next trigger gives, once; ever again when @repeats
 * @n_claimed: what trigger returns in place of @n_actions, unless 0
 * @rules: (element-type utf8): the rules broken, in order
 */
typedef struct
{
  guint64 counts[16];
  guint n_triggers, n_events;
  CepaPaddingEvent events[FAKE_MACHINE_MAX_EVENTS];
  CepaPaddingAction actions[16];
  guint n_actions, n_claimed;
  gboolean repeats, refuses; /* @refuses: there is no machine for a target */
  gboolean is_patient;
  gint64 now_us;             /* of the last trigger */
  guint n_made, n_freed;
  CepaPaddingTarget target; /* of the last one made */
  GPtrArray *rules;
  void (*act) (gpointer user_data); /* (nullable): called in each trigger */
  gpointer user_data;
  CepaPaddingProvider provider;
} FakeMachine;

void fake_machine_init (FakeMachine *self);
void fake_machine_clear (FakeMachine *self);

/* One more action for the next trigger. */
void fake_machine_add (FakeMachine *self, const CepaPaddingAction *action);

/* "4*2 0*2" of the last trigger: types and counts. */
char *fake_machine_describe (const FakeMachine *self);

G_END_DECLS
