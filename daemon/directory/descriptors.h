/* SPDX-License-Identifier: BSD-3-Clause */
/* The texts of relays' descriptors, for who asks for one. */
#pragma once

#include <gio/gio.h>

#include "directory/directory.h"

G_BEGIN_DECLS

/* Returns: (transfer none) (nullable): @self or, with fetches_useless, the one beside it, by which has this flavour; NULL
   when none has. Ask the one beside for its network and for descriptors alone. */
CepaDirectory *cepa_directory_get_of_flavour (CepaDirectory *self, CepaConsensusFlavour flavour);

/* Looks in a worker for the descriptor of @row of the network, which must be there. */
void cepa_directory_find_descriptor_async (CepaDirectory *self, guint row, GAsyncReadyCallback callback,
                                           gpointer user_data);

/* Returns: (transfer full) (nullable): its text; NULL when it is not here. */
char *cepa_directory_find_descriptor_finish (GAsyncResult *result);

G_END_DECLS
