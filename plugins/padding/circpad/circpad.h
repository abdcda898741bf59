/* SPDX-License-Identifier: BSD-3-Clause */
/* Padding as C Tor knows it: channels against flow records, circuits by histogram state machines. */
#pragma once

#include <cepa/network.h>
#include <cepa/padding.h>

G_BEGIN_DECLS

typedef struct _CepaCircpad CepaCircpad;

/* @host: outlives it; its options are read. */
CepaCircpad *cepa_circpad_new (const CepaHost *host);
void cepa_circpad_free (CepaCircpad *self);

/* Reads the files of the option machines. FALSE: one cannot be read, or is not a machine. */
gboolean cepa_circpad_load (CepaCircpad *self, GError **error);

void cepa_circpad_set_params (CepaCircpad *self, const CepaNetworkView *view);

/* Returns: (transfer full) (nullable) */
void *cepa_circpad_machine_new (CepaCircpad *self, const CepaPaddingTarget *target);
void cepa_circpad_machine_free (void *machine);
/* Whether it can be told of cells late: that of a link counts idle time, those of circuits answer to each cell. */
gboolean cepa_circpad_machine_is_patient (const void *machine);
guint32 cepa_circpad_machine_trigger (void *machine, const CepaPaddingEvent *events, guint32 n_events, gint64 now_us,
                                      CepaPaddingAction *actions, guint32 max_actions);

G_END_DECLS
