/* SPDX-License-Identifier: BSD-3-Clause */
/* The one error domain: each kind tells the caller what can be done about it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define CEPA_ERROR (cepa_error_quark ())

typedef enum
{
  CEPA_ERROR_INTERNAL,          /* a fault of ours */
  CEPA_ERROR_CONFIG,            /* the user's configuration: change it */
  CEPA_ERROR_FILE,              /* a local file or directory: permissions, space, content */
  CEPA_ERROR_NETWORK_DOWN,      /* could not connect: try another relay or later */
  CEPA_ERROR_CLOCK_SKEW,        /* our clock or the peer's is wrong */
  CEPA_ERROR_PROTOCOL,          /* a peer broke the protocol */
  CEPA_ERROR_IDENTITY,          /* a relay is not who it should be */
  CEPA_ERROR_BAD_DOCUMENT,      /* a directory document cannot be parsed */
  CEPA_ERROR_BAD_SIGNATURE,     /* a document or certificate is not signed as it must be */
  CEPA_ERROR_EXPIRED,           /* a document or certificate outside its lifetime */
  CEPA_ERROR_NOT_FOUND,         /* asked for something that is not there */
  CEPA_ERROR_NO_PATH,           /* no relays fit the request */
  CEPA_ERROR_REMOTE_REFUSED,    /* the exit or the target refused */
  CEPA_ERROR_RESOLVE_FAILED,    /* the exit could not resolve the name */
  CEPA_ERROR_TIMEOUT,           /* took too long */
  CEPA_ERROR_CLOSED,            /* the other side went away */
  CEPA_ERROR_LIMIT,             /* a limit of ours was reached */
  CEPA_ERROR_PLUGIN,            /* a plugin is unusable or broke a rule */
  CEPA_ERROR_CANCELLED,         /* shutting down */
} CepaErrorKind;

GQuark cepa_error_quark (void);

G_END_DECLS
