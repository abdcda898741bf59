/* SPDX-License-Identifier: BSD-3-Clause */
/* A padding plugin that is good, or bad in one way. */
#include "bad.h"

typedef struct
{
  const CepaHost *host;
  guint machines;
  gint32 low_ms;
} Bad;

typedef struct
{
  guint32 scope;
  guint32 n_hops;
  guint counts[CEPA_PADDING_STREAM + 1];
} BadMachine;

static void *
bad_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Bad *self = g_new0 (Bad, 1);

  self->host = host;
  self->low_ms = 1500;
  return self;
}

static void
bad_destroy (void *self)
{
  g_free (self);
}

static void *
bad_machine_new (void *data, const CepaPaddingTarget *target)
{
  Bad *self = data;
  BadMachine *machine;

  if (bad_is ("no-machine") || target->scope > CEPA_PADDING_CIRCUIT)
    return NULL;
  self->machines++;
  if (bad_is ("few-machines") && self->machines > 10)
    bad_crash ();
  machine = g_new0 (BadMachine, 1);
  machine->scope = target->scope;
  machine->n_hops = target->n_hops;
  return machine;
}

static void
bad_machine_free (G_GNUC_UNUSED void *self, void *machine)
{
  if (!bad_is ("machine-left"))
    g_free (machine);
}

static guint32
bad_trigger (void *data, void *state, const CepaPaddingEvent *events, guint32 n_events, G_GNUC_UNUSED gint64 now_us,
             CepaPaddingAction *actions, guint32 max_actions)
{
  Bad *self = data;
  BadMachine *machine = state;
  gboolean is_channel = machine->scope == CEPA_PADDING_CHANNEL;

  for (guint i = 0; i < n_events; i++)
    if (events[i].type <= CEPA_PADDING_STREAM)
      machine->counts[events[i].type]++;
    else if (bad_is ("unknown-event"))
      bad_crash ();
  if (bad_is ("allocates"))
    g_free (g_strdup_printf ("%u", n_events));
  if (bad_is ("too-many"))
    return max_actions + 1;
  memset (actions, 0, sizeof *actions);
  if (bad_is ("writes-behind"))
    memset (actions + max_actions, 0, sizeof *actions);
  actions->type = bad_is ("action-type") ? 50 : bad_is ("negotiates") ? CEPA_PADDING_NEGOTIATE : CEPA_PADDING_SEND;
  actions->low_ms = bad_is ("negotiates") ? 9 : 0;
  actions->timeout_us = bad_is ("timeout") ? -5 : 1000000 / (bad_is ("divides") ? self->low_ms : 1);
  actions->hop = is_channel || !bad_is ("hop") ? 0 : machine->n_hops;
  actions->flags = bad_is ("flags") ? 1u << 20 : 0;
  if (bad_is ("blocks"))
    actions->type = CEPA_PADDING_BLOCK;
  return 1;
}

static void
bad_network_changed (void *data, const CepaNetworkView *view)
{
  Bad *self = data;

  self->low_ms = cepa_network_view_param (view, "nf_ito_low", 1500);
}

static const CepaPaddingTable bad_padding = {
  .size = sizeof (CepaPaddingTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .machine_new = bad_machine_new,
  .machine_free = bad_machine_free,
  .trigger = bad_trigger,
  .network_changed = bad_network_changed,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "padding.bad",
  .name = "A bad plugin",
  .licence = "BSD-3-Clause",
  .create = bad_create,
  .destroy = bad_destroy,
  .padding = &bad_padding,
};
