/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of padding plugins. */
#include <string.h>

#include "allocations.h"
#include "check.h"

#define PADDING_MAX_EVENTS 8
#define PADDING_MAX_ACTIONS 16

/* Calls of trigger in a sequence. */
#define PADDING_N_TURNS 400

/* A target as a newer host gives it. */
typedef struct
{
  CepaPaddingTarget target;
  guint8 beyond[48];
} PaddingWideTarget;

static const CepaPaddingTable *
padding_get_table (CepaInstance *instance)
{
  return instance->check->plugin->padding;
}

static guint64
padding_draw (CepaInstance *instance, guint64 limit)
{
  return cepa_host_random_below (cepa_fake_host_get_table (instance->host), limit);
}

static void
padding_init_target (PaddingWideTarget *wide, guint scope, guint64 number, guint n_hops)
{
  memset (wide, 0xa5, sizeof *wide);
  wide->target = (CepaPaddingTarget){ .size = sizeof (CepaPaddingTarget), .scope = scope, .number = number };
  if (scope == CEPA_PADDING_CHANNEL)
    wide->target.link_version = 5;
  else
    wide->target.n_hops = n_hops;
}

static void *
padding_new_machine (CepaInstance *instance, const CepaPaddingTarget *target)
{
  void *machine;

  CEPA_CHECK_CALL (instance->check, "machine_new",
                   machine = padding_get_table (instance)->machine_new (instance->self, target));
  if (machine != NULL && CEPA_TABLE_HAS (padding_get_table (instance), CepaPaddingTable, machine_traits))
    {
      uint32_t traits;

      CEPA_CHECK_CALL (instance->check, "machine_traits",
                       traits = padding_get_table (instance)->machine_traits (instance->self, machine));
      if ((traits & ~(uint32_t) CEPA_PADDING_PATIENT) != 0)
        cepa_check_fail (instance->check, "machine_traits gave %#x: CEPA_PADDING_PATIENT is known", traits);
    }
  return machine;
}

static void
padding_free_machine (CepaInstance *instance, void *machine)
{
  CEPA_CHECK_CALL (instance->check, "machine_free",
                   padding_get_table (instance)->machine_free (instance->self, machine));
}

/* Returns: (nullable): what is wrong with an action. */
static const char *
padding_find_fault (const CepaPaddingTarget *target, const CepaPaddingAction *action)
{
  gboolean is_channel = target->scope == CEPA_PADDING_CHANNEL;

  if (action->type > CEPA_PADDING_NEGOTIATE)
    return "an action is of a type that there is not";
  if ((action->flags & ~(guint32) (CEPA_PADDING_BYPASS | CEPA_PADDING_REPLACE)) != 0)
    return "an action has flags that there are not";
  if (action->type == CEPA_PADDING_CANCEL
      && (action->timers & ~(guint32) (CEPA_PADDING_TIMER_ACTION | CEPA_PADDING_TIMER_INTERNAL)) != 0)
    return "CANCEL names timers that there are not";
  if ((action->type == CEPA_PADDING_SEND || action->type == CEPA_PADDING_BLOCK) && action->timeout_us < 0)
    return "an action has a timeout below 0";
  if ((action->type == CEPA_PADDING_BLOCK || action->type == CEPA_PADDING_UPDATE_TIMER) && action->duration_us < 0)
    return "an action has a duration below 0";
  if (action->type == CEPA_PADDING_SEND && !is_channel && action->hop >= target->n_hops)
    return "SEND is for a hop that the circuit does not have";
  if (action->type == CEPA_PADDING_BLOCK && is_channel)
    return "BLOCK is for circuits only";
  if (action->type == CEPA_PADDING_NEGOTIATE && !is_channel)
    return "NEGOTIATE is for channels only";
  if (action->type == CEPA_PADDING_NEGOTIATE && (action->low_ms > action->high_ms || action->high_ms > 65535))
    return "NEGOTIATE has times that there are not";
  return NULL;
}

/* Calls trigger and judges what it gives. Returns: how many actions there are. */
static guint
padding_trigger (CepaInstance *instance, const CepaPaddingTarget *target, void *machine, const CepaPaddingEvent *events,
                 guint n_events, guint max_actions)
{
  CepaPaddingAction actions[PADDING_MAX_ACTIONS + 1];
  gint64 now_us = cepa_host_monotonic_us (cepa_fake_host_get_table (instance->host));
  CepaPaddingAction guard;
  guint n;

  memset (actions, 0x5a, sizeof actions);
  memset (&guard, 0x5a, sizeof guard);
  CEPA_CHECK_CALL (instance->check, "trigger",
                   n = padding_get_table (instance)->trigger (instance->self, machine, events, n_events, now_us, actions,
                                                              max_actions));
  if (memcmp (&actions[max_actions], &guard, sizeof guard) != 0)
    cepa_check_fail (instance->check, "trigger wrote behind the %u actions that there is room for", max_actions);
  if (n > max_actions)
    {
      cepa_check_fail (instance->check, "trigger gave %u actions, and there is room for %u", n, max_actions);
      return 0;
    }
  for (guint i = 0; i < n; i++)
    {
      const char *fault = padding_find_fault (target, &actions[i]);

      if (fault != NULL)
        cepa_check_fail (instance->check, "%s", fault);
    }
  return n;
}

