/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to the daemon. */
#pragma once

#include "ctl/ctl.h"

G_BEGIN_DECLS

typedef struct _CepaCtlLink CepaCtlLink;

/* The interface that a call or property is of: without "org.cepa.". */
#define CEPA_CTL_PREFIX "org.cepa."

/**
 * cepa_ctl_link_open:
 *
 * Finds the daemon: at the socket or on the bus that @options name, or else at its usual sockets and on the session
 * bus. Waits some seconds for a daemon that is there and does not answer.
 *
 * Returns: (transfer full) (nullable): NULL with CEPA_CTL_ERROR_NO_DAEMON: where it was looked for, and what to do.
 */
CepaCtlLink *cepa_ctl_link_open (const CepaCtlOptions *options, GError **error);
void cepa_ctl_link_free (CepaCtlLink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaCtlLink, cepa_ctl_link_free)

/**
 * cepa_ctl_link_call:
 * @method: "Circuits1.List"
 * @args: (transfer floating) (nullable): a tuple
 * @type: of the reply: "(aa{sv})"
 * @doing: what is shown on a terminal when it takes longer than a second: "Starting path.uniform"
 *
 * Returns: (transfer full) (nullable)
 */
GVariant *cepa_ctl_link_call (CepaCtlLink *self, const char *method, GVariant *args, const char *type,
                              const char *doing, GError **error);

/* Returns: (transfer full) (nullable): the properties of an interface, "Client1", as a{sv}. */
GVariant *cepa_ctl_link_properties (CepaCtlLink *self, const char *interface_name, GError **error);

/* @interface_name: "Client1". Valid during the call. */
typedef void (*CepaCtlSignalFunc) (gpointer user_data, const char *interface_name, const char *signal, GVariant *args);

/* Once: from now on @func is called, within cepa_ctl_link_wait(), for the signals that everybody gets. */
void cepa_ctl_link_listen (CepaCtlLink *self, CepaCtlSignalFunc func, gpointer user_data);

/* Waits until a signal has come, or for @timeout_ms; negative: for ever. Returns: FALSE with CEPA_CTL_ERROR_GONE when
   the daemon has gone. */
gboolean cepa_ctl_link_wait (CepaCtlLink *self, int timeout_ms, GError **error);

G_END_DECLS
