/* SPDX-License-Identifier: BSD-3-Clause */
/* The vocabulary over D-Bus: on a socket of its own, and on a message bus where there is one. */
#pragma once

#include <cepa/control.h>

G_BEGIN_DECLS

typedef struct _CepaDbus CepaDbus;

/* @host: (transfer none): outlives it. */
CepaDbus *cepa_dbus_new (const CepaHost *host);
void cepa_dbus_free (CepaDbus *self);

/* As CepaPlugin.start and stop. */
void cepa_dbus_start (CepaDbus *self, uint64_t task);
void cepa_dbus_stop (CepaDbus *self, uint64_t task);

/* Returns: (transfer full): as CepaControlTable.list_addresses. */
char *cepa_dbus_list_addresses (CepaDbus *self);

G_END_DECLS
