/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of the vocabulary, which may be answered later, or never once the front end stops. */
#include "control.h"

typedef struct
{
  CepaTorControl *control;
  GList link;
  CepaTorCallFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
} TorCall;

static void
tor_call_on_reply (void *user_data, GVariant *result, const GError *error)
{
  TorCall *call = user_data;

  g_queue_unlink (&call->control->calls, &call->link);
  if (call->func != NULL)
    call->func (call->user_data, result, error);
  if (call->destroy != NULL)
    call->destroy (call->user_data);
  g_free (call);
}

void
cepa_tor_call (CepaTorControl *self, const char *interface_name, const char *method, GVariant *args,
               CepaTorCallFunc func, gpointer user_data, GDestroyNotify destroy)
{
  TorCall *call = g_new0 (TorCall, 1);

  *call = (TorCall) { .control = self, .func = func, .user_data = user_data, .destroy = destroy };
  call->link.data = call;
  g_queue_push_tail_link (&self->calls, &call->link);
  cepa_vocabulary_call (self->host, interface_name, method, args, tor_call_on_reply, call);
}

GVariant *
cepa_tor_get (CepaTorControl *self, const char *interface_name, const char *property, const char *type)
{
  GVariant *value = cepa_vocabulary_get (self->host, interface_name, property, NULL);

  if (value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
    g_clear_pointer (&value, g_variant_unref);
  return value;
}

void
cepa_tor_calls_drop (CepaTorControl *self)
{
  GList *link;

  while ((link = g_queue_pop_head_link (&self->calls)) != NULL)
    {
      TorCall *call = link->data;

      if (call->destroy != NULL)
        call->destroy (call->user_data);
      g_free (call);
    }
}
