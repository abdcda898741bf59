/* SPDX-License-Identifier: BSD-3-Clause */
#include "netflow.h"

#include <cepa/services.h>

/* Defaults and the greatest value of the parameters (C Tor 0.4.9 reads them so). */
#define NETFLOW_LOW_MS 1500
#define NETFLOW_HIGH_MS 9500
#define NETFLOW_REDUCED_LOW_MS 9000
#define NETFLOW_REDUCED_HIGH_MS 14000
#define NETFLOW_MAX_MS 60000

#define NETFLOW_LINK_VERSION 5 /* that can negotiate padding */
#define NETFLOW_US_PER_MS 1000

struct _CepaNetflowMachine
{
  const CepaNetflow *netflow;
  gboolean can_negotiate;
  gboolean had_circuit, had_stream; /* for ever, once it was so */
  gboolean is_armed;                /* the internal timer is set */
  guint armed_version;              /* by these parameters */
  gint64 idle_since_us;
  gint64 pad_at_us;                 /* 0: not drawn yet for this idle time */
};

void
cepa_netflow_init (CepaNetflow *self, const CepaHost *host, CepaNetflowMode mode, gboolean reduced)
{
  *self = (CepaNetflow){ .host = host,
                         .mode = mode,
                         .reduced = reduced,
                         .low_ms = NETFLOW_LOW_MS,
                         .high_ms = NETFLOW_HIGH_MS,
                         .reduced_low_ms = NETFLOW_REDUCED_LOW_MS,
                         .reduced_high_ms = NETFLOW_REDUCED_HIGH_MS,
                         .before_usage = TRUE };
}

static guint32
netflow_param (const CepaNetworkView *view, const char *name, gint32 fallback, guint32 minimum)
{
  return (guint32) CLAMP (cepa_network_view_param (view, name, fallback), (gint32) minimum, NETFLOW_MAX_MS);
}

void
cepa_netflow_set_params (CepaNetflow *self, const CepaNetworkView *view)
{
  self->low_ms = netflow_param (view, "nf_ito_low", NETFLOW_LOW_MS, 0);
  self->high_ms = netflow_param (view, "nf_ito_high", NETFLOW_HIGH_MS, self->low_ms);
  self->reduced_low_ms = netflow_param (view, "nf_ito_low_reduced", NETFLOW_REDUCED_LOW_MS, 0);
  self->reduced_high_ms
      = netflow_param (view, "nf_ito_high_reduced", NETFLOW_REDUCED_HIGH_MS, self->reduced_low_ms);
  self->before_usage = cepa_network_view_param (view, "nf_pad_before_usage", 1) != 0;
  self->version++;
}

/* The range in force; reduced, it is never below the other. FALSE: the network wants no padding. */
static gboolean
netflow_get_range (const CepaNetflow *self, guint32 *low_ms, guint32 *high_ms)
{
  *low_ms = self->low_ms;
  *high_ms = self->high_ms;
  if (*high_ms == 0)
    return FALSE;
  if (self->reduced && self->reduced_low_ms > 0 && self->reduced_high_ms > 0)
    {
      *low_ms = MAX (*low_ms, self->reduced_low_ms);
      *high_ms = MAX (*high_ms, self->reduced_high_ms);
    }
  return TRUE;
}

guint32
cepa_netflow_draw_ms (const CepaNetflow *self)
{
  guint32 low, high;
  guint64 first, second;

  netflow_get_range (self, &low, &high);
  if (low >= high)
    return low;
  first = cepa_host_random_below (self->host, high - low);
  second = cepa_host_random_below (self->host, high - low);
  return low + (guint32) MAX (first, second);
}

CepaNetflowMachine *
cepa_netflow_machine_new (const CepaNetflow *netflow, const CepaPaddingTarget *target)
{
  CepaNetflowMachine *self = g_new0 (CepaNetflowMachine, 1);

  self->netflow = netflow;
  self->can_negotiate = target->link_version >= NETFLOW_LINK_VERSION;
  self->idle_since_us = cepa_host_monotonic_us (netflow->host);
  return self;
}

