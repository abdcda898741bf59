/* SPDX-License-Identifier: BSD-3-Clause */
#include "support/fake-machine.h"

#include <string.h>

static guint32
machine_trigger (gpointer machine, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                 CepaPaddingAction *actions, guint32 max_actions)
{
  FakeMachine *self = machine;
  guint n = MIN (self->n_actions, max_actions);

  self->n_triggers++;
  self->now_us = now_us;
  g_assert_cmpuint (n_events, >, 0);
  g_assert_cmpuint (n_events, <=, FAKE_MACHINE_MAX_EVENTS);
  g_assert_cmpuint (max_actions, >=, 4);
  self->n_events = n_events;
  memcpy (self->events, events, n_events * sizeof *events);
  for (guint i = 0; i < n_events; i++)
    {
      g_assert_cmpuint (events[i].type, <, G_N_ELEMENTS (self->counts));
      g_assert_cmpuint (events[i].count, >, 0);
      self->counts[events[i].type] += events[i].count;
    }
  memcpy (actions, self->actions, n * sizeof *actions);
  if (!self->repeats)
    self->n_actions = 0;
  if (self->act != NULL)
    self->act (self->user_data);
  return self->n_claimed > 0 ? self->n_claimed : n;
}

static void
machine_violated (gpointer machine, const char *rule, const char *sentence)
{
  FakeMachine *self = machine;

  g_assert_cmpuint (strlen (sentence), >, 20);
  g_ptr_array_add (self->rules, g_strdup (rule));
}

static void
machine_free (gpointer machine)
{
  ((FakeMachine *) machine)->n_freed++;
}

static gboolean
machine_get (gpointer user_data, const CepaPaddingTarget *target, CepaPaddingMachine *out)
{
  FakeMachine *self = user_data;

  if (self->refuses)
    return FALSE;
  g_assert_cmpuint (target->size, ==, sizeof *target);
  self->n_made++;
  self->target = *target;
  *out = (CepaPaddingMachine){ self, self, self->is_patient, machine_trigger, machine_violated, machine_free };
  return TRUE;
}

void
fake_machine_init (FakeMachine *self)
{
  memset (self, 0, sizeof *self);
  self->rules = g_ptr_array_new_with_free_func (g_free);
  self->provider = (CepaPaddingProvider){ machine_get, self };
}

void
fake_machine_clear (FakeMachine *self)
{
  g_assert_cmpuint (self->n_freed, ==, self->n_made);
  g_ptr_array_unref (self->rules);
}

void
fake_machine_add (FakeMachine *self, const CepaPaddingAction *action)
{
  g_assert_cmpuint (self->n_actions, <, G_N_ELEMENTS (self->actions));
  self->actions[self->n_actions++] = *action;
}

char *
fake_machine_describe (const FakeMachine *self)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < self->n_events; i++)
    g_string_append_printf (out, "%s%u*%u", i > 0 ? " " : "", self->events[i].type, self->events[i].count);
  return g_string_free (out, FALSE);
}