static guint
padding_draw_events (CepaInstance *instance, CepaPaddingEvent *events)
{
  guint n = 1 + (guint) padding_draw (instance, PADDING_MAX_EVENTS);

  for (guint i = 0; i < n; i++)
    {
      events[i].type = (guint32) padding_draw (instance, CEPA_PADDING_STREAM + 1);
      events[i].count = 1 + (guint32) padding_draw (instance, 20);
    }
  return n;
}

/* A machine's life with random events. Returns: how many actions there were. */
static guint
padding_run_machine (CepaInstance *instance, const CepaPaddingTarget *target, guint max_actions, gboolean *has_machine)
{
  static const CepaPaddingEvent opened[] = { { CEPA_PADDING_OPENED, 1 }, { CEPA_PADDING_IN_USE, 1 } };
  void *machine = padding_new_machine (instance, target);
  CepaPaddingEvent events[PADDING_MAX_EVENTS];
  guint n = 0;

  *has_machine = machine != NULL;
  if (machine == NULL)
    return 0;
  n += padding_trigger (instance, target, machine, opened, G_N_ELEMENTS (opened), max_actions);
  for (guint i = 0; i < PADDING_N_TURNS; i++)
    {
      guint n_events = padding_draw_events (instance, events);

      n += padding_trigger (instance, target, machine, events, n_events, max_actions);
      cepa_fake_host_advance (instance->host, (gint64) padding_draw (instance, G_USEC_PER_SEC));
    }
  padding_free_machine (instance, machine);
  return n;
}

static void
padding_show_network (CepaInstance *instance)
{
  if (padding_get_table (instance)->network_changed != NULL)
    CEPA_CHECK_CALL (instance->check, "network_changed",
                     padding_get_table (instance)->network_changed (instance->self,
                                                                    cepa_fake_network_get_view (instance->network)));
}

void
cepa_check_use_padding (CepaInstance *instance)
{
  PaddingWideTarget wide;
  gboolean has_machine;

  padding_show_network (instance);
  padding_init_target (&wide, CEPA_PADDING_CHANNEL, 1, 0);
  padding_run_machine (instance, &wide.target, 4, &has_machine);
  padding_init_target (&wide, CEPA_PADDING_CIRCUIT, 2, 3);
  padding_run_machine (instance, &wide.target, 4, &has_machine);
}

static void
padding_with_instance (CepaCheck *check, guint64 seed, void (*func) (CepaInstance *instance))
{
  CepaInstance instance;

  if (!cepa_instance_init (&instance, check, seed))
    return;
  if (cepa_instance_start (&instance))
    {
      padding_show_network (&instance);
      func (&instance);
      cepa_instance_stop (&instance);
    }
  cepa_instance_destroy (&instance);
}

static void
padding_try_targets (CepaInstance *instance)
{
  guint n_machines[2] = { 0 }, n_actions[2] = { 0 };

  for (guint i = 0; i < 40; i++)
    {
      PaddingWideTarget wide;
      guint scope = i % 2;
      gboolean has_machine;

      padding_init_target (&wide, scope, i + 1, 1 + i % 8);
      wide.target.purpose = i / 2 % 3;
      if (scope == CEPA_PADDING_CHANNEL)
        wide.target.link_version = 3 + i / 2 % 4;
      if (i >= 20)
        wide.target.size = sizeof wide;
      n_actions[scope] += padding_run_machine (instance, &wide.target, i % 3 == 0 ? 4 : PADDING_MAX_ACTIONS,
                                               &has_machine);
      n_machines[scope] += has_machine;
    }
  cepa_check_note (instance->check, "channels: %u machines, %u actions; circuits: %u machines, %u actions",
                   n_machines[0], n_actions[0], n_machines[1], n_actions[1]);
  if (n_machines[0] + n_machines[1] == 0)
    cepa_check_fail (instance->check, "it has no machine for any channel or circuit");
}

static void
padding_check_targets (CepaCheck *check)
{
  padding_with_instance (check, 100, padding_try_targets);
}