void
cepa_netflow_machine_free (CepaNetflowMachine *self)
{
  g_free (self);
}

/* Whether the channel is to be padded now. */
static gboolean
netflow_is_wanted (const CepaNetflowMachine *self)
{
  const CepaNetflow *netflow = self->netflow;
  guint32 low, high;

  if (netflow->mode == CEPA_NETFLOW_NEVER || (netflow->mode == CEPA_NETFLOW_AUTO && !self->can_negotiate))
    return FALSE;
  if (!self->had_stream && !(self->had_circuit && netflow->before_usage))
    return FALSE;
  return netflow_get_range (netflow, &low, &high);
}

/* Takes in what happened; returns whether the timer has come. */
static gboolean
netflow_note_events (CepaNetflowMachine *self, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                     gboolean *opened)
{
  gboolean has_come = FALSE;

  for (guint32 i = 0; i < n_events; i++)
    switch (events[i].type)
      {
      case CEPA_PADDING_OPENED:
        *opened = TRUE;
        break;
      case CEPA_PADDING_IN_USE:
        self->had_circuit = TRUE;
        break;
      case CEPA_PADDING_STREAM:
        self->had_stream = TRUE;
        break;
      case CEPA_PADDING_TIMER_END:
        self->is_armed = FALSE;
        has_come = TRUE;
        break;
      case CEPA_PADDING_NORMAL_SENT:
      case CEPA_PADDING_PADDING_SENT:
      case CEPA_PADDING_TUNNEL_SENT:
      case CEPA_PADDING_TUNNEL_RECEIVED:
        self->idle_since_us = now_us;
        self->pad_at_us = 0;
        break;
      default:
        break;
      }
  return has_come;
}

/* Draws when the channel has been idle for the least time there is, not at each cell; then waits for what was drawn.
   Returns whether padding is due. */
static gboolean
netflow_is_due (CepaNetflowMachine *self, gint64 now_us)
{
  guint32 low, high;

  netflow_get_range (self->netflow, &low, &high);
  if (self->pad_at_us == 0 && now_us >= self->idle_since_us + (gint64) low * NETFLOW_US_PER_MS)
    self->pad_at_us = self->idle_since_us + (gint64) cepa_netflow_draw_ms (self->netflow) * NETFLOW_US_PER_MS;
  if (self->pad_at_us == 0 || now_us < self->pad_at_us)
    return FALSE;
  self->idle_since_us = now_us;
  self->pad_at_us = 0;
  return TRUE;
}

static void
netflow_arm (CepaNetflowMachine *self, gint64 now_us, CepaPaddingAction *action)
{
  guint32 low, high;
  gint64 due_us;

  netflow_get_range (self->netflow, &low, &high);
  due_us = self->pad_at_us != 0 ? self->pad_at_us : self->idle_since_us + (gint64) low * NETFLOW_US_PER_MS;
  *action = (CepaPaddingAction){ .type = CEPA_PADDING_UPDATE_TIMER,
                                 .flags = CEPA_PADDING_REPLACE,
                                 .duration_us = MAX (due_us - now_us, 0) };
  self->is_armed = TRUE;
  self->armed_version = self->netflow->version;
}

guint32
cepa_netflow_machine_trigger (CepaNetflowMachine *self, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                              CepaPaddingAction *actions, guint32 max_actions)
{
  gboolean opened = FALSE, has_come = netflow_note_events (self, events, n_events, now_us, &opened);
  guint32 n = 0;

  if (max_actions < 3)
    return 0;
  if (opened && self->can_negotiate && (self->netflow->mode == CEPA_NETFLOW_NEVER || self->netflow->reduced))
    actions[n++] = (CepaPaddingAction){ .type = CEPA_PADDING_NEGOTIATE };
  if (!netflow_is_wanted (self))
    return n;
  if (has_come && netflow_is_due (self, now_us))
    actions[n++] = (CepaPaddingAction){ .type = CEPA_PADDING_SEND, .flags = CEPA_PADDING_REPLACE };
  if (!self->is_armed || self->armed_version != self->netflow->version)
    netflow_arm (self, now_us, &actions[n++]);
  return n;
}
