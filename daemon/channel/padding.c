/* SPDX-License-Identifier: BSD-3-Clause */
#include "channel/padding.h"

#include <cepa/network.h>

#include "channel/padder-private.h"

/* Ranges of the parameters (padding-spec; C Tor reads them so). */
#define PADDING_MAX_ITO_MS 60000
#define PADDING_ITO_LOW_MS 1500
#define PADDING_ITO_HIGH_MS 9500
#define PADDING_MAX_ALLOWED_CELLS 65534

struct _CepaPadding
{
  const CepaClock *clock;
  CepaPaddingProvider provider;
  CepaPaddingParams params;
  GQueue padders; /* (element-type CepaPadder): whatever is open, with and without a machine */
  guint64 n_drop, n_normal; /* cells sent on circuits */
};

CepaPadding *
cepa_padding_new (const CepaClock *clock, const CepaPaddingProvider *provider)
{
  CepaPadding *self = g_new0 (CepaPadding, 1);

  self->clock = clock;
  self->provider = *provider;
  g_queue_init (&self->padders);
  return self;
}

void
cepa_padding_free (CepaPadding *self)
{
  if (self == NULL)
    return;
  g_warn_if_fail (self->padders.length == 0);
  g_free (self);
}

const CepaClock *
cepa_padding_get_clock (const CepaPadding *self)
{
  return self->clock;
}

void
cepa_padding_set_params (CepaPadding *self, const CepaPaddingParams *params)
{
  self->params = *params;
}

static guint
padding_param (const CepaNetworkView *view, const char *name, gint fallback, gint maximum)
{
  return (guint) CLAMP (cepa_network_view_param (view, name, fallback), 0, maximum);
}

void
cepa_padding_network_changed (CepaPadding *self, const CepaNetworkView *view)
{
  guint low = padding_param (view, "nf_ito_low", PADDING_ITO_LOW_MS, PADDING_MAX_ITO_MS);
  guint high = padding_param (view, "nf_ito_high", PADDING_ITO_HIGH_MS, PADDING_MAX_ITO_MS);
  CepaPaddingParams params = {
    .channels_disabled = low == 0 && high == 0,
    .circuits_disabled = padding_param (view, "circpad_padding_disabled", 0, 1) != 0,
    .allowed_cells = padding_param (view, "circpad_global_allowed_cells", 0, PADDING_MAX_ALLOWED_CELLS),
    .max_percent = padding_param (view, "circpad_global_max_padding_pct", 0, 100),
  };

  cepa_padding_set_params (self, &params);
}

/* ---- who has a machine ---- */

static void
padding_offer_to (CepaPadding *self, CepaPadder *padder)
{
  CepaPaddingMachine machine = { 0 };

  if (padder->machine.trigger == NULL
      && self->provider.get_machine (self->provider.user_data, &padder->target, &machine))
    cepa_padder_take_machine (padder, &machine);
}

void
cepa_padding_add (CepaPadding *self, CepaPadder *padder)
{
  padder->link.data = padder;
  g_queue_push_tail_link (&self->padders, &padder->link);
  padding_offer_to (self, padder);
}

void
cepa_padding_remove (CepaPadding *self, CepaPadder *padder)
{
  g_queue_unlink (&self->padders, &padder->link);
}

void
cepa_padding_offer (CepaPadding *self)
{
  for (GList *l = self->padders.head; l != NULL; l = l->next)
    padding_offer_to (self, l->data);
}

void
cepa_padding_withdraw (CepaPadding *self, gpointer owner)
{
  for (GList *l = self->padders.head; l != NULL; l = l->next)
    {
      CepaPadder *padder = l->data;

      if (padder->machine.trigger != NULL && padder->machine.owner == owner)
        cepa_padder_drop_machine (padder);
    }
  cepa_padding_offer (self);
}

guint
cepa_padding_count_machines (const CepaPadding *self)
{
  guint n = 0;

  for (const GList *l = self->padders.head; l != NULL; l = l->next)
    n += ((const CepaPadder *) l->data)->machine.trigger != NULL;
  return n;
}

/* ---- the budget ---- */

void
cepa_padding_note_normal (CepaPadding *self, guint64 n)
{
  self->n_normal += n;
}

/* Whether the consensus allows one more. */
static gboolean
padding_is_permitted (const CepaPadding *self, const CepaPadder *padder)
{
  const CepaPaddingParams *params = &self->params;

  if (padder->target.scope == CEPA_PADDING_CHANNEL)
    return !params->channels_disabled;
  if (params->circuits_disabled)
    return FALSE;
  if (params->max_percent == 0 || self->n_drop < params->allowed_cells)
    return TRUE;
  return self->n_drop * 100 <= (self->n_drop + self->n_normal) * params->max_percent;
}

static guint64
padding_get_budget (const CepaPadder *padder, gint64 now_us)
{
  const CepaCellCounts *counts = padder->counts;
  gboolean is_channel = padder->target.scope == CEPA_PADDING_CHANNEL;
  guint64 normal = counts->sent - counts->padding_sent + counts->received - counts->padding_received;
  guint64 seconds = (guint64) MAX (now_us - padder->opened_us, 0) / G_USEC_PER_SEC;

  return is_channel ? CEPA_PADDING_CHANNEL_CELLS + seconds * CEPA_PADDING_CHANNEL_CELLS_PER_MINUTE / 60
                          + normal * CEPA_PADDING_CHANNEL_PERCENT / 100
                    : CEPA_PADDING_CIRCUIT_CELLS + seconds * CEPA_PADDING_CIRCUIT_CELLS_PER_MINUTE / 60
                          + normal * CEPA_PADDING_CIRCUIT_PERCENT / 100;
}

CepaPaddingVerdict
cepa_padding_spend (CepaPadding *self, CepaPadder *padder, gboolean is_padding, gint64 now_us)
{
  if (is_padding && !padding_is_permitted (self, padder))
    return CEPA_PADDING_FORBIDDEN;
  if (padder->n_spent >= padding_get_budget (padder, now_us))
    return CEPA_PADDING_OVER_BUDGET;
  padder->n_spent++;
  if (is_padding && padder->target.scope == CEPA_PADDING_CIRCUIT)
    self->n_drop++;
  return CEPA_PADDING_ALLOWED;
}
