/* SPDX-License-Identifier: BSD-3-Clause */
/* The padding plugins that run, as the one place where channels and circuits get machines. */
#pragma once

#include "channel/padding.h"
#include "host/host.h"

G_BEGIN_DECLS

typedef struct _CepaHostPadding CepaHostPadding;

CepaHostPadding *cepa_host_padding_new (CepaPluginHost *host);
void cepa_host_padding_free (CepaHostPadding *self);

/* Returns: (transfer none): for whoever makes channels. */
CepaPadding *cepa_host_padding_get (CepaHostPadding *self);

/* The directory has changed: its limits hold from now on, and the plugins are told. */
void cepa_host_padding_network_changed (CepaHostPadding *self, const CepaNetworkView *view);

/* Of the host; (transfer none). */
CepaHostPadding *cepa_host_get_padding (CepaPluginHost *host);

G_END_DECLS
