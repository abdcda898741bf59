/* SPDX-License-Identifier: BSD-3-Clause */
/* A control plugin that is good, or bad in one way. */
#include "bad.h"

typedef struct
{
  const CepaHost *host;
  guint64 subscription;
  guint n_signals;
} Bad;

static void *
bad_create (const CepaHost *host, G_GNUC_UNUSED GError **error)
{
  Bad *self = g_new0 (Bad, 1);

  self->host = host;
  return self;
}

static void
bad_signal (void *data, G_GNUC_UNUSED const char *interface_name, G_GNUC_UNUSED const char *signal,
            G_GNUC_UNUSED GVariant *args)
{
  Bad *self = data;

  self->n_signals++;
  if (bad_is ("signal-crashes"))
    bad_crash ();
}

static void
bad_start (void *data, guint64 task)
{
  Bad *self = data;
  g_autoptr (GVariant) state = cepa_vocabulary_get (self->host, "Client1", "State", NULL);

  if (bad_is ("needs-state"))
    g_variant_get_string (state, NULL)[0] == 'x' ? bad_crash () : (void) 0;
  self->subscription = cepa_vocabulary_subscribe (self->host, "Circuits1", NULL, bad_signal, self);
  cepa_host_complete (self->host, task, NULL);
}

static void
bad_stop (void *data, guint64 task)
{
  Bad *self = data;

  if (!bad_is ("subscription-left"))
    {
      cepa_vocabulary_unsubscribe (self->host, self->subscription);
      self->subscription = 0;
    }
  if (bad_is ("unsubscribes-odd"))
    cepa_vocabulary_unsubscribe (self->host, 4711);
  cepa_host_complete (self->host, task, NULL);
}

static void
bad_destroy (void *data)
{
  Bad *self = data;

  cepa_vocabulary_unsubscribe (self->host, self->subscription);
  g_free (self);
}

static char *
bad_list_addresses (G_GNUC_UNUSED void *self)
{
  return bad_is ("odd-address") ? g_strdup ("nowhere") : g_strdup ("127.0.0.1:9051\nunix:/run/x");
}

static const CepaControlTable bad_control = {
  .size = sizeof (CepaControlTable),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .list_addresses = bad_list_addresses,
};

CEPA_PLUGIN_EXPORT const CepaPlugin cepa_plugin_v1 = {
  .size = sizeof (CepaPlugin),
  .abi_major = CEPA_ABI_MAJOR,
  .abi_minor = CEPA_ABI_MINOR,
  .id = "control.bad",
  .name = "A bad plugin",
  .licence = "BSD-3-Clause",
  .create = bad_create,
  .start = bad_start,
  .stop = bad_stop,
  .destroy = bad_destroy,
  .control = &bad_control,
};
