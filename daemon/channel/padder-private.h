/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by padding.c and padder.c. */
#pragma once

#include "channel/padder.h"

G_BEGIN_DECLS

/* Events that come from the machine's own actions: one for each action of a trigger, and three of timers. */
#define CEPA_PADDER_MAX_OWN (CEPA_PADDING_MAX_ACTIONS + 3)
#define CEPA_PADDER_NEVER (-1)

/* What belongs to the machine and begins anew with each. */
typedef struct
{
  CepaCellCounts seen;    /* told so far */
  CepaCellCounts noticed; /* of a patient machine: what there was at @noticed_us, when the last cell came or went */
  gint64 noticed_us;
  gboolean told_opened, told_in_use, told_stream;
  guint64 waiting, marked, mark; /* cells queued behind @mark; up to it; @mark: a number of the channel's queue */
  guint n_own;
  CepaPaddingEvent own[CEPA_PADDER_MAX_OWN];
  gint64 own_due_us;
  gint64 action_due_us, timer_due_us;
  CepaPaddingAction action; /* SEND or BLOCK, with @action_due_us */
  gboolean is_blocked, lets_bypass;
  gint64 blocked_until_us;
  gboolean has_negotiated;
  guint n_replaced; /* padding for which a cell with a purpose stood */
  guint broken; /* bits of the rules that it broke */
} CepaPadderRun;

struct _CepaPadder
{
  CepaPadding *padding;
  CepaPadders *padders;
  GList link; /* in the padding's list */
  CepaPaddingTarget target;
  const CepaCellCounts *counts;
  const CepaPadderFuncs *funcs;
  gpointer user_data;
  gint64 opened_us;
  gboolean in_use, has_stream;
  gboolean is_listed;         /* by @padders: it has a machine, or had one until just now */
  gboolean must_release;      /* DATA that is held back no more, but does not know */
  gboolean is_turning, is_dead;
  guint64 n_spent;            /* of the budget */
  CepaPaddingMachine machine; /* @trigger is NULL without one */
  CepaPadderRun run;
};

/* padding.c */
void cepa_padding_add (CepaPadding *self, CepaPadder *padder);    /* and offers it a machine */
void cepa_padding_remove (CepaPadding *self, CepaPadder *padder);
const CepaClock *cepa_padding_get_clock (const CepaPadding *self);

/* @n: cells with a purpose that were sent on circuits. */
void cepa_padding_note_normal (CepaPadding *self, guint64 n);

typedef enum
{
  CEPA_PADDING_ALLOWED,
  CEPA_PADDING_OVER_BUDGET, /* the machine's own */
  CEPA_PADDING_FORBIDDEN,   /* by the consensus */
} CepaPaddingVerdict;

/* Whether @padder may send one more cell at @now_us, which is then spent. @is_padding: it is not PADDING_NEGOTIATE,
   about which the consensus has nothing to say. */
CepaPaddingVerdict cepa_padding_spend (CepaPadding *self, CepaPadder *padder, gboolean is_padding, gint64 now_us);

/* padder.c */
void cepa_padder_take_machine (CepaPadder *self, const CepaPaddingMachine *machine);
void cepa_padder_drop_machine (CepaPadder *self);

G_END_DECLS