/* Events and counts that this version does not have, and clocks that have stood still or run far. */
static void
padding_try_unknown (CepaInstance *instance)
{
  static const CepaPaddingEvent odd[] = { { 99, 1 }, { G_MAXUINT32, 1 }, { CEPA_PADDING_NORMAL_SENT, G_MAXUINT32 },
                                          { CEPA_PADDING_TIMER_END, 1 }, { CEPA_PADDING_BLOCKING_END, 5 },
                                          { CEPA_PADDING_REFUSED, 1000 }, { CEPA_PADDING_NORMAL_RECEIVED, 0 } };

  for (guint scope = 0; scope < 3; scope++)
    {
      PaddingWideTarget wide;
      void *machine;

      padding_init_target (&wide, scope == 2 ? 77 : scope, 1, 3);
      machine = padding_new_machine (instance, &wide.target);
      for (guint i = 0; machine != NULL && i < 200; i++)
        {
          padding_trigger (instance, &wide.target, machine, odd, G_N_ELEMENTS (odd), 4);
          padding_trigger (instance, &wide.target, machine, &odd[i % G_N_ELEMENTS (odd)], 1, 4);
          if (i % 50 == 0)
            cepa_fake_host_advance (instance->host, 400 * G_TIME_SPAN_DAY);
        }
      if (machine != NULL)
        padding_free_machine (instance, machine);
    }
}

static void
padding_check_unknown (CepaCheck *check)
{
  padding_with_instance (check, 200, padding_try_unknown);
}

/* Many at once, freed in another order, some before anything happened to them. */
static void
padding_try_many (CepaInstance *instance)
{
  g_autoptr (GPtrArray) machines = g_ptr_array_new ();
  CepaPaddingEvent events[PADDING_MAX_EVENTS];
  PaddingWideTarget wide;

  padding_init_target (&wide, CEPA_PADDING_CHANNEL, 1, 0);
  for (guint i = 0; i < 500; i++)
    {
      void *machine;

      padding_init_target (&wide, i % 2, i + 1, 3);
      machine = padding_new_machine (instance, &wide.target);
      if (machine != NULL && i % 3 == 0)
        padding_trigger (instance, &wide.target, machine, events, padding_draw_events (instance, events), 4);
      if (machine != NULL)
        g_ptr_array_add (machines, machine);
    }
  while (machines->len > 0)
    padding_free_machine (instance, g_ptr_array_remove_index_fast (machines, (guint) padding_draw (instance,
                                                                                                   machines->len)));
}

static void
padding_check_many (CepaCheck *check)
{
  padding_with_instance (check, 300, padding_try_many);
}

static void
padding_try_allocations (CepaInstance *instance)
{
  for (guint scope = 0; scope < 2; scope++)
    {
      CepaPaddingEvent events[PADDING_MAX_EVENTS];
      CepaPaddingAction actions[4];
      PaddingWideTarget wide;
      void *machine;
      guint n = 0;

      padding_init_target (&wide, scope, 1, 3);
      machine = padding_new_machine (instance, &wide.target);
      for (guint i = 0; machine != NULL && i < PADDING_N_TURNS; i++)
        {
          guint n_events = padding_draw_events (instance, events);
          gint64 now_us = cepa_host_monotonic_us (cepa_fake_host_get_table (instance->host));

          cepa_allocations_begin ();
          padding_get_table (instance)->trigger (instance->self, machine, events, n_events, now_us, actions, 4);
          n += cepa_allocations_end ();
          cepa_fake_host_advance (instance->host, 10 * G_TIME_SPAN_MILLISECOND);
        }
      if (n > 0)
        cepa_check_fail (instance->check, "trigger allocated %u times in %u calls, and it is the hot path", n,
                         PADDING_N_TURNS);
      if (machine != NULL)
        padding_free_machine (instance, machine);
    }
}

static void
padding_check_allocations (CepaCheck *check)
{
  if (check->is_slow || !cepa_allocations_can_count ())
    cepa_check_skip (check, "valgrind and sanitizers have allocators of their own");
  else
    padding_with_instance (check, 400, padding_try_allocations);
}

static void
padding_try_networks (CepaInstance *instance)
{
  static const char *const names[] = { "nf_ito_low", "nf_ito_high", "nf_ito_low_reduced", "nf_ito_high_reduced",
                                       "circpad_max_circ_queued_cells", "circpad_padding_disabled" };
  static const gint32 values[] = { 0, 1, 1500, 9500, 60000, G_MAXINT32, -1, G_MININT32 };
  PaddingWideTarget wide;
  gboolean has_machine;

  for (guint i = 0; i < G_N_ELEMENTS (names) * G_N_ELEMENTS (values); i++)
    {
      cepa_fake_network_set_param (instance->network, names[i % G_N_ELEMENTS (names)],
                                   values[i / G_N_ELEMENTS (names)]);
      padding_show_network (instance);
      padding_init_target (&wide, i % 2, 1, 3);
      padding_run_machine (instance, &wide.target, 4, &has_machine);
    }
}

static void
padding_check_networks (CepaCheck *check)
{
  padding_with_instance (check, 500, padding_try_networks);
}

const CepaCheckRule cepa_check_padding_rules[] = {
  { "padding-actions", padding_check_targets },      { "padding-unknown", padding_check_unknown },
  { "padding-many", padding_check_many },            { "padding-no-allocation", padding_check_allocations },
  { "padding-parameters", padding_check_networks },  { NULL, NULL },
};
