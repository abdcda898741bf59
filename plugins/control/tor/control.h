/* SPDX-License-Identifier: BSD-3-Clause */
/* One running front end: its sockets, its controllers, what it asks the vocabulary. */
#pragma once

#include <cepa/control.h>
#include <gio/gio.h>

#include "auth.h"
#include "file.h"

G_BEGIN_DECLS

/* The Tor whose control protocol this is; controllers conclude from it what they may ask. */
#define CEPA_TOR_PROTOCOL_VERSION "0.4.9.11"

/* Controllers at one time; the oldest that has not authenticated makes room. */
#define CEPA_TOR_MAX_CONNECTIONS 128

typedef struct _CepaTorControl CepaTorControl;
typedef struct _CepaTorConnection CepaTorConnection;
typedef struct _CepaTorEvents CepaTorEvents;

struct _CepaTorControl
{
  const CepaHost *host;
  CepaTorAuth *auth;
  CepaTorEvents *events;
  GPtrArray *listeners;  /* of CepaTorListener */
  GPtrArray *connections; /* of CepaTorConnection, oldest first; each has a reference */
  GQueue calls;          /* of calls that have not been answered */
  CepaTorFile ports; /* the list of them, for others */
};

/* @host: must outlive it. Returns: (transfer full) (nullable): NULL with an error of CEPA_PLUGIN_ERROR. */
CepaTorControl *cepa_tor_control_new (const CepaHost *host, GError **error);
void cepa_tor_control_free (CepaTorControl *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CepaTorControl, cepa_tor_control_free)

/* Listens. Returns: FALSE with an error of CEPA_PLUGIN_ERROR; nothing is open then. */
gboolean cepa_tor_control_start (CepaTorControl *self, GError **error);

/* Closes everything, and removes its files. */
void cepa_tor_control_stop (CepaTorControl *self);

/* Returns: (transfer full): where controllers connect, one a line. */
char *cepa_tor_control_list_addresses (const CepaTorControl *self);

/* Takes a connection out of the list. */
void cepa_tor_control_forget (CepaTorControl *self, CepaTorConnection *connection);

/* @result, @error: (transfer none) (nullable): as of CepaReplyFunc */
typedef void (*CepaTorCallFunc) (gpointer user_data, GVariant *result, const GError *error);

/**
 * cepa_tor_call:
 * @args: (transfer floating) (nullable)
 * @destroy: (nullable): for @user_data: behind @func, or without it when the front end stops before
 *
 * Calls a method of the vocabulary.
 */
void cepa_tor_call (CepaTorControl *self, const char *interface_name, const char *method, GVariant *args,
                    CepaTorCallFunc func, gpointer user_data, GDestroyNotify destroy);

/* The front end stops: what has not been answered will not be. */
void cepa_tor_calls_drop (CepaTorControl *self);

/* Returns: (transfer full) (nullable): the property, if it is of @type. */
GVariant *cepa_tor_get (CepaTorControl *self, const char *interface_name, const char *property, const char *type);

G_END_DECLS
