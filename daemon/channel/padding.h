/* SPDX-License-Identifier: BSD-3-Clause */
/* Where machines for padding come from, what all of them together may send, and who has one. */
#pragma once

#include <cepa/padding.h>

#include "base/clock.h"

G_BEGIN_DECLS

/* The budget of a channel or circuit: so many cells of padding at once, so many more for each minute that it is open,
   and so many for each hundred cells with a purpose, sent or received. PADDING_NEGOTIATE counts as one. Netflow
   padding at its busiest, one cell in 1.5 s, is far below it; FRONT and WTF-PAD are around one cell for each real one. */
#define CEPA_PADDING_CHANNEL_CELLS 1000
#define CEPA_PADDING_CHANNEL_CELLS_PER_MINUTE 60
#define CEPA_PADDING_CHANNEL_PERCENT 100
#define CEPA_PADDING_CIRCUIT_CELLS 2000
#define CEPA_PADDING_CIRCUIT_CELLS_PER_MINUTE 60
#define CEPA_PADDING_CIRCUIT_PERCENT 100

/* No timer of a machine is set further ahead, and data is not held back for longer by one action. */
#define CEPA_PADDING_MAX_DELAY_US (G_GINT64_CONSTANT (86400) * G_USEC_PER_SEC)
#define CEPA_PADDING_MAX_BLOCK_US (60 * G_USEC_PER_SEC)
/* Of PADDING_NEGOTIATE: the consensus parameters nf_ito_* go as far. */
#define CEPA_PADDING_MAX_NEGOTIATED_MS 60000
/* Turns that a machine makes for itself, by its timers, are this far apart. */
#define CEPA_PADDING_MIN_DELAY_US 1000
/* Refusals wake nobody up before this. */
#define CEPA_PADDING_REFUSAL_DELAY_US G_USEC_PER_SEC
#define CEPA_PADDING_MAX_ACTIONS 8 /* room for those of one trigger */

typedef struct _CepaPadding CepaPadding;

/**
 * CepaPaddingMachine:
 * @machine: (nullable): passed to each
 * @owner: of whom cepa_padding_withdraw() takes away
 * @is_patient: CEPA_PADDING_PATIENT
 * @trigger: as of CepaPaddingTable
 * @violated: it broke @rule; told once for a machine and rule. @sentence: what it did and what would be right
 * @free: is called once when the machine is not used any more; from then on nothing else is
 *
 * A machine of a plugin, as the host gives it.
 */
typedef struct
{
  gpointer machine;
  gpointer owner;
  gboolean is_patient;
  guint32 (*trigger) (gpointer machine, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                      CepaPaddingAction *actions, guint32 max_actions);
  void (*violated) (gpointer machine, const char *rule, const char *sentence);
  void (*free) (gpointer machine);
} CepaPaddingMachine;

/**
 * CepaPaddingProvider:
 * @get_machine: fills @out and returns TRUE, or has none for @target
 */
typedef struct
{
  gboolean (*get_machine) (gpointer user_data, const CepaPaddingTarget *target, CepaPaddingMachine *out);
  gpointer user_data;
} CepaPaddingProvider;

/**
 * CepaPaddingParams:
 * @channels_disabled: nf_ito_low and nf_ito_high are 0
 * @circuits_disabled: circpad_padding_disabled
 * @allowed_cells: circpad_global_allowed_cells
 * @max_percent: circpad_global_max_padding_pct; 0 is no limit
 *
 * What the consensus says (padding-spec). The last two are for the DROP messages of all circuits, from the start of
 * the daemon: beyond @allowed_cells no more than @max_percent of the cells sent on open circuits.
 */
typedef struct
{
  gboolean channels_disabled, circuits_disabled;
  guint allowed_cells, max_percent;
} CepaPaddingParams;

/* @provider: copied; what it points to outlives the padding. */
CepaPadding *cepa_padding_new (const CepaClock *clock, const CepaPaddingProvider *provider);
/* No channel and no circuit that knows it is left. */
void cepa_padding_free (CepaPadding *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaPadding, cepa_padding_free)

void cepa_padding_set_params (CepaPadding *self, const CepaPaddingParams *params);

/* @view: its parameters are read. */
void cepa_padding_network_changed (CepaPadding *self, const CepaNetworkView *view);

/* The provider has more than before: whatever is open and has no machine is offered one. */
void cepa_padding_offer (CepaPadding *self);

/* Frees the machines of @owner at once, ends what they hold back, and offers others. */
void cepa_padding_withdraw (CepaPadding *self, gpointer owner);

/* How many machines there are. */
guint cepa_padding_count_machines (const CepaPadding *self);

G_END_DECLS
